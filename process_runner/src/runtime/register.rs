//! From a connection to an open session: the node's name, and the patience to get it.
//!
//! A name may still be held by the lease of a process that died: a lock on this machine tells that
//! from a living namesake, and the lease is waited for. See `name` for the lock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::NodeError;
use super::name::{NodeName, claim_name, names_dir};
use super::operator::Operator;
use super::plans::Plans;
use crate::clock::Clock;
use crate::config::Config;
use crate::coordination::{
    ConfigRecord, Connection, CoordinationError, JobRecord, MemberRecord, Memory, Opened,
    Registration, Session, StoreIdentity, revoke_over,
};
use crate::model::Moment;
use crate::reports::{Predecessors, Reporter};

/// Time between two looks at a name that is held by a dead process's lease.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Time between two lines about an etcd that does not answer.
const SAY_AGAIN: Duration = Duration::from_secs(3);

/// Opens sessions under one name.
pub(super) struct Registrar<'a> {
    pub(super) config: &'a Config,
    pub(super) plans: &'a Plans,
    pub(super) until_idle: bool,
    clock: Clock,
    pub(super) reporter: Reporter,
    predecessors: Predecessors,
    name: Option<NodeName>,
    store: Option<StoreIdentity>,
    /// The highest revision that a renewal has seen.
    seen: AtomicI64,
    /// The revision of the first session. Kept from session to session: joining anew does not make
    /// a configuration newer than one that was loaded meanwhile.
    loaded_at: i64,
}

impl<'a> Registrar<'a> {
    pub(super) fn new(
        config: &'a Config,
        plans: &'a Plans,
        clock: Clock,
        until_idle: bool,
    ) -> Self {
        Self {
            config,
            plans,
            until_idle,
            clock,
            reporter: Reporter::default(),
            predecessors: Predecessors::default(),
            name: None,
            store: None,
            seen: AtomicI64::new(0),
            loaded_at: 0,
        }
    }

    /// Reports to whoever supervises this process, and takes over from those that it supervised
    /// before.
    pub(super) fn supervised(mut self, reporter: Reporter, predecessors: Predecessors) -> Self {
        self.reporter = reporter;
        self.predecessors = predecessors;
        self
    }

