//! The Lease service.
//!
//! A renewal's header is filled before the renewal, as in etcd, and a lease that is gone is answered with a TTL of zero,
//! not with an error. Requests of one keepalive stream are answered in order.

use etcd_client::proto::{
    PbLeaseGrantRequest, PbLeaseGrantResponse, PbLeaseKeepAliveRequest, PbLeaseKeepAliveResponse,
    PbLeaseLeasesRequest, PbLeaseLeasesResponse, PbLeaseRevokeRequest, PbLeaseRevokeResponse,
    PbLeaseService, PbLeaseTimeToLiveRequest, PbLeaseTimeToLiveResponse,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::super::node::Kind;
use super::super::store::Store;
use super::Entrance;
use crate::chance::random_u128;

type KeepAliveReply = Result<PbLeaseKeepAliveResponse, Status>;

#[tonic::async_trait]
impl PbLeaseService for Entrance {
    type LeaseKeepAliveStream = ReceiverStream<KeepAliveReply>;

    async fn lease_grant(
        &self,
        request: Request<PbLeaseGrantRequest>,
    ) -> Result<Response<PbLeaseGrantResponse>, Status> {
        let PbLeaseGrantRequest { ttl, id } = request.into_inner();
        let work = move |store: &mut Store, now| {
            let id = match id {
                0 => free_id(store),
                id => id,
            };
            store.grant(id, ttl, now)
        };
        self.node
            .call(&self.link, Kind::Write, work)
            .await
            .map(Response::new)
    }

    async fn lease_revoke(
        &self,
        request: Request<PbLeaseRevokeRequest>,
    ) -> Result<Response<PbLeaseRevokeResponse>, Status> {
        let id = request.into_inner().id;
        let work = move |store: &mut Store, _| store.revoke(id);
        self.node
            .call(&self.link, Kind::Write, work)
            .await
            .map(Response::new)
    }

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<PbLeaseKeepAliveRequest>>,
    ) -> Result<Response<Self::LeaseKeepAliveStream>, Status> {
        self.admit().await?;
        let (replies, stream) = mpsc::channel(16);
        let renewals = renew_all(self.clone(), request.into_inner(), replies);
        self.node.runtime().spawn(renewals);
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<PbLeaseTimeToLiveRequest>,
    ) -> Result<Response<PbLeaseTimeToLiveResponse>, Status> {
        let PbLeaseTimeToLiveRequest { id, keys } = request.into_inner();
        let work = move |store: &mut Store, now| Ok(store.time_to_live(id, keys, now));
        self.node
            .call(&self.link, Kind::Read, work)
            .await
            .map(Response::new)
    }

    async fn lease_leases(
        &self,
        _: Request<PbLeaseLeasesRequest>,
    ) -> Result<Response<PbLeaseLeasesResponse>, Status> {
        let work = move |store: &mut Store, _| Ok(store.list_leases());
        self.node
            .call(&self.link, Kind::Read, work)
            .await
            .map(Response::new)
    }
}

/// A positive id that no lease has.
fn free_id(store: &Store) -> i64 {
    // The low 63 bits: positive.
    let mut id = (random_u128() & i64::MAX as u128) as i64;
    while id == 0 || store.leases().get(id).is_some() {
        id = id.wrapping_add(1) & i64::MAX;
    }
    id
}

/// Answers a stream's renewals until it ends or is cut.
async fn renew_all(
    entrance: Entrance,
    mut requests: Streaming<PbLeaseKeepAliveRequest>,
    replies: mpsc::Sender<KeepAliveReply>,
) {
    let mut cut = std::pin::pin!(entrance.cut());
    loop {
        let request = tokio::select! {
            biased;
            () = entrance.node.stopped() => None,
            () = &mut cut => None,
            () = replies.closed() => return,
            request = requests.message() => match request {
                Ok(Some(request)) => Some(request.id),
                Ok(None) | Err(_) => return,
            },
        };
        let reply = match request {
            Some(id) => renew(&entrance, id).await,
            None => Err(Status::unavailable("etcdserver: stream cut")),
        };
        let last = reply.is_err();
        if replies.send(reply).await.is_err() || last {
            return;
        }
    }
}

async fn renew(entrance: &Entrance, id: i64) -> KeepAliveReply {
    entrance.admit().await?;
    let stale_term = entrance.link.stale_term();
    let reply = entrance.node.settle(|store, now| {
        let mut header = store.header(store.revision());
        let ttl = match stale_term {
            None => store.renew(id, now),
            // A leader that was deposed and does not know: it acknowledges and renews nothing.
            Some(term) => {
                header.raft_term = term;
                store.leases().get(id).map_or(0, |lease| lease.ttl)
            }
        };
        PbLeaseKeepAliveResponse {
            header: Some(header),
            id,
            ttl,
        }
    });
    let reply = reply.await;
    entrance.open().await;
    reply
}
