//! When an office begins to work: not before its watch has shown its own key.

use super::*;
use crate::coordination::Entry;
use crate::model::leading::Holder;
use crate::model::leading::Post;
use crate::model::planner::plan;
use crate::runtime::leader::tests::cluster::Cluster;
use crate::runtime::leader::tests::nodes::{Node, Spec};

/// A standby whose watch lags behind takes over: what it sees may be older than its term, with slots of
/// nodes that are dead and plans that were changed since.
#[tokio::test(start_paused = true)]
async fn nothing_is_planned_before_the_watch_has_delivered_the_leaders_own_key() {
    let cluster = Cluster::new().await;
    let node = Node::start(&cluster, Spec::new("a", &[("j", 1)]).follows()).await;
    let clock = Clock::tokio();
    let mut office = Office::new(node.session.clone(), clock, plan, Moment::ZERO);
    let keys = node.session.keys.clone();
    office.on_feed(Feed::Snapshot {
        entries: Vec::new(),
        revision: 10,
    });
    for post in [Post::Leader, Post::Standby] {
        let incarnation = Arc::clone(&node.session.incarnation);
        let created = 20;
        let leads = Holder {
            incarnation,
            created,
        };
        office.sighted([Sighting {
            post,
            holder: (post == Post::Leader).then_some(leads),
            revision: 20,
        }]);
    }
    office.act();
    assert!(office.term.is_some());
    // Taking the post began to follow the range anew; the snapshot is the one from before.
    office.picture.complete = true;
    assert_eq!(office.work_due(), Moment::NEVER);
    let own = |created| Entry {
        key: keys.leader().into_bytes(),
        value: br#"{"node":"a","incarnation":"?"}"#.to_vec(),
        create_revision: created,
        mod_revision: created,
    };
    let told = |office: &mut Office, created| {
        let changes = vec![Change::Put(own(created))];
        office.on_feed(Feed::Changes { changes });
    };
    told(&mut office, 15);
    assert_eq!(
        office.work_due(),
        Moment::NEVER,
        "the key of an earlier term"
    );
    told(&mut office, 20);
    assert_eq!(office.work_due(), Moment::ZERO);
}
