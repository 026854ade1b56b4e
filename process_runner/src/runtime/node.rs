//! A [`Node`]: one running process's share of the cluster, from its configuration to its end.
//!
//! # Guarantees
//!
//! - Nothing registers before everything that can be checked locally has been checked.
//! - [`Node::run`] returns after every task it started has ended, unless a worker blocks its thread
//!   past every deadline ([`NodeEnd::Outlived`]); then the process must exit, and the lease is left
//!   to run out.
//! - Two nodes can live in one process: nothing here is global.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use super::attempt::panic_message;
use super::control::{Control, Served};
use super::operator::{NodeHandle, Operator};
use super::plans::{Plans, plans};
use super::register::Registrar;
use super::{NodeEnd, NodeError};
use crate::app::Registry;
use crate::clock::Clock;
use crate::config::{Config, Coordination};
use crate::coordination::{Connection, RequestCount, connect, to_hosted, warn_of_versions};
use crate::embedded::EmbeddedEtcd;
use crate::model::Moment;
use crate::reports::{Predecessors, Reporter};
use crate::state::States;

/// A node that has not started yet.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use process_runner::config::{Request, load};
/// use process_runner::{App, Node};
///
/// let registry = App::new().into_registry()?;
/// let environment = |name: &str| std::env::var(name).ok();
/// let loaded = load(&Request {
///     path: Some("config.yml".as_ref()),
///     environment: None,
///     env: &environment,
///     classes: Some(&registry),
/// })?;
/// let node = Node::new(loaded.config, registry);
/// let handle = node.handle(); // stops it from another thread
/// let end = node.run()?;
/// # drop((handle, end));
/// # Ok(())
/// # }
/// ```
pub struct Node {
    registry: Registry,
    settings: Settings,
}

/// All of a node but its classes and state, which are used up before the first await.
struct Settings {
    config: Config,
    until_idle: bool,
    wait: Duration,
    embedded: Option<EmbeddedEtcd>,
    handle: NodeHandle,
    requests: RequestCount,
    reporter: Reporter,
    predecessors: Predecessors,
}

impl Node {
    /// A node for a configuration that was checked against `registry`.
    pub fn new(config: Config, registry: Registry) -> Self {
        let settings = Settings {
            config,
            until_idle: false,
            wait: Duration::from_secs(30),
            embedded: None,
            handle: NodeHandle::new(),
            requests: RequestCount::default(),
            reporter: Reporter::default(),
            predecessors: Predecessors::default(),
        };
        Self { registry, settings }
    }

    /// Ends the node once each worker has met an empty batch.
    #[must_use]
    pub fn until_idle(mut self, until_idle: bool) -> Self {
        self.settings.until_idle = until_idle;
        self
    }

    /// How long to wait for an etcd that does not answer at start. 30 s unless set.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.settings.wait = wait;
        self
    }

    /// Uses this embedded etcd instead of what the configuration says: for several nodes in one
    /// process.
    #[must_use]
    pub fn embedded(mut self, etcd: EmbeddedEtcd) -> Self {
        self.settings.embedded = Some(etcd);
        self
    }

    /// Reports to the process that supervises this one, and takes over from those that ran the node
    /// before. See [`supervision`](crate::supervision).
    #[must_use]
    pub fn supervised(mut self, reporter: Reporter, predecessors: Predecessors) -> Self {
        self.settings.reporter = reporter;
        self.settings.predecessors = predecessors;
        self
    }

    /// A handle that steers the node while it runs.
    pub fn handle(&self) -> NodeHandle {
        self.settings.handle.clone()
    }

    /// Counts this node's requests to etcd, while it runs and afterwards.
    pub fn requests(&self) -> RequestCount {
        self.settings.requests.clone()
    }

    /// Runs the node on threads of its own until it is stopped. Blocks; not for async code.
    ///
    /// # Errors
    ///
    /// What was found wrong before the first worker started: nothing runs then.
    pub fn run(self) -> Result<NodeEnd, NodeError> {
        let workers = Builder::new_multi_thread()
            .enable_all()
            .thread_name("pr-worker")
            .build()
            .map_err(NodeError::Thread)?;
        let handle = workers.handle().clone();
        let control = std::thread::Builder::new().name("pr-control".to_owned());
        let thread = control
            .spawn(move || {
                let runtime = control_runtime().map_err(NodeError::Thread)?;
                runtime.block_on(self.settings.run(self.registry, handle, Clock::boot()))
            })
            .map_err(NodeError::Thread)?;
        let end = match thread.join() {
            Ok(end) => end,
            Err(panic) => Err(NodeError::Panicked(panic_message(panic.as_ref()))),
        };
        match end {
            // Its thread is blocked for good: waiting for the runtime would block this one too.
            Ok(NodeEnd::Outlived { .. }) => workers.shutdown_background(),
            _ => drop(workers),
        }
        end
    }

    /// Runs the node on the present runtime, workers included, on tokio's clock: for tests, which
    /// may pause that clock.
    ///
    /// Dropped, it stops renewing the lease and drops its workers at their await points.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn run_here(self) -> Result<NodeEnd, NodeError> {
        self.settings
            .run(self.registry, Handle::current(), Clock::tokio())
            .await
    }
}

