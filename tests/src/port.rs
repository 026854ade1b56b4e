//! Ports for servers that cannot be handed a socket and have to be told a number.
//!
//! A port that is free now may be anybody's when the server listens at last. Two kinds of others are kept
//! away from it: the kernel gives connections no port of this range, and tests in other processes reserve
//! theirs in the same way. So a server may also go and come back, and find its port free.
//!
//! # How it fails
//!
//! A program that is no test may take a port of this range after it was reserved. The server then does not
//! start, and says so.

use std::io;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

/// Below those that the kernel gives to connections.
const RANGE: std::ops::Range<u16> = 10_000..32_000;
/// So many are tried before there is none.
const TRIES: u32 = 100;

/// A port on loopback that is this test's own as long as this lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// Its name is the reservation: it is nobody else's as long as this socket is open, and leaves no file.
    _reserved: UnixListener,
}

impl Port {
    /// Reserves a port on which nobody listens.
    ///
    /// # Errors
    ///
    /// Many were tried, and all are in use.
    pub fn reserve() -> io::Result<Self> {
        let mut tried = 0;
        loop {
            tried += 1;
            match Self::try_reserve(fastrand::u16(RANGE)) {
                Err(error) if tried == TRIES => return Err(error),
                Err(_) => {}
                reserved => return reserved,
            }
        }
    }

    fn try_reserve(number: u16) -> io::Result<Self> {
        let name = SocketAddr::from_abstract_name(format!("process_runner_tests_port_{number}"))?;
        let reserved = UnixListener::bind_addr(&name)?;
        // Only now: whoever reserved it before may have had a server on it, which is gone by now.
        TcpListener::bind(("127.0.0.1", number))?;
        Ok(Self {
            number,
            _reserved: reserved,
        })
    }

    /// The port.
    pub fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_reserved_once_and_for_as_long_as_it_is_kept() {
        let port = Port::reserve().unwrap();
        let number = port.number();
        Port::try_reserve(number).unwrap_err();
        drop(port);
        let again = Port::try_reserve(number).unwrap();
        drop(again);
        let taken = TcpListener::bind(("127.0.0.1", number)).unwrap();
        Port::try_reserve(number).unwrap_err();
        drop(taken);
    }
}
