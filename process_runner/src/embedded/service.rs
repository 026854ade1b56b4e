//! The gRPC face of the server: etcd's KV, Watch, Lease and Maintenance services, and who gets which call.
//!
//! The same [`Services`] value serves a channel in this process and connections of a socket. It is a tower service from
//! HTTP request to HTTP response; what it does not know it answers with `Unimplemented`, as etcd would.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use etcd_client::proto::{PbKvServer, PbLeaseServer, PbMaintenanceServer, PbWatchServer};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;

use super::faults::Gate;
use super::node::Node;
use super::store::{Refusal, RefusalCode};

mod kv;
mod lease;
mod maintenance;
mod watch;

/// Larger than the longest request, so that the store judges lengths and words the refusal.
const MAX_DECODED: usize = 64 << 20;

/// One client's way into the server: the node, and the gate of this way.
#[derive(Debug, Clone)]
pub(super) struct Entrance {
    node: Arc<Node>,
    link: Arc<Gate>,
}

impl Entrance {
    fn gates(&self) -> [&Arc<Gate>; 2] {
        [&self.link, self.node.gate()]
    }

    /// Waits at both gates.
    async fn admit(&self) -> Result<(), Status> {
        let admitted = async {
            for gate in self.gates() {
                gate.admit().await?;
            }
            Ok(())
        };
        self.node.unless_stopped(admitted).await
    }

    /// Waits until both gates are open to replies.
    async fn open(&self) {
        let opened = async {
            for gate in self.gates() {
                gate.open().await;
            }
            Ok(())
        };
        // A server that stopped is noticed by who goes on.
        let _ = self.node.unless_stopped(opened).await;
    }

    /// Something that ends when a gate cuts the streams that are open now.
    fn cut(&self) -> impl Future<Output = ()> + Send + use<> {
        let [link, node] = self.gates().map(|gate| gate.cut());
        async move {
            tokio::select! {
                biased;
                () = link => {}
                () = node => {}
            }
        }
    }
}

/// All services behind one entrance.
#[derive(Debug, Clone)]
pub(crate) struct Services {
    kv: PbKvServer<Entrance>,
    lease: PbLeaseServer<Entrance>,
    watch: PbWatchServer<Entrance>,
    maintenance: PbMaintenanceServer<Entrance>,
}

impl Services {
    /// The services of `node`, behind a gate of their own.
    pub(crate) fn new(node: Arc<Node>, link: Arc<Gate>) -> Self {
        let entrance = Entrance { node, link };
        Self {
            kv: PbKvServer::new(entrance.clone()).max_decoding_message_size(MAX_DECODED),
            lease: PbLeaseServer::new(entrance.clone()),
            watch: PbWatchServer::new(entrance.clone()),
            maintenance: PbMaintenanceServer::new(entrance),
        }
    }
}

type Reply = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

impl Service<http::Request<Body>> for Services {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Reply;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Reply {
        let service = request.uri().path().split('/').nth(1);
        match service {
            Some("etcdserverpb.KV") => self.kv.call(request),
            Some("etcdserverpb.Lease") => self.lease.call(request),
            Some("etcdserverpb.Watch") => self.watch.call(request),
            Some("etcdserverpb.Maintenance") => self.maintenance.call(request),
            other => {
                let name = other.unwrap_or_default();
                let status = Status::unimplemented(format!("unknown service {name}"));
                Box::pin(async move { Ok(status.into_http()) })
            }
        }
    }
}

/// A refusal as clients see it.
pub(crate) fn status(refusal: Refusal) -> Status {
    let code = match refusal.code() {
        RefusalCode::InvalidArgument => Code::InvalidArgument,
        RefusalCode::OutOfRange => Code::OutOfRange,
        RefusalCode::NotFound => Code::NotFound,
        RefusalCode::FailedPrecondition => Code::FailedPrecondition,
        RefusalCode::ResourceExhausted => Code::ResourceExhausted,
    };
    Status::new(code, refusal.message())
}
