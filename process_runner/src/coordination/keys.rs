//! The key layout, in both directions.
//!
//! ```text
//! <prefix>/jobs/<job>                 override of a job          \
//! <prefix>/members/<node>             who runs                    | one watch over the range
//! <prefix>/meta                       layout, store id, epoch     | [jobs/, slots0) gives all of
//! <prefix>/posts/leader               who plans                   | it one order
//! <prefix>/posts/standby              who plans next              |
//! <prefix>/slots/<job>/<index>        who owns a slot            /
//! <prefix>/inbox/<node>/plan          what the node should hold  \  one watch over
//! <prefix>/inbox/<node>/<nonce>       a note to the node         /   [inbox/<node>/, inbox/<node>0)
//! <prefix>/fences/<job>/<index>       ledger of a slot; survives it     \  see `ledger`
//! <prefix>/fences/<job>/granted-<nonce>   of slots granted at once      /
//! <prefix>/configs/<hash>             what the planner needs of a configuration
//! <prefix>/status/<node>              worker states and reasons
//! <prefix>/watchers/<id>              somebody looks: counters are wanted
//! ```
//!
//! A plan stands in its node's inbox, outside the planner's range: only the leader writes plans, so
//! it need not watch them, and each change of a plan is one event instead of three. The two posts stand side
//! by side, because every node watches both.
//!
//! Names are checked where they enter (job and node names have no `/`), so that a key parses back
//! to what it was built from.

use std::sync::Arc;

use crate::model::Slot;

/// Builds and parses the keys under one prefix.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: Arc<str>,
}

/// A key of the planner's range, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PlannerKey {
    Job(Arc<str>),
    Leader,
    Member(Arc<str>),
    Meta,
    Slot(Slot),
}

/// A key of the ledger, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LedgerKey {
    /// Of one slot.
    Slot(Slot),
    /// Of slots of this job that were granted at once.
    Batch(Arc<str>),
}

/// Begins the name of a batch. An index never begins with it.
const BATCH: &str = "granted-";

