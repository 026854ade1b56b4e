//! The socket: HTTP/2 for other processes of this user.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Endpoint, Server};

use super::super::EmbeddedEtcd;
use super::super::error::EmbeddedError;
use super::super::faults::Gate;
use super::super::service::Services;

/// How many bytes a client may be sent ahead.
const WINDOW: u32 = 1 << 20;

/// Binds the socket; the caller holds the lock, so one that lies there is dead.
pub(super) fn bind(socket: &Path) -> Result<UnixListener, EmbeddedError> {
    if socket.symlink_metadata().is_ok() {
        fs::remove_file(socket).map_err(EmbeddedError::io("delete", socket))?;
    }
    let listener = UnixListener::bind(socket).map_err(EmbeddedError::io("listen on", socket))?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))
        .map_err(EmbeddedError::io("make private", socket))?;
    Ok(listener)
}

/// Serves until the server stops.
pub(super) fn serve(etcd: &EmbeddedEtcd, listener: UnixListener) {
    let node = Arc::clone(etcd.node());
    let services = Services::new(Arc::clone(&node), Gate::new());
    let connections = UnixListenerStream::new(listener)
        .then(patiently)
        .filter(|connection| connection.as_ref().is_ok_and(is_welcome));
    let runtime = node.runtime().clone();
    runtime.spawn(async move {
        let served = Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(4 * WINDOW)
            .serve_with_incoming_shutdown(services, connections, node.stopped())
            .await;
        if let Err(error) = served {
            tracing::warn!(%error, "the embedded etcd's socket failed");
        }
    });
}

/// Slows down when connections cannot be accepted, for want of file descriptors for example.
async fn patiently(connection: io::Result<UnixStream>) -> io::Result<UnixStream> {
    if let Err(error) = &connection {
        tracing::warn!(%error, "the embedded etcd cannot accept a connection");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    connection
}

/// This user, and root, who could look anyway.
fn is_welcome(connection: &UnixStream) -> bool {
    let me = rustix::process::geteuid().as_raw();
    connection
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == me || peer.uid() == 0)
}

/// A connection to a host, made when it is needed.
pub(super) fn connect(socket: &Path) -> Channel {
    // Hosts choose paths that are text; another one is simply not there.
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.to_string_lossy()))
        .unwrap_or_else(|_| Endpoint::from_static("unix:///dev/null"));
    endpoint
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(4 * WINDOW)
        .connect_lazy()
}
