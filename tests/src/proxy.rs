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

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
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
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    network: Network,
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
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
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

    /// From now on the network is like this, for old and new connections.
    pub fn set(&self, network: Network) {
        let mut state = self.shared.lock();
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

    /// Waits until data may arrive. False if it never will.
    fn lets_through(&self) -> bool {
        let mut state = self.lock();
        loop {
            match state.network {
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
        for (from, to) in [(client, server_out), (server, client_out)] {
            let shared = Arc::clone(shared);
            copies.push(std::thread::spawn(move || copy(from, to, &shared)));
        }
    }
    for copy in copies {
        let _ = copy.join();
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        if !shared.lets_through() || to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
