//! When a node renews its lease, what it sees on the way, and what it notices, on the embedded etcd.

use std::collections::BTreeMap;

use super::*;
use crate::coordination::CallError;
use crate::coordination::scene::{Scene, member};
use crate::coordination::sighting::Watched;
use crate::coordination::{
    ConfigRecord, CoordinationError, Opened, Registration, Session, StoreIdentity,
};
use crate::embedded::Link;
use crate::model::Slot;
use crate::reports::Reporter;

const TTL: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(2);
/// What an answer of the embedded etcd takes, and more.
const SOON: Duration = Duration::from_millis(200);

/// Node `a`, its heartbeat, and what it holds, on an etcd of `N` members.
struct Stage<const N: usize = 1> {
    scene: Scene,
    links: [Link; N],
    session: Session,
    heartbeat: Heartbeat,
    watched: Watched,
    clock: Clock,
    opened: Moment,
    store: StoreIdentity,
}

fn registration() -> Registration {
    Registration {
        node: "a".into(),
        ttl: TTL,
        member: member("a"),
        config_hash: "c1".into(),
        config: ConfigRecord {
            jobs: BTreeMap::new(),
        },
        takes_posts: false,
        reporter: Reporter::default(),
    }
}

impl<const N: usize> Stage<N> {
    /// A node that holds one slot, or none.
    async fn new(holds: bool) -> Self {
        let scene = Scene::new().await;
        let (etcd, links) = scene.faulty_members().await;
        let clock = Clock::tokio();
        let opened = clock.now();
        let registration = registration();
        let open = Session::open(&etcd, &scene.keys, &registration, clock, None);
        let (Opened::Session(session), store) = open.await.unwrap() else {
            panic!("the name is free");
        };
        let watched = Watched::default();
        if holds {
            let slot = Slot::new("work", 0);
            let key = scene.keys.slot(&slot);
            scene.put(key.clone(), b"{}".to_vec(), session.lease).await;
            let found = scene.etcd.get(&key, 0).await.unwrap();
            watched.set(&slot, Some(found.kvs()[0].mod_revision()));
        }
        let heartbeat = session.start_heartbeat(clock, Arc::default(), &watched);
        Self {
            scene,
            links,
            session: *session,
            heartbeat,
            watched,
            clock,
            opened,
            store,
        }
    }

    /// What the next renewal saw, and when it was.
    async fn renewal(&mut self) -> (Arc<Sighting>, Moment) {
        match self.heartbeat.changed().await {
            Pulse::Renewed(sighting) => (sighting, self.clock.now()),
            other => panic!("{other:?}"),
        }
    }

    /// Puts a note into the node's inbox that no watch tells of.
    async fn put_note(&self) {
        let note = self.scene.keys.note("a", 7);
        self.scene
            .put(note, b"{}".to_vec(), self.session.lease)
            .await;
    }

    /// What the next session of the same process comes to.
    async fn open_again(&self, etcd: &Etcd) -> Result<(), CoordinationError> {
        let (keys, registration) = (&self.scene.keys, registration());
        let known = Some(&self.store);
        let open = Session::open(etcd, keys, &registration, self.clock, known);
        open.await.map(drop)
    }

    /// How long until the session is over.
    async fn until_gone(&mut self) -> Duration {
        let began = self.clock.now();
        while !matches!(self.heartbeat.changed().await, Pulse::Gone(_)) {}
        self.clock.now().since(began)
    }
}

fn around(time: Duration, expected: Duration) -> bool {
    time >= expected && time < expected + SOON
}

#[tokio::test(start_paused = true)]
async fn the_first_renewal_comes_after_one_to_two_periods_and_each_further_one_after_one() {
    let mut firsts = Vec::new();
    for _ in 0..20 {
        let mut stage = Stage::<1>::new(true).await;
        let (_, first) = stage.renewal().await;
        let (_, second) = stage.renewal().await;
        assert!(around(second.since(first), PERIOD));
        firsts.push(first.since(stage.opened));
    }
    assert!(
        firsts
            .iter()
            .all(|first| *first >= PERIOD && *first < PERIOD * 2 + SOON)
    );
    firsts.sort_unstable();
    assert!(firsts[19] - firsts[0] > PERIOD / 4, "{firsts:?}");
}