impl Keys {
    /// The layout under `prefix`. A trailing slash makes no difference.
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.trim_end_matches('/').into(),
        }
    }

    pub(crate) fn meta(&self) -> String {
        format!("{}/meta", self.prefix)
    }

    pub(crate) fn job(&self, job: &str) -> String {
        format!("{}/jobs/{job}", self.prefix)
    }

    pub(crate) fn leader(&self) -> String {
        format!("{}/posts/leader", self.prefix)
    }

    pub(crate) fn standby(&self) -> String {
        format!("{}/posts/standby", self.prefix)
    }

    /// Both of them.
    pub(crate) fn posts(&self) -> Range {
        self.range("posts")
    }

    /// The plan and the notes of one node.
    pub(crate) fn inbox(&self, node: &str) -> Range {
        self.range(&format!("inbox/{node}"))
    }

    /// The plans and notes of all nodes.
    pub(crate) fn inboxes(&self) -> Range {
        self.range("inbox")
    }

    pub(crate) fn plan(&self, node: &str) -> String {
        format!("{}/inbox/{node}/plan", self.prefix)
    }

    pub(crate) fn note(&self, node: &str, nonce: u128) -> String {
        format!("{}/inbox/{node}/{nonce:032x}", self.prefix)
    }

    /// The node whose plan the key is; `None` for every other key.
    pub(crate) fn parse_plan<'k>(&self, key: &'k [u8]) -> Option<&'k str> {
        let key = std::str::from_utf8(key).ok()?;
        let rest = key.strip_prefix(&*self.prefix)?.strip_prefix("/inbox/")?;
        rest.strip_suffix("/plan")
    }

    pub(crate) fn member(&self, node: &str) -> String {
        format!("{}/members/{node}", self.prefix)
    }

    pub(crate) fn members(&self) -> Range {
        self.range("members")
    }

    pub(crate) fn slot(&self, slot: &Slot) -> String {
        format!("{}/slots/{}/{}", self.prefix, slot.job, slot.index)
    }

    /// The slots of one job.
    pub(crate) fn slots_of(&self, job: &str) -> Range {
        self.range(&format!("slots/{job}"))
    }

    pub(crate) fn fence(&self, slot: &Slot) -> String {
        format!("{}/fences/{}/{}", self.prefix, slot.job, slot.index)
    }

    pub(crate) fn fences(&self) -> Range {
        self.range("fences")
    }

    /// The ledger of one job.
    pub(crate) fn fences_of(&self, job: &str) -> Range {
        self.range(&format!("fences/{job}"))
    }

    /// The ledger of slots of one job that were granted at once.
    pub(crate) fn batch(&self, job: &str, nonce: u128) -> String {
        format!("{}/fences/{job}/{BATCH}{nonce:032x}", self.prefix)
    }

    /// All of those of one job: `.` follows `-` in ASCII.
    pub(crate) fn batches_of(&self, job: &str) -> Range {
        let from = format!("{}/fences/{job}/{BATCH}", self.prefix).into_bytes();
        let mut to = from.clone();
        to.pop();
        to.push(b'.');
        Range { from, to }
    }

    /// What the key is in the ledger; `None` for every other key.
    pub(crate) fn parse_fence(&self, key: &[u8]) -> Option<LedgerKey> {
        let key = std::str::from_utf8(key).ok()?;
        let rest = key.strip_prefix(&*self.prefix)?.strip_prefix("/fences/")?;
        let (job, name) = rest.split_once('/')?;
        if name.starts_with(BATCH) {
            return Some(LedgerKey::Batch(job.into()));
        }
        Some(LedgerKey::Slot(Slot::new(job, name.parse().ok()?)))
    }

    pub(crate) fn config(&self, hash: &str) -> String {
        format!("{}/configs/{hash}", self.prefix)
    }

    pub(crate) fn configs(&self) -> Range {
        self.range("configs")
    }

    pub(crate) fn status(&self, node: &str) -> String {
        format!("{}/status/{node}", self.prefix)
    }

    pub(crate) fn statuses(&self) -> Range {
        self.range("status")
    }

    pub(crate) fn watcher(&self, id: &str) -> String {
        format!("{}/watchers/{id}", self.prefix)
    }

    pub(crate) fn watchers(&self) -> Range {
        self.range("watchers")
    }

    /// A key that is never put. Deleting it changes nothing, but the transaction that does so is no
    /// mere read, so it goes through raft.
    pub(crate) fn never(&self) -> String {
        format!("{}/never", self.prefix)
    }

    /// Everything the planner reads: jobs, members, meta, the leader and slots, in one range.
    pub(crate) fn planner_range(&self) -> Range {
        Range {
            from: format!("{}/jobs/", self.prefix).into_bytes(),
            to: format!("{}/slots0", self.prefix).into_bytes(),
        }
    }

    /// The key's meaning; `None` for a key of another version's making.
    pub(crate) fn parse_planner(&self, key: &[u8]) -> Option<PlannerKey> {
        let key = std::str::from_utf8(key).ok()?;
        let rest = key.strip_prefix(&*self.prefix)?.strip_prefix('/')?;
        if rest == "meta" {
            return Some(PlannerKey::Meta);
        }
        if rest == "posts/leader" {
            return Some(PlannerKey::Leader);
        }
        let (kind, name) = rest.split_once('/')?;
        match kind {
            "jobs" => Some(PlannerKey::Job(name.into())),
            "members" => Some(PlannerKey::Member(name.into())),
            "slots" => {
                let (job, index) = name.split_once('/')?;
                Some(PlannerKey::Slot(Slot::new(job, index.parse().ok()?)))
            }
            _ => None,
        }
    }

    /// The range that holds this key alone.
    pub(crate) fn only(&self, key: String) -> Range {
        let from = key.into_bytes();
        let mut to = from.clone();
        to.push(0);
        Range { from, to }
    }

    /// The last part of a key.
    pub(crate) fn name<'k>(&self, key: &'k [u8]) -> Option<&'k str> {
        std::str::from_utf8(key).ok()?.rsplit('/').next()
    }

    /// `kind/` up to `kind0`: `0` follows `/` in ASCII.
    fn range(&self, kind: &str) -> Range {
        Range {
            from: format!("{}/{kind}/", self.prefix).into_bytes(),
            to: format!("{}/{kind}0", self.prefix).into_bytes(),
        }
    }
}

