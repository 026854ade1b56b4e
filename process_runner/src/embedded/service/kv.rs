//! The KV service: each method hands its request to the store.

use etcd_client::proto::{
    PbCompactionRequest, PbCompactionResponse, PbDeleteRequest, PbDeleteResponse, PbKvService,
    PbPutRequest, PbPutResponse, PbRangeRequest, PbRangeResponse, PbRangeStreamResponse,
    PbTxnRequest, PbTxnResponse,
};
use tokio_stream::Empty;
use tonic::{Request, Response, Status};

use super::super::node::Kind;
use super::super::store::Store;
use super::Entrance;

#[tonic::async_trait]
impl PbKvService for Entrance {
    type RangeStreamStream = Empty<Result<PbRangeStreamResponse, Status>>;

    async fn range(
        &self,
        request: Request<PbRangeRequest>,
    ) -> Result<Response<PbRangeResponse>, Status> {
        let request = request.into_inner();
        let work = move |store: &mut Store, _| store.range(&request);
        self.node
            .call(&self.link, Kind::Read, work)
            .await
            .map(Response::new)
    }

    async fn range_stream(
        &self,
        _: Request<PbRangeRequest>,
    ) -> Result<Response<Self::RangeStreamStream>, Status> {
        Err(Status::unimplemented("unknown method RangeStream"))
    }

    async fn put(&self, request: Request<PbPutRequest>) -> Result<Response<PbPutResponse>, Status> {
        let request = request.into_inner();
        let work = move |store: &mut Store, _| store.put(&request);
        self.node
            .call(&self.link, Kind::Write, work)
            .await
            .map(Response::new)
    }

    async fn delete_range(
        &self,
        request: Request<PbDeleteRequest>,
    ) -> Result<Response<PbDeleteResponse>, Status> {
        let request = request.into_inner();
        let work = move |store: &mut Store, _| store.delete_range(&request);
        self.node
            .call(&self.link, Kind::Write, work)
            .await
            .map(Response::new)
    }

    async fn txn(&self, request: Request<PbTxnRequest>) -> Result<Response<PbTxnResponse>, Status> {
        let request = request.into_inner();
        let work = move |store: &mut Store, _| store.txn(&request);
        self.node
            .call(&self.link, Kind::Write, work)
            .await
            .map(Response::new)
    }

    async fn compact(
        &self,
        request: Request<PbCompactionRequest>,
    ) -> Result<Response<PbCompactionResponse>, Status> {
        let revision = request.into_inner().revision;
        let work = move |store: &mut Store, _| store.compact(revision);
        self.node
            .call(&self.link, Kind::Write, work)
            .await
            .map(Response::new)
    }
}