#[tokio::test(start_paused = true)]
async fn who_holds_nothing_renews_half_as_often_until_it_holds_something() {
    let mut stage = Stage::<1>::new(false).await;
    let (_, first) = stage.renewal().await;
    assert!(around(first.since(stage.opened), PERIOD * 2));
    let (_, second) = stage.renewal().await;
    assert!(around(second.since(first), PERIOD * 2));
    stage.watched.set(&Slot::new("work", 0), Some(1));
    let (_, third) = stage.renewal().await;
    assert!(around(third.since(second), PERIOD));
}

#[tokio::test(start_paused = true)]
async fn what_a_silent_watch_missed_is_seen_within_a_ttl() {
    let mut stage = Stage::<1>::new(true).await;
    stage.put_note().await;
    let mut seen = 0;
    loop {
        let (sighting, at) = stage.renewal().await;
        seen += 1;
        assert!(sighting.revision > 0, "each sees the revision");
        if !sighting.inbox.is_empty() {
            assert!(at.since(stage.opened) < TTL + PERIOD + SOON);
            assert!(sighting.posts.is_some());
            break;
        }
    }
    // From there on once in a ttl.
    for _ in 0..4 {
        assert!(stage.renewal().await.0.inbox.is_empty());
    }
    assert!(!stage.renewal().await.0.inbox.is_empty());
    assert!(seen > 3, "the others were bare");
}

