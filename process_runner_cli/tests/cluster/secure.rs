//! Nodes on an etcd with TLS and users, and what changes there while they run.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tests::certificates::Authority;
use tests::etcd::{Etcd, EtcdOptions, VERSIONS, Version};
use tests::program::Program;

use crate::node::{Place, ticked};

const PASSWORD: &str = "hunter2-of-the-test";
const USER: &str = ", username: app, password: hunter2-of-the-test";
const AUTHENTICATIONS: &str = "grpc_server_started_total{grpc_method=\"Authenticate\"";

fn place(etcd: &Etcd, more: &str) -> Place {
    let endpoint = etcd.endpoint();
    Place::new(
        &format!("{{ endpoints: [{endpoint:?}], prefix: /test, lease_ttl: 5s{more} }}"),
        2,
    )
}

/// For so long the worker of index 0 goes on, under the same fence.
fn goes_on(node: &mut Program, name: &str, fence: u64, time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        assert_eq!(ticked(node, name, 0), fence, "the worker was disturbed");
    }
}

/// Ends the node in order; it never printed the password.
fn leave(node: Program) {
    node.signal(Signal::TERM).unwrap();
    let lines = node.finish().unwrap().success().unwrap();
    assert!(!lines.iter().any(|line| line.contains(PASSWORD)));
}

#[tokio::test]
async fn mutual_tls_and_a_user_together() {
    for version in VERSIONS {
        let authority = Authority::new().unwrap();
        let etcd = EtcdOptions::new(version).mutual_tls(&authority).unwrap();
        let etcd = etcd.start().unwrap();
        let own = authority.sign("node").unwrap();
        let files = format!(
            ", ca: {:?}, cert: {:?}, key: {:?}",
            authority.ca(),
            own.cert,
            own.key
        );
        let place_without = place(&etcd, &files);
        let mut node = place_without.start("a");
        ticked(&mut node, "a", 0);
        leave(node);

        etcd.enable_users(("app", PASSWORD), "/test/")
            .await
            .unwrap();
        let place = place(&etcd, &format!("{files}{USER}"));
        let mut first = place.start("a");
        ticked(&mut first, "a", 0);
        let mut second = place.start("b");
        place.status_when(|status| status["nodes"].as_array().is_some_and(|n| n.len() == 2));
        leave(first);
        ticked(&mut second, "b", 0);
        ticked(&mut second, "b", 1);
        leave(second);
    }
}

/// F19: tokens end all the time, the users change, and the password with them.
#[tokio::test]
async fn f19_a_token_that_ends_disturbs_no_worker() {
    for version in VERSIONS {
        let options = EtcdOptions::new(version);
        let options = match version {
            Version::V34 => options,
            Version::V35 => options.token_ttl(2),
        };
        let etcd = options.start().unwrap();
        etcd.enable_users(("app", PASSWORD), "/test/")
            .await
            .unwrap();
        let place = place(&etcd, USER);
        let mut node = place.start("a");
        let fence = ticked(&mut node, "a", 0);
        let before = etcd.metric(AUTHENTICATIONS).unwrap();
        for role in ["one", "two", "three"] {
            goes_on(&mut node, "a", fence, Duration::from_secs(2));
            etcd.add_role(role).await.unwrap();
            // Every token of the user ends with this.
            etcd.change_password("app", PASSWORD).await.unwrap();
        }
        goes_on(&mut node, "a", fence, Duration::from_secs(4));
        let asked = etcd.metric(AUTHENTICATIONS).unwrap() - before;
        assert!(asked < 20.0, "{version:?}: {asked} authentications");

        // Watches and plans work as before: another node joins, and takes over.
        let mut second = place.start("b");
        place.status_when(|status| {
            let slots = status["slots"].as_array();
            slots.is_some_and(|s| s.iter().any(|slot| slot["node"] == "b"))
        });
        leave(node);
        assert!(ticked(&mut second, "b", 0) > 0);
        leave(second);
    }
}

/// A password that does not hold any more: the workers stop with the lease, the node stays and asks
/// once a second, and goes on by itself.
#[tokio::test]
async fn a_user_that_is_refused_while_it_runs_is_no_storm() {
    let etcd = Etcd::start(Version::V35).unwrap();
    etcd.enable_users(("app", PASSWORD), "/test/")
        .await
        .unwrap();
    let place = place(&etcd, USER);
    let mut node = place.start("a");
    let fence = ticked(&mut node, "a", 0);

    etcd.change_password("app", "another").await.unwrap();
    let (before, began) = (etcd.metric(AUTHENTICATIONS).unwrap(), Instant::now());
    node.wait_for(|line| {
        line.contains("the lease cannot be renewed") && line.contains("invalid user ID or password")
    })
    .unwrap();
    node.wait_for(|line| line.contains("no worker runs until it is firm again"))
        .unwrap();
    let asked = etcd.metric(AUTHENTICATIONS).unwrap() - before;
    let seconds = began.elapsed().as_secs_f64();
    assert!(
        asked <= seconds + 2.0,
        "{asked} authentications in {seconds} s"
    );

    etcd.change_password("app", PASSWORD).await.unwrap();
    assert!(ticked(&mut node, "a", 0) > fence);
    leave(node);
}

/// F20: what is held is kept, nothing new is acquired, and that is said until there is space.
#[tokio::test]
async fn without_space_holders_hold() {
    for version in VERSIONS {
        let etcd = EtcdOptions::new(version).quota(16 << 20).start().unwrap();
        let place = place(&etcd, "");
        let mut node = place.start("a");
        let fence = ticked(&mut node, "a", 0);
        etcd.fill().await.unwrap();
        if version == Version::V35 {
            // This one refuses every transaction, the proof of a renewal among them.
            node.wait_for(|line| line.contains("what is held is kept"))
                .unwrap();
        }
        let mut second = place.start("b");
        let told = second.wait_for(|line| line.contains("out of space"));
        assert!(told.unwrap().contains("disarm its NOSPACE alarm"));
        goes_on(&mut node, "a", fence, Duration::from_secs(7));
        let nodes = place.status()["nodes"].clone();
        assert_eq!(nodes.as_array().map(Vec::len), Some(1), "{nodes:#}");

        etcd.make_space().await.unwrap();
        place.status_when(|status| {
            let slots = status["slots"].as_array();
            slots.is_some_and(|s| s.iter().any(|slot| slot["node"] == "b"))
        });
        leave(second);
        leave(node);
    }
}