    /// Opens a session, waiting for etcd and for the lease of a dead predecessor. `None` if the
    /// node was stopped meanwhile.
    pub(super) async fn open(
        &mut self,
        connection: &Connection,
        operator: &Operator,
        deadline: Moment,
    ) -> Result<Option<Session>, NodeError> {
        let mut troubles = Troubles::default();
        let mut predecessor: Option<(String, Moment)> = None;
        loop {
            if operator.phase().is_stopping() {
                return Ok(None);
            }
            let node = self.name()?;
            match self.try_open(connection, &node).await {
                Ok(Opened::Session(session)) => return Ok(Some(*session)),
                Ok(Opened::NameTaken(holder)) => {
                    let now = self.clock.now();
                    let (seen, since) = predecessor.get_or_insert_with(|| {
                        let wait_s = connection.ttl.as_secs();
                        tracing::info!(
                            %node, host = %holder.host, pid = holder.pid, wait_s,
                            "an earlier process of this name ended without leaving; \
                             waiting until its lease runs out"
                        );
                        (holder.incarnation.clone(), now)
                    });
                    let alive = *seen != holder.incarnation;
                    if alive || now > *since + connection.ttl * 2 + Duration::from_secs(5) {
                        self.give_up_name(&node, &holder)?;
                        predecessor = None;
                    }
                    operator.sleep(self.clock, LOOK_AGAIN).await;
                }
                Err(error) if error.is_transient() && self.clock.now() < deadline => {
                    // Before the first session what waiting cannot mend is an error at once; later
                    // a node stays up, and says what it waits for.
                    let error = match troubles.due(self.clock.now()) {
                        true => connection.explain(error).await,
                        false => error,
                    };
                    if !error.is_transient() && self.store.is_none() {
                        return Err(error.into());
                    }
                    troubles.say(&error, self.clock.now());
                    // The host of the embedded etcd may have ended: somebody has to take its place.
                    if connection.is_guest() {
                        connection.heal().await;
                    }
                    operator.sleep(self.clock, Duration::from_millis(500)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The name to register: kept from session to session.
    fn name(&mut self) -> Result<Arc<str>, NodeError> {
        let name = match self.name.take() {
            Some(name) => name,
            None => {
                let dir = names_dir(&self.config.coordination);
                claim_name(self.config.node.name.as_deref(), &dir)?
            }
        };
        Ok(Arc::clone(&self.name.insert(name).node))
    }

    /// A living process elsewhere has the name: a chosen name is an error, the host's gets a suffix.
    fn give_up_name(&mut self, node: &str, holder: &MemberRecord) -> Result<(), NodeError> {
        if self.config.node.name.is_some() {
            return Err(NodeError::Coordination(CoordinationError::NameInUse {
                node: node.to_owned(),
                holder: format!("process {} on {}", holder.pid, holder.host),
            }));
        }
        if let Some(name) = &mut self.name {
            name.next_suffix()?;
        }
        Ok(())
    }

    async fn try_open(
        &mut self,
        connection: &Connection,
        node: &Arc<str>,
    ) -> Result<Opened, CoordinationError> {
        self.bury_predecessors(connection).await;
        let registration = self.registration(connection, node);
        let remembered = || connection.memory.as_ref().and_then(Memory::recall);
        let known = self.store().or_else(remembered);
        let (opened, store) = Session::open(
            &connection.etcd,
            &connection.keys,
            &registration,
            self.clock,
            known.as_ref(),
        )
        .await?;
        if self.loaded_at == 0 {
            self.loaded_at = store.revision();
        }
        if known.is_none_or(|known| !store.is_the_same_as(&known)) {
            // Another store counts from its own beginning.
            self.seen.store(store.revision(), Ordering::Relaxed);
            if let Some(memory) = &connection.memory {
                memory.keep(&store).await;
            }
        }
        self.store = Some(store);
        Ok(opened)
    }

    /// The store as it was last seen.
    pub(super) fn store(&self) -> Option<StoreIdentity> {
        let mut store = self.store.clone()?;
        store.saw(self.seen.load(Ordering::Relaxed));
        Some(store)
    }

    /// A renewal has seen this revision.
    pub(super) fn saw(&self, revision: i64) {
        self.seen.fetch_max(revision, Ordering::Relaxed);
    }

    /// Revokes what dead predecessors had. If that fails, the next attempt tries again; and when it
    /// has run out by itself, revoking it does no harm.
    async fn bury_predecessors(&mut self, connection: &Connection) {
        while let Some(lease) = self.predecessors.leases.last() {
            match revoke_over(connection, *lease).await {
                Ok(()) => tracing::info!("what the crashed process had is free"),
                Err(error) => {
                    tracing::warn!(%error, "the lease of the crashed process is not revoked yet");
                    return;
                }
            }
            self.predecessors.leases.pop();
        }
    }

    fn registration(&self, connection: &Connection, node: &Arc<str>) -> Registration {
        let settings = &self.config.node;
        let classes = self
            .plans
            .values()
            .map(|plan| plan.class.name.to_owned())
            .collect();
        let member = MemberRecord {
            incarnation: String::new(),
            lease: 0,
            host: super::name::host_name(),
            pid: std::process::id(),
            state: "up".to_owned(),
            capacity: settings.max_workers,
            weight: settings.weight,
            zone: settings.zone.clone(),
            labels: settings.labels.clone(),
            classes,
            config: self.config.hash.clone(),
            loaded_at: self.loaded_at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            done: BTreeMap::new(),
            crashes: self.predecessors.crashes,
        };
        Registration {
            node: Arc::clone(node),
            ttl: connection.ttl,
            member,
            config_hash: self.config.hash.clone(),
            config: config_record(self.config),
            takes_posts: true,
            reporter: self.reporter.clone(),
        }
    }
}

fn config_record(config: &Config) -> ConfigRecord {
    let jobs: BTreeMap<_, _> = config
        .jobs
        .values()
        .map(|job| {
            let record = JobRecord {
                class: job.class.clone(),
                workers: job.workers,
                max_per_node: job.max_per_node,
                labels: job.labels.clone(),
            };
            (job.name.to_string(), record)
        })
        .collect();
    ConfigRecord { jobs }
}

/// Says every few seconds, not at every attempt, that etcd does not answer.
#[derive(Default)]
struct Troubles {
    said: Option<Moment>,
}

impl Troubles {
    fn due(&self, now: Moment) -> bool {
        self.said.is_none_or(|said| now >= said + SAY_AGAIN)
    }

    fn say(&mut self, error: &CoordinationError, now: Moment) {
        if self.due(now) {
            self.said = Some(now);
            tracing::warn!(%error, "still trying");
        }
    }
}