#[tokio::test(start_paused = true)]
async fn after_trouble_the_next_renewal_looks() {
    let mut stage = Stage::<1>::new(true).await;
    stage.renewal().await;
    stage.put_note().await;
    stage.links[0].refuse(true);
    assert!(matches!(
        stage.heartbeat.changed().await,
        Pulse::Troubled(_)
    ));
    stage.links[0].refuse(false);
    assert!(!stage.renewal().await.0.inbox.is_empty());
    assert!(stage.renewal().await.0.inbox.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_member_key_or_a_meta_that_somebody_changed_ends_the_session_within_a_ttl() {
    for meta in [false, true] {
        let mut stage = Stage::<1>::new(true).await;
        stage.renewal().await;
        let keys = &stage.scene.keys;
        if meta {
            stage.scene.put(keys.meta(), b"{}".to_vec(), 0).await;
        } else {
            stage.scene.delete(keys.member("a").as_bytes()).await;
        }
        assert!(stage.until_gone().await < TTL + SOON);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_gone_ends_the_session_with_the_next_renewal() {
    let mut stage = Stage::<1>::new(true).await;
    stage.renewal().await;
    stage.scene.etcd.revoke(stage.session.lease).await.unwrap();
    assert!(stage.until_gone().await < PERIOD + SOON);
}

/// As after etcd was set up from a backup, in which the node's own keys are as they were.
#[tokio::test(start_paused = true)]
async fn a_store_whose_revision_went_back_ends_the_session_with_its_first_answer() {
    let mut stage = Stage::<1>::new(true).await;
    stage.renewal().await;
    let etcd = stage.session.etcd.clone();
    // A watch told of it.
    etcd.newest().saw(1000);
    let read = etcd.range(&stage.scene.keys.inbox("a")).await;
    let refused = read.map(drop).unwrap_err();
    assert!(
        matches!(refused, CallError::Older { seen: 1000, .. }),
        "{refused}"
    );
    let began = stage.clock.now();
    let told = stage.heartbeat.changed().await;
    assert!(
        matches!(&told, Pulse::Gone(reason) if reason.contains("went back from 1000 to ")),
        "{told:?}"
    );
    assert!(stage.clock.now().since(began) < SOON);
    // And the next session, too, knows of more than renewals have seen, also after etcd was away.
    stage.links[0].refuse(true);
    let open = stage.open_again(&etcd).await;
    assert!(open.unwrap_err().is_transient());
    stage.links[0].refuse(false);
    let open = stage.open_again(&etcd).await;
    assert!(open.unwrap_err().to_string().contains("from 1000 to "));
}

/// A member that stood still answers reads with what was.
#[tokio::test(start_paused = true)]
async fn an_older_answer_that_no_barrier_confirms_ends_nothing() {
    for (holds, period) in [(true, PERIOD), (false, PERIOD * 2)] {
        let mut stage = Stage::<1>::new(holds).await;
        let (_, last) = stage.renewal().await;
        let newest = stage.session.etcd.newest();
        newest.admit(newest.revision(), 1).unwrap_err();
        let (_, at_once) = stage.renewal().await;
        assert!(at_once.since(last) < SOON);
        let (_, then) = stage.renewal().await;
        assert!(around(then.since(at_once), period));
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_stood_still_is_not_believed() {
    let mut stage = Stage::<1>::new(true).await;
    stage.renewal().await;
    let faults = stage.scene.server.faults();
    faults.make_leader_stale(&stage.links[0]);
    faults.change_leader();
    let told = stage.heartbeat.changed().await;
    assert!(
        matches!(&told, Pulse::Troubled(reason) if reason.contains("raft term")),
        "{told:?}"
    );
    faults.end_stale_leader(&stage.links[0]);
    stage.renewal().await;
}

/// A member that hangs costs one short attempt, although the one before failed at once.
#[tokio::test(start_paused = true)]
async fn what_fails_at_once_makes_nobody_more_patient() {
    let mut stage = Stage::<1>::new(true).await;
    stage.renewal().await;
    stage.links[0].cut_streams();
    stage.links[0].delay(Duration::from_secs(60));
    let mut told = Vec::new();
    for _ in 0..3 {
        match stage.heartbeat.changed().await {
            Pulse::Troubled(_) => told.push(stage.clock.now()),
            other => panic!("{other:?}"),
        }
    }
    // With the pause between two attempts.
    let [at_once, first, second] = told[..] else {
        unreachable!()
    };
    let attempt = TTL / 10;
    assert!(around(first.since(at_once), attempt), "{told:?}");
    // From then on it waits for an etcd that may be slow.
    assert!(second.since(first) > attempt + SOON, "{told:?}");
}

/// Attempts that etcd cannot answer in time make it slower still, so each waits longer than the one before
/// as long as there is time. A stream is opened with two messages here, and each takes 0.9 s.
#[tokio::test(start_paused = true)]
async fn an_etcd_that_is_slow_to_answer_is_waited_for_while_the_lease_is_good() {
    waits_for_a_slow_etcd::<1>().await;
    waits_for_a_slow_etcd::<3>().await;
}

async fn waits_for_a_slow_etcd<const MEMBERS: usize>() {
    let mut stage = Stage::<MEMBERS>::new(true).await;
    stage.renewal().await;
    for link in &stage.links {
        link.delay(Duration::from_millis(900));
        link.cut_streams();
    }
    let mut troubles = 0;
    loop {
        match stage.heartbeat.changed().await {
            Pulse::Renewed(_) => break,
            Pulse::Troubled(reason) => {
                troubles += 1;
                assert!(troubles < 10, "{reason}");
            }
            Pulse::Gone(reason) => panic!("{reason}"),
        }
    }
    assert_eq!(
        troubles, 2,
        "the stream was cut, and nobody knew how slow it is"
    );
    // And from there on nothing fails.
    for _ in 0..10 {
        stage.renewal().await;
    }
}

/// Two of three hand a renewal on to a leader that is lost, and wait for it.
#[tokio::test(start_paused = true)]
async fn a_second_member_that_hangs_costs_no_more_time_than_the_first() {
    for next in [1, 2] {
        let mut stage = Stage::<3>::new(true).await;
        let (_, last) = stage.renewal().await;
        let asked = stage.session.etcd.chosen().of(3);
        for hangs in [asked, (asked + next) % 3] {
            stage.links[hangs].freeze();
        }
        let told = stage.heartbeat.changed().await;
        assert!(matches!(told, Pulse::Troubled(_)), "{told:?}");
        let (sighting, renewed) = stage.renewal().await;
        let attempts = TTL / 10 * if next == 1 { 2 } else { 1 };
        assert!(
            around(renewed.since(last), PERIOD + attempts),
            "{:?}",
            renewed.since(last)
        );
        assert!(
            sighting.took < SOON,
            "from when the one that counts was sent"
        );
        // What the other one was told meanwhile counts for nothing, and the next goes to who answers.
        stage.links.iter().for_each(Link::thaw);
        let (_, then) = stage.renewal().await;
        assert!(around(then.since(renewed), PERIOD));
    }
}
