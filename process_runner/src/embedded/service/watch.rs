//! The Watch service: one task per stream that carries requests to its [`Watchers`] and their responses out.
//!
//! The task alternates between pulling what is new from the store and waiting for the next request, the next published
//! revision, or the next round of progress notices. When the client does not read, the task waits in `send` and pulls
//! nothing: what it missed is still in the store's history.

use std::pin::Pin;

use etcd_client::proto::{PbWatchRequest, PbWatchRequestUnion, PbWatchResponse, PbWatchService};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::super::board;
use super::super::node::Published;
use super::super::store::Store;
use super::super::watch::{WatchSpec, Watchers};
use super::Entrance;

/// How many responses may wait for a client, as in etcd.
const QUEUE: usize = 128;

type WatchReply = Result<PbWatchResponse, Status>;

#[tonic::async_trait]
impl PbWatchService for Entrance {
    type WatchStream = ReceiverStream<WatchReply>;

    async fn watch(
        &self,
        request: Request<Streaming<PbWatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        self.admit().await?;
        let (replies, stream) = mpsc::channel(QUEUE);
        let task = WatchTask {
            entrance: self.clone(),
            published: self.node.subscribe(),
            watchers: Watchers::default(),
            replies,
            next_progress: None,
        };
        self.node.runtime().spawn(task.run(request.into_inner()));
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

struct WatchTask {
    entrance: Entrance,
    published: board::Receiver<Published>,
    watchers: Watchers,
    replies: mpsc::Sender<WatchReply>,
    next_progress: Option<Instant>,
}

/// The client does not listen any more.
struct Gone;

/// What the task was woken by.
enum Wake {
    Request(PbWatchRequest),
    HalfClosed,
    Progress,
    News,
    Cut,
}

impl WatchTask {
    async fn run(mut self, mut requests: Streaming<PbWatchRequest>) {
        let mut listening = true;
        let mut cut = Box::pin(self.entrance.cut());
        loop {
            if self.pull().await.is_err() {
                return;
            }
            let Some(wake) = self.wait(&mut requests, listening, cut.as_mut()).await else {
                return;
            };
            let done = match wake {
                Wake::Request(request) => self.request(request).await,
                Wake::Progress => self.progress_round().await,
                Wake::News => Ok(()),
                Wake::HalfClosed => {
                    listening = false;
                    Ok(())
                }
                Wake::Cut => {
                    let status = self.entrance.node.refusal();
                    let status =
                        status.unwrap_or_else(|| Status::unavailable("etcdserver: stream cut"));
                    let _ = self.replies.send(Err(status)).await;
                    return;
                }
            };
            if done.is_err() {
                return;
            }
        }
    }

    async fn wait(
        &mut self,
        requests: &mut Streaming<PbWatchRequest>,
        listening: bool,
        cut: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Option<Wake> {
        if self.published.borrow().failed.is_some() {
            return Some(Wake::Cut);
        }
        tokio::select! {
            biased;
            () = self.entrance.node.stopped() => Some(Wake::Cut),
            () = cut => Some(Wake::Cut),
            () = self.replies.closed() => None,
            request = requests.message(), if listening => match request {
                Ok(Some(request)) => Some(Wake::Request(request)),
                Ok(None) => Some(Wake::HalfClosed),
                Err(_) => None,
            },
            changed = self.published.changed() => changed.ok().map(|()| Wake::News),
            () = sleep_until(self.next_progress) => Some(Wake::Progress),
        }
    }

    /// Sends everything that is published and not yet sent.
    async fn pull(&mut self) -> Result<(), Gone> {
        loop {
            self.entrance.open().await;
            let upto = self.published.borrow_and_update().revision;
            let pulled = {
                let core = self.entrance.node.core();
                self.watchers.pull(&core.store, upto)
            };
            self.send(pulled.responses).await?;
            if !pulled.more {
                return Ok(());
            }
        }
    }

    async fn request(&mut self, request: PbWatchRequest) -> Result<(), Gone> {
        self.entrance.open().await;
        match request.request_union {
            Some(PbWatchRequestUnion::CreateRequest(create)) => {
                let spec = WatchSpec {
                    id: create.watch_id,
                    key: create.key,
                    range_end: create.range_end,
                    start_revision: create.start_revision,
                    progress_notify: create.progress_notify,
                    prev_kv: create.prev_kv,
                    no_put: create.filters.contains(&0),
                    no_delete: create.filters.contains(&1),
                };
                let response = self.with(|watchers, store, now| watchers.create(spec, store, now));
                if self.next_progress.is_none() && self.watchers.wants_progress() {
                    self.next_progress = Some(self.progress_time());
                }
                self.send(vec![response]).await
            }
            Some(PbWatchRequestUnion::CancelRequest(cancel)) => {
                let id = cancel.watch_id;
                let response = self.with(|watchers, store, now| watchers.cancel(id, store, now));
                self.send(response.into_iter().collect()).await
            }
            Some(PbWatchRequestUnion::ProgressRequest(_)) => {
                self.pull().await?;
                let response = self.with(|_, store, now| Watchers::progress(store, now));
                self.send(vec![response]).await
            }
            None => Ok(()),
        }
    }

    async fn progress_round(&mut self) -> Result<(), Gone> {
        let round = self.with(Watchers::progress_round);
        self.next_progress = match self.watchers.wants_progress() {
            true => Some(self.progress_time()),
            false => None,
        };
        self.send(round).await
    }

    /// When the next round of progress notices is due.
    fn progress_time(&self) -> Instant {
        Instant::now() + self.entrance.node.progress_interval()
    }

    /// Works on the watchers and the store as seen at the revision this stream has been fed up to.
    fn with<T>(&mut self, work: impl FnOnce(&mut Watchers, &Store, i64) -> T) -> T {
        let now = self.published.borrow().revision;
        let core = self.entrance.node.core();
        work(&mut self.watchers, &core.store, now)
    }

    /// Sends to a client that reads, or waits until it does.
    async fn send(&mut self, responses: Vec<PbWatchResponse>) -> Result<(), Gone> {
        for response in responses {
            let sent = async {
                let sent = self.replies.send(Ok(response)).await;
                sent.map_err(|_| Status::cancelled("the client went away"))
            };
            let sent = self.entrance.node.unless_stopped(sent).await;
            sent.map_err(|_| Gone)?;
        }
        Ok(())
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