impl Settings {
    async fn run(
        self,
        registry: Registry,
        workers: Handle,
        clock: Clock,
    ) -> Result<NodeEnd, NodeError> {
        let plans = self.prepare(registry, &workers).await?;
        let operator = self.handle.operator();
        let deadline = clock.now() + self.wait;
        let mut registrar = Registrar::new(&self.config, &plans, clock, self.until_idle)
            .supervised(self.reporter.clone(), self.predecessors.clone());
        let Some(connection) = self.open(&operator, clock, deadline).await?.map(Arc::new) else {
            return Ok(NodeEnd::Clean);
        };
        tracing::info!("joining {}", connection.description);
        if matches!(self.config.coordination, Coordination::Embedded(_)) {
            tracing::warn!(
                "the embedded etcd serves this machine only; for several machines, name an etcd: \
                 `etcd: {{ endpoints: [...] }}`"
            );
        }
        let serving = self.serve(
            &mut registrar,
            &connection,
            operator,
            &workers,
            clock,
            deadline,
        );
        let end = tokio::select! {
            biased;
            end = serving => end,
            never = self.warn(&connection, clock) => match never {},
        };
        if let (Some(memory), Some(store)) = (&connection.memory, registrar.store()) {
            memory.keep(&store).await;
        }
        if let Some(hosted) = connection.take_hosted().filter(|_| self.embedded.is_none()) {
            hosted.shutdown().await;
        }
        end
    }

    /// Warns of what is known to be wrong with this etcd, once the start is over: of a large cluster every
    /// node asks. Never completes.
    async fn warn(&self, connection: &Connection, clock: Clock) -> Infallible {
        if matches!(self.config.coordination, Coordination::Etcd(_)) && self.embedded.is_none() {
            clock.sleep_until(clock.now() + connection.ttl).await;
            warn_of_versions(&connection.etcd).await;
        }
        std::future::pending().await
    }

    /// Builds the shared state, where the workers will use it, and everything the jobs need.
    async fn prepare(&self, mut registry: Registry, workers: &Handle) -> Result<Plans, NodeError> {
        let building = workers.spawn(async move {
            let states = registry.build_states().await;
            (registry, states)
        });
        let (registry, states) = match building.await {
            Ok(built) => built,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The worker runtime went away under us: the node was dropped.
                Err(_) => (Registry::empty(), Ok(States::default())),
            },
        };
        let states = Arc::new(states.map_err(NodeError::State)?);
        plans(&self.config, &registry, &states, self.until_idle)
    }

    /// Connects, trying again until `deadline` while etcd does not answer. `None` if the node was
    /// stopped meanwhile.
    async fn open(
        &self,
        operator: &Operator,
        clock: Clock,
        deadline: Moment,
    ) -> Result<Option<Connection>, NodeError> {
        if let Some(etcd) = &self.embedded {
            let prefix = self.config.coordination.prefix();
            let ttl = self.config.coordination.lease_ttl();
            return Ok(Some(to_hosted(etcd, prefix, ttl, &self.requests).await?));
        }
        loop {
            match connect(&self.config.coordination, &self.requests).await {
                Ok(connection) => return Ok(Some(connection)),
                Err(error) if error.is_transient() && clock.now() < deadline => {
                    tracing::warn!(%error, "still trying");
                    if operator
                        .sleep(clock, Duration::from_secs(3))
                        .await
                        .is_stopping()
                    {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// One session after the other, until the node is stopped.
    async fn serve(
        &self,
        registrar: &mut Registrar<'_>,
        connection: &Arc<Connection>,
        mut operator: Operator,
        workers: &Handle,
        clock: Clock,
        mut deadline: Moment,
    ) -> Result<NodeEnd, NodeError> {
        loop {
            let Some(session) = registrar.open(connection, &operator, deadline).await? else {
                return Ok(NodeEnd::Clean);
            };
            let control = Control::new(
                registrar,
                session,
                Arc::clone(connection),
                workers.clone(),
                clock,
                self.handle.clone(),
            );
            match control.run(&mut operator).await {
                Served::Ended(end) => return Ok(end),
                Served::SessionLost(reason) if operator.phase().is_stopping() => {
                    tracing::warn!(%reason, "the session is lost; leaving without it");
                }
                Served::SessionLost(reason) => {
                    tracing::warn!(%reason, "the session is lost; joining anew");
                    // From now on etcd may be away for as long as it likes.
                    deadline = Moment::NEVER;
                }
            }
        }
    }
}

fn control_runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