/// A half-open range of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: Vec<u8>,
    pub(crate) to: Vec<u8>,
}

impl Range {
    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        &*self.from <= key && key < &*self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_parses_back() {
        let keys = Keys::new("/process_runner/default/");
        let slot = Slot::new("process_queue", 3);
        assert_eq!(
            keys.slot(&slot),
            "/process_runner/default/slots/process_queue/3"
        );
        assert_eq!(
            keys.parse_planner(keys.slot(&slot).as_bytes()),
            Some(PlannerKey::Slot(slot))
        );
        let fence = Slot::new("process_queue", 7);
        let key = keys.fence(&fence).into_bytes();
        let of_job = keys.fences_of("process_queue");
        assert!(of_job.from <= key && key < of_job.to);
        assert_eq!(keys.parse_fence(&key), Some(LedgerKey::Slot(fence)));
        let batch = keys.batch("process_queue", 7).into_bytes();
        assert!(of_job.holds(&batch) && keys.batches_of("process_queue").holds(&batch));
        assert!(!keys.batches_of("process_queue").holds(&key));
        assert!(!keys.batches_of("process").holds(&batch));
        assert_eq!(
            keys.parse_fence(&batch),
            Some(LedgerKey::Batch("process_queue".into()))
        );
        assert_eq!(
            keys.parse_planner(keys.member("a-2").as_bytes()),
            Some(PlannerKey::Member("a-2".into()))
        );
        assert_eq!(
            keys.parse_planner(keys.meta().as_bytes()),
            Some(PlannerKey::Meta)
        );
    }

    #[test]
    fn an_inbox_is_its_nodes_alone() {
        let keys = Keys::new("/p");
        let inbox = keys.inbox("a");
        let inside =
            |key: String| inbox.from <= key.clone().into_bytes() && key.into_bytes() < inbox.to;
        assert!(inside(keys.plan("a")) && inside(keys.note("a", 7)));
        assert!(!inside(keys.plan("a-2")) && !inside(keys.plan("a0")) && !inside(keys.plan("b")));
        assert_eq!(keys.parse_plan(keys.plan("a").as_bytes()), Some("a"));
        assert_eq!(keys.parse_plan(keys.note("a", 7).as_bytes()), None);
    }

    #[test]
    fn foreign_keys_parse_to_nothing() {
        let keys = Keys::new("/p");
        for key in [
            "/p/slots/a",
            "/p/slots/a/x",
            "/p/slots/a/-1",
            "/q/meta",
            "/p/leader",
            "/p/posts/standby",
            "/p/posts/leader/x",
            "/px/meta",
        ] {
            assert_eq!(keys.parse_planner(key.as_bytes()), None, "{key}");
        }
    }

    #[test]
    fn the_planners_range_holds_its_keys_and_no_noise() {
        let keys = Keys::new("/p");
        let range = keys.planner_range();
        let inside = |key: String| {
            let key = key.into_bytes();
            range.from <= key && key < range.to
        };
        let slot = Slot::new("j", 0);
        assert!(inside("/p/jobs/j".into()) && inside(keys.member("n")) && inside(keys.meta()));
        assert!(inside(keys.slot(&slot)) && inside(keys.job("j")) && inside(keys.leader()));
        for outside in [
            keys.plan("n"),
            keys.note("n", 7),
            keys.fence(&slot),
            keys.status("n"),
            keys.watcher("w"),
            keys.config("h"),
        ] {
            assert!(!inside(outside));
        }
    }
}
