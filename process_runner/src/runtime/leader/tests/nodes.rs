//! Nodes as a test needs them: a real session with its heartbeat, its part in leading, and a task that
//! does what the leader asks of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::cluster::{Cluster, config};
use crate::clock::Clock;
use crate::coordination::{
    Follower, Heartbeat, MemberRecord, NoteRecord, Opened, PlanRecord, PlannerKey, Registration,
    Session, SlotRecord, Watched,
};
use crate::embedded::Link;
use crate::model::Slot;
use crate::model::planner::plan;
use crate::runtime::leader::{Leading, Planner};

/// How a node is made.
pub(in crate::runtime::leader) struct Spec {
    pub(in crate::runtime::leader) member: MemberRecord,
    name: Arc<str>,
    jobs: Vec<(String, u32)>,
    pub(in crate::runtime::leader) leads: bool,
    pub(in crate::runtime::leader) obeys: bool,
    pub(in crate::runtime::leader) planner: Planner,
}

impl Spec {
    pub(in crate::runtime::leader) fn new(name: &str, jobs: &[(&str, u32)]) -> Self {
        let hash: Vec<_> = jobs.iter().map(|(job, n)| format!("{job}{n}")).collect();
        let member = serde_json::json!({
            "incarnation": "", "lease": 0, "host": "h", "pid": 1, "state": "up",
            "capacity": null, "config": hash.join("-"), "loaded_at": 1,
        });
        Self {
            member: serde_json::from_value(member).unwrap(),
            name: name.into(),
            jobs: jobs
                .iter()
                .map(|(job, n)| ((*job).to_owned(), *n))
                .collect(),
            leads: true,
            obeys: true,
            planner: plan,
        }
    }

    /// Leads, and is given nothing.
    pub(in crate::runtime::leader) fn quiet(mut self) -> Self {
        self.member.state = "quiet".to_owned();
        self
    }

    /// Takes no part in leading.
    pub(in crate::runtime::leader) fn follows(mut self) -> Self {
        self.leads = false;
        self
    }

    /// Leaves slots and notes as they are.
    pub(in crate::runtime::leader) fn idle(mut self) -> Self {
        self.obeys = false;
        self
    }
}

/// A running node.
pub(in crate::runtime::leader) struct Node {
    pub(in crate::runtime::leader) session: Session,
    link: Option<Link>,
    pub(in crate::runtime::leader) member: MemberRecord,
    pub(in crate::runtime::leader) leading: Option<Leading>,
    heartbeat: Heartbeat,
    tasks: JoinSet<()>,
}

impl Node {
    pub(in crate::runtime::leader) async fn start(cluster: &Cluster, spec: Spec) -> Self {
        let (etcd, link) = cluster.connect().await;
        let jobs: Vec<_> = spec
            .jobs
            .iter()
            .map(|(job, n)| (job.as_str(), *n))
            .collect();
        let registration = Registration {
            node: Arc::clone(&spec.name),
            ttl: Duration::from_secs(10),
            config_hash: spec.member.config.clone(),
            reporter: Default::default(),
            config: config(&jobs),
            takes_posts: spec.leads,
            member: spec.member,
        };
        let clock = Clock::tokio();
        let opened = Session::open(&etcd, &cluster.keys, &registration, clock, None).await;
        let Ok((Opened::Session(session), _)) = opened else {
            panic!("the name is taken");
        };
        let mut member = registration.member;
        member.incarnation = session.incarnation.to_string();
        member.lease = session.lease;
        let mut tasks = JoinSet::new();
        if spec.obeys {
            tasks.spawn(obey((*session).clone()));
        }
        Self {
            heartbeat: session.start_heartbeat(clock, Arc::default(), &Watched::default()),
            leading: spec
                .leads
                .then(|| Leading::start_with((*session).clone(), clock, spec.planner)),
            session: *session,
            link,
            member,
            tasks,
        }
    }

    /// What can go wrong between this node and the store.
    pub(in crate::runtime::leader) fn link(&self) -> &Link {
        self.link
            .as_ref()
            .expect("a real etcd has no faults on demand")
    }

    pub(in crate::runtime::leader) fn name(&self) -> &str {
        &self.session.node
    }

    /// The process dies, and its guardian says so.
    pub(in crate::runtime::leader) async fn crash(self) {
        let Self {
            session,
            heartbeat,
            tasks,
            leading,
            ..
        } = self;
        drop((heartbeat, tasks, leading));
        session.close().await.unwrap();
    }

    /// Puts the member key anew.
    pub(in crate::runtime::leader) async fn change(
        &mut self,
        change: impl FnOnce(&mut MemberRecord),
    ) {
        change(&mut self.member);
        let key = self.session.keys.member(self.name());
        let etcd = &self.session.etcd;
        etcd.put(key, &self.member, self.session.lease).await;
    }
}

/// Takes notes, hands over what the plan sends away and gives back what it does not name.
async fn obey(session: Session) {
    let inbox = session.keys.inbox(&session.node);
    let mut changes = Follower::start(session.etcd.clone(), inbox.clone());
    while changes.next().await.is_some() {
        let Ok(inbox) = session.etcd.range(&inbox).await else {
            continue;
        };
        let mut plan = None;
        for kv in inbox.kvs() {
            if session.keys.parse_plan(kv.key()).is_some() {
                plan = serde_json::from_slice::<PlanRecord>(kv.value()).ok();
            } else if let Ok(NoteRecord::Arrived { .. }) = serde_json::from_slice(kv.value()) {
                session.etcd.delete(kv.key()).await;
            }
        }
        for (slot, (_, record)) in slots_of(&session).await {
            if record.retiring {
                session.etcd.give_back(&session.keys, &slot).await;
            }
        }
        if let Some(plan) = plan {
            follow_plan(&session, &plan).await;
        }
    }
}

async fn follow_plan(session: &Session, plan: &PlanRecord) {
    for (slot, (revision, record)) in slots_of(session).await {
        let keeps = plan.slots.get(&*slot.job);
        let older = record.ordered >= plan.ordered;
        if older || keeps.is_some_and(|indexes| indexes.contains(slot.index)) {
            continue;
        }
        let to = plan.leaving.iter().find(|(_, destination)| {
            let indexes = destination.slots.get(&*slot.job);
            indexes.is_some_and(|indexes| indexes.contains(slot.index))
        });
        match to {
            Some((node, destination)) => {
                let node = node.as_str().into();
                let to = (&node, destination);
                session.hand_over((&slot, revision), to, plan.ordered).await;
            }
            None => session.etcd.give_back(&session.keys, &slot).await,
        }
    }
}

async fn slots_of(session: &Session) -> BTreeMap<Slot, (i64, SlotRecord)> {
    let Ok(read) = session.etcd.range(&session.keys.planner_range()).await else {
        return BTreeMap::new();
    };
    let slots = read.kvs().iter().filter_map(|kv| {
        let Some(PlannerKey::Slot(slot)) = session.keys.parse_planner(kv.key()) else {
            return None;
        };
        let record: SlotRecord = serde_json::from_slice(kv.value()).ok()?;
        let ours = record.incarnation == *session.incarnation;
        ours.then_some((slot, (kv.mod_revision(), record)))
    });
    slots.collect()
}
