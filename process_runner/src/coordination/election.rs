//! The two posts, `leader` and `standby`: campaigning for them, taking over, vacating them.
//!
//! | transaction | compares | does |
//! |---|---|---|
//! | register | nobody has either post; or somebody leads and nobody stands by | puts our key of the vacant post on our lease, in the transaction that puts the member key |
//! | campaign | nobody has the post; the member key is ours | puts our key on our lease |
//! | take over | nobody leads; the standby key and the member key are ours | puts our leader key, deletes our standby key |
//! | vacate | the key is the one we know | deletes it |
//!
//! Each of them reads both posts at its end, whether it took place or not. So an answer is a sighting
//! like any other: [`Posts`](crate::model::leading::Posts) learns from it who leads, be it us. A copy
//! that commits after we gave up on it shows on the watch.
//!
//! A registration takes what is vacant because all nodes of a large cluster may start at once: of a
//! thousand, nine hundred campaigned before they heard that the posts were taken.

use etcd_client::{Compare, CompareOp, PutOptions, Txn, TxnOp, TxnResponse};

use super::guarded::{part, reads};
use super::keys::Keys;
use super::records::{LeaderRecord, encode};
use super::{CallError, Entry, Session};
use crate::model::leading::{Holder, Post, Sighting, Step};

impl Session {
    /// Carries out one step, and says how the posts stand after it.
    ///
    /// Dropped, its outcome is unknown; what it did is found by the next sighting.
    pub(crate) async fn take_step(&self, step: Step) -> Result<[Sighting; 2], CallError> {
        let absent = |post| created(&self.keys, post, 0);
        let (conditions, mut operations) = match step {
            Step::Campaign(post) => (
                vec![absent(post), self.is_member()],
                vec![self.put_post(post)],
            ),
            Step::TakeOver { standby } => (
                vec![
                    absent(Post::Leader),
                    created(&self.keys, Post::Standby, standby),
                    self.is_member(),
                ],
                vec![
                    self.put_post(Post::Leader),
                    TxnOp::delete(key(&self.keys, Post::Standby), None),
                ],
            ),
            Step::Vacate {
                post,
                created: revision,
            } => (
                vec![created(&self.keys, post, revision)],
                vec![TxnOp::delete(key(&self.keys, post), None)],
            ),
        };
        operations.push(self.keys.posts().read());
        let txn = Txn::new()
            .when(conditions)
            .and_then(operations)
            .or_else([self.keys.posts().read()]);
        let reply = self.settle(txn).await?;
        Ok(self.posts_in(&reply))
    }

    /// What a transaction saw that read the posts and nothing else.
    pub(super) fn posts_in(&self, reply: &TxnResponse) -> [Sighting; 2] {
        let revision = reply.header().map_or(0, |header| header.revision());
        let read = reads(reply).into_iter().next();
        let kvs = read.as_ref().map_or(&[][..], |read| read.kvs());
        let entries: Vec<_> = kvs.iter().map(Entry::from).collect();
        posts_among(&self.keys, &entries, revision)
    }

    fn put_post(&self, post: Post) -> TxnOp {
        let record = LeaderRecord {
            node: self.node.to_string(),
            incarnation: self.incarnation.to_string(),
        };
        put(&self.keys, post, &record, self.lease)
    }
}

/// The parts of a registration that take what is vacant. All conditions of a transaction are judged on
/// the state before it, so nobody takes both.
pub(super) fn take_vacant(keys: &Keys, record: &LeaderRecord, lease: i64) -> [TxnOp; 2] {
    let absent = |post| created(keys, post, 0);
    let somebody_leads = Compare::create_revision(keys.leader(), CompareOp::Greater, 0);
    let take = |post| vec![put(keys, post, record, lease)];
    [
        part(
            vec![absent(Post::Leader), absent(Post::Standby)],
            take(Post::Leader),
            Vec::new(),
        ),
        part(
            vec![somebody_leads, absent(Post::Standby)],
            take(Post::Standby),
            Vec::new(),
        ),
    ]
}

/// How the posts stand, if `entries` is what is under their keys at `revision`.
pub(crate) fn posts_among(keys: &Keys, entries: &[Entry], revision: i64) -> [Sighting; 2] {
    [Post::Leader, Post::Standby].map(|post| {
        let key = key(keys, post).into_bytes();
        Sighting {
            post,
            holder: entries.iter().find(|entry| entry.key == key).map(holder_in),
            revision,
        }
    })
}

/// The post whose key it is.
pub(crate) fn post_of(keys: &Keys, found: &[u8]) -> Option<Post> {
    let mut posts = [Post::Leader, Post::Standby].into_iter();
    posts.find(|post| key(keys, *post).as_bytes() == found)
}

/// Who a post's key names.
pub(crate) fn holder_in(entry: &Entry) -> Holder {
    let record = serde_json::from_slice::<LeaderRecord>(&entry.value);
    Holder {
        // A value that cannot be read names nobody that lives, and certainly not us.
        incarnation: record.map_or_else(|_| "?".into(), |record| record.incarnation.into()),
        created: entry.create_revision,
    }
}

fn key(keys: &Keys, post: Post) -> String {
    match post {
        Post::Leader => keys.leader(),
        Post::Standby => keys.standby(),
    }
}

fn created(keys: &Keys, post: Post, revision: i64) -> Compare {
    Compare::create_revision(key(keys, post), CompareOp::Equal, revision)
}

fn put(keys: &Keys, post: Post, record: &LeaderRecord, lease: i64) -> TxnOp {
    let on_lease = PutOptions::new().with_lease(lease);
    TxnOp::put(key(keys, post), encode(record), Some(on_lease))
}

#[cfg(test)]
mod tests;
