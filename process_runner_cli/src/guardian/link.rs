//! The socket between guardian and worker process: packets both ways, and the end of either.
//!
//! It comes to the worker process as its standard input, because that needs no agreement on numbers
//! or paths. The first packet brings the standard input of the guardian along, and that takes its
//! place: a job may read it as without a guardian.
//!
//! # Guarantees
//!
//! - One packet is one word, whole or not at all.
//! - Nobody else has an end of it: when one process is dead, the other one reads the end.
//! - Nothing blocks. A packet for a process that has not read for minutes is dropped, and the writer
//!   of reports keeps the newest one until there is room.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as Socket;

use process_runner::supervision::Predecessors;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, send, sendmsg, socketpair,
};
use tokio::net::UnixStream;

use super::words;

/// One end.
#[derive(Debug)]
pub(super) struct Link(UnixStream);

/// Makes a socket: the guardian's end, and the standard input of the worker process. Within a
/// runtime.
pub(super) fn pair(predecessors: &Predecessors) -> io::Result<(Link, OwnedFd)> {
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    let stdin = io::stdin();
    let stdin = [stdin.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut along = SendAncillaryBuffer::new(&mut space);
    along.push(SendAncillaryMessage::ScmRights(&stdin));
    let packet = words::start(predecessors);
    let packet = [IoSlice::new(packet.as_bytes())];
    sendmsg(&ours, &packet, &mut along, SendFlags::NOSIGNAL)?;
    Ok((Link::over(Socket::from(ours))?, theirs))
}

/// In the worker process: takes the socket from the standard input and puts there what the guardian
/// has. To be called first thing.
pub(super) fn adopt() -> io::Result<(Socket, Predecessors)> {
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let mut packet = [0; words::LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut along = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(&mut packet)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let length = recvmsg(&socket, &mut slices, &mut along, flags)?.bytes;
    let stdin = along.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    let stdin = stdin.ok_or(io::ErrorKind::InvalidData)?;
    rustix::stdio::dup2_stdin(stdin)?;
    let predecessors = words::parse_start(packet.get(..length).unwrap_or_default());
    let predecessors = predecessors.ok_or(io::ErrorKind::InvalidData)?;
    Ok((Socket::from(socket), predecessors))
}

impl Link {
    /// Within a runtime.
    pub(super) fn over(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        UnixStream::from_std(socket).map(Self)
    }

    /// The next word; `None` once the other process is dead. What is not understood is skipped.
    ///
    /// Cancel safe.
    pub(super) async fn hear<T>(&self, parse: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let mut packet = [0; words::LONGEST];
        loop {
            self.0.readable().await.ok()?;
            match self.0.try_read(&mut packet) {
                Ok(0) => return None,
                Ok(length) => match parse(&packet[..length]) {
                    None => tracing::debug!("a packet that is not understood"),
                    word => return word,
                },
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
    }

    /// Says `word`, as soon as there is room for it.
    ///
    /// Cancel safe: said whole or not at all.
    pub(super) async fn say(&self, word: &str) -> io::Result<()> {
        loop {
            self.0.writable().await?;
            match self.0.try_write(word.as_bytes()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done.map(drop),
            }
        }
    }

    /// Says `word` if there is room for it.
    pub(super) fn say_now(&self, word: &str) -> io::Result<()> {
        // Not by way of tokio, which takes a new socket for one without room until it has heard
        // otherwise.
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        send(&self.0, word.as_bytes(), flags)?;
        Ok(())
    }
}
