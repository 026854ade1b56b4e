//! The Maintenance service: enough to say who is there and that no alarm is raised.

use etcd_client::proto::{
    PbAlarmRequest, PbAlarmResponse, PbDefragmentRequest, PbDefragmentResponse, PbDowngradeRequest,
    PbDowngradeResponse, PbHashKvRequest, PbHashKvResponse, PbHashRequest, PbHashResponse,
    PbMaintenanceService, PbMoveLeaderRequest, PbMoveLeaderResponse, PbSnapshotRequest,
    PbSnapshotResponse, PbStatusRequest, PbStatusResponse,
};
use tokio_stream::Empty;
use tonic::{Request, Response, Status};

use super::super::node::Kind;
use super::super::store::Store;
use super::Entrance;

/// The etcd whose behaviour and fixes this one has; the rest marks it as embedded.
const VERSION: &str = "3.5.30+embedded";

#[tonic::async_trait]
impl PbMaintenanceService for Entrance {
    type SnapshotStream = Empty<Result<PbSnapshotResponse, Status>>;

    async fn status(
        &self,
        _: Request<PbStatusRequest>,
    ) -> Result<Response<PbStatusResponse>, Status> {
        self.node
            .call(&self.link, Kind::Read, |store, _| Ok(server_status(store)))
            .await
            .map(Response::new)
    }

    async fn alarm(&self, _: Request<PbAlarmRequest>) -> Result<Response<PbAlarmResponse>, Status> {
        let work = |store: &mut Store, _| {
            Ok(PbAlarmResponse {
                header: Some(store.header(store.revision())),
                alarms: Vec::new(),
            })
        };
        self.node
            .call(&self.link, Kind::Read, work)
            .await
            .map(Response::new)
    }

    async fn defragment(
        &self,
        _: Request<PbDefragmentRequest>,
    ) -> Result<Response<PbDefragmentResponse>, Status> {
        Err(missing("Defragment"))
    }

    async fn hash(&self, _: Request<PbHashRequest>) -> Result<Response<PbHashResponse>, Status> {
        Err(missing("Hash"))
    }

    async fn hash_kv(
        &self,
        _: Request<PbHashKvRequest>,
    ) -> Result<Response<PbHashKvResponse>, Status> {
        Err(missing("HashKV"))
    }

    async fn snapshot(
        &self,
        _: Request<PbSnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        Err(missing("Snapshot"))
    }

    async fn move_leader(
        &self,
        _: Request<PbMoveLeaderRequest>,
    ) -> Result<Response<PbMoveLeaderResponse>, Status> {
        Err(missing("MoveLeader"))
    }

    async fn downgrade(
        &self,
        _: Request<PbDowngradeRequest>,
    ) -> Result<Response<PbDowngradeResponse>, Status> {
        Err(missing("Downgrade"))
    }
}

fn missing(method: &str) -> Status {
    Status::unimplemented(format!("unknown method {method}"))
}

fn server_status(store: &Store) -> PbStatusResponse {
    let size = i64::try_from(store.space().size()).unwrap_or(i64::MAX);
    let steps = store.revision().unsigned_abs();
    PbStatusResponse {
        header: Some(store.header(store.revision())),
        version: VERSION.to_owned(),
        db_size: size,
        db_size_in_use: size,
        leader: store.identity().member_id,
        raft_index: steps,
        raft_applied_index: steps,
        raft_term: store.term(),
        ..Default::default()
    }
}
