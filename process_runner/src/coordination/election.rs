//! The two posts, `leader` and `standby`: campaigning for them, taking over, vacating them.
//!
//! | transaction | compares | does |
//! |---|---|---|
//! | campaign | nobody has the post; the member key is ours | puts our key on our lease |
//! | take over | nobody leads; the standby key and the member key are ours | puts our leader key, deletes our standby key |
//! | vacate | the key is the one we know | deletes it |
//!
//! Each of them reads both posts at its end, whether it took place or not. So an answer is a sighting
//! like any other: [`Posts`](crate::model::leading::Posts) learns from it who leads, be it us. A copy
//! that commits after we gave up on it shows on the watch.

use etcd_client::{Compare, CompareOp, KeyValue, PutOptions, Txn, TxnOp, TxnResponse};

use super::guarded::reads;
use super::records::{LeaderRecord, encode};
use super::{CallError, Entry, Session};
use crate::model::leading::{Holder, Post, Sighting, Step};

impl Session {
    /// Carries out one step, and says how the posts stand after it.
    ///
    /// Dropped, its outcome is unknown; what it did is found by the next sighting.
    pub(crate) async fn take_step(&self, step: Step) -> Result<[Sighting; 2], CallError> {
        let (conditions, mut operations) = match step {
            Step::Campaign(post) => (
                vec![self.post_created(post, 0), self.is_member()],
                vec![self.put_post(post)],
            ),
            Step::TakeOver { standby } => (
                vec![
                    self.post_created(Post::Leader, 0),
                    self.post_created(Post::Standby, standby),
                    self.is_member(),
                ],
                vec![
                    self.put_post(Post::Leader),
                    TxnOp::delete(self.post_key(Post::Standby), None),
                ],
            ),
            Step::Vacate { post, created } => (
                vec![self.post_created(post, created)],
                vec![TxnOp::delete(self.post_key(post), None)],
            ),
        };
        operations.extend(self.read_posts());
        let txn = Txn::new()
            .when(conditions)
            .and_then(operations)
            .or_else(self.read_posts());
        let reply = self.settle(txn).await?;
        Ok(self.posts_in(&reply))
    }

    /// The key of a post.
    pub(crate) fn post_key(&self, post: Post) -> String {
        match post {
            Post::Leader => self.keys.leader(),
            Post::Standby => self.keys.standby(),
        }
    }

    pub(super) fn read_posts(&self) -> [TxnOp; 2] {
        [Post::Leader, Post::Standby].map(|post| TxnOp::get(self.post_key(post), None))
    }

    /// What a transaction that ended with [`read_posts`](Self::read_posts) saw.
    pub(super) fn posts_in(&self, reply: &TxnResponse) -> [Sighting; 2] {
        let revision = reply.header().map_or(0, |header| header.revision());
        let mut reads = reads(reply).into_iter();
        [Post::Leader, Post::Standby].map(|post| {
            let get = reads.next();
            let kv = get.as_ref().and_then(|get| get.kvs().first());
            let holder = kv.map(|kv: &KeyValue| holder(kv.value(), kv.create_revision()));
            Sighting {
                post,
                holder,
                revision,
            }
        })
    }

    fn post_created(&self, post: Post, created: i64) -> Compare {
        Compare::create_revision(self.post_key(post), CompareOp::Equal, created)
    }

    fn put_post(&self, post: Post) -> TxnOp {
        let record = LeaderRecord {
            node: self.node.to_string(),
            incarnation: self.incarnation.to_string(),
        };
        let on_lease = PutOptions::new().with_lease(self.lease);
        TxnOp::put(self.post_key(post), encode(&record), Some(on_lease))
    }
}

/// Who a post's key names.
pub(crate) fn holder_in(entry: &Entry) -> Holder {
    holder(&entry.value, entry.create_revision)
}

fn holder(value: &[u8], created: i64) -> Holder {
    let record = serde_json::from_slice::<LeaderRecord>(value);
    Holder {
        // A value that cannot be read names nobody that lives, and certainly not us.
        incarnation: record.map_or_else(|_| "?".into(), |record| record.incarnation.into()),
        created,
    }
}
