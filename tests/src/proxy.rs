//! A TCP proxy that a test puts between a client and its server, to be the network that fails.
//!
//! ```text
//! client --> Proxy --> server        one thread a direction
//! ```
//!
//! | the network | what the client sees |
//! |---|---|
//! | passes | the server |
//! | delays | each piece of data arrives that much later |
//! | is silent | connections stay open and nothing arrives; what was sent arrives when it passes again |
//! | refuses | connections are closed, and new ones at once |
//!
//! A server that several clients reach through one proxy may be cut off from one of them, if its
//! clients say who they are ([`Proxy::telling_apart`]).

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// Everything arrives.
    #[default]
    Passes,
    /// Everything arrives later.
    Delays(Duration),
    /// Nothing arrives, and nobody is told.
    Silent,
    /// Nobody is there.
    Refuses,
}

/// A proxy. Dropping it ends its connections and its threads.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// What stands before the client's name in what it sends first.
    tag: Option<&'static str>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    network: Network,
    /// For those who said who they are.
    of: BTreeMap<String, Network>,
    closing: bool,
    /// Both ends of every connection, to cut them.
    ends: Vec<TcpStream>,
}

impl Proxy {
    /// A proxy on loopback to `server`, which need not listen yet.
    ///
    /// # Errors
    ///
    /// There is no port for it.
    pub fn to(server: SocketAddr) -> io::Result<Self> {
        Self::new(server, None)
    }

    /// The same, to a server whose clients each say who they are, in a line that begins with `tag`.
    ///
    /// # Errors
    ///
    /// As [`to`](Self::to).
    pub fn telling_apart(server: SocketAddr, tag: &'static str) -> io::Result<Self> {
        Self::new(server, Some(tag))
    }

    fn new(server: SocketAddr, tag: Option<&'static str>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            tag,
            ..Shared::default()
        });
        let accepted = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || accept(&listener, server, &accepted));
        Ok(Self {
            address,
            shared,
            accepting: Some(accepting),
        })
    }

    /// Where clients reach it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the network is like this, for old and new connections of one client.
    pub fn set_for(&self, client: &str, network: Network) {
        self.shared.lock().of.insert(client.to_owned(), network);
        self.shared.changed.notify_all();
    }

    /// From now on the network is like this, for everybody's old and new connections.
    pub fn set(&self, network: Network) {
        let mut state = self.shared.lock();
        state.of.clear();
        state.network = network;
        if network == Network::Refuses {
            state.cut();
        }
        self.shared.changed.notify_all();
    }

    /// Cuts every connection; new ones are as before.
    pub fn cut(&self) {
        self.shared.lock().cut();
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closing = true;
        state.of.clear();
        state.network = Network::Refuses;
        state.cut();
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the one that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until data of this client may arrive. False if it never will.
    fn lets_through(&self, client: Option<&String>) -> bool {
        let mut state = self.lock();
        loop {
            let own = client.and_then(|client| state.of.get(client));
            match *own.unwrap_or(&state.network) {
                Network::Passes => return true,
                Network::Refuses => return false,
                Network::Delays(delay) => {
                    drop(state);
                    std::thread::sleep(delay);
                    return true;
                }
                Network::Silent => {
                    let waited = self.changed.wait(state);
                    state = waited.unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl State {
    fn cut(&mut self) {
        for end in self.ends.drain(..) {
            // It may be closed already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, server: SocketAddr, shared: &Arc<Shared>) {
    let mut copies = Vec::new();
    while let Ok((client, _)) = listener.accept() {
        if shared.lock().closing {
            break;
        }
        if shared.lock().network == Network::Refuses {
            continue;
        }
        let Ok(server) = TcpStream::connect(server) else {
            continue;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let ends = [
            client.try_clone(),
            client.try_clone(),
            server.try_clone(),
            server.try_clone(),
        ];
        let [
            Ok(client_out),
            Ok(client_end),
            Ok(server_out),
            Ok(server_end),
        ] = ends
        else {
            continue;
        };
        shared.lock().ends.extend([client_end, server_end]);
        let who = Arc::<OnceLock<String>>::default();
        for (from, to) in [(client, server_out), (server, client_out)] {
            let (shared, who) = (Arc::clone(shared), Arc::clone(&who));
            copies.push(std::thread::spawn(move || copy(from, to, &who, &shared)));
        }
    }
    for copy in copies {
        let _ = copy.join();
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, who: &OnceLock<String>, shared: &Shared) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        let data = &piece[..length];
        if let (None, Some(name)) = (who.get(), shared.tag.and_then(|tag| name(data, tag))) {
            // The other direction has no names.
            let _ = who.set(name);
        }
        if !shared.lets_through(who.get()) || to.write_all(data).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// What follows `tag`, up to the end of its line.
fn name(data: &[u8], tag: &str) -> Option<String> {
    let text = String::from_utf8_lossy(data);
    let (_, rest) = text.split_once(tag)?;
    Some(rest.lines().next()?.trim().to_owned())
}
