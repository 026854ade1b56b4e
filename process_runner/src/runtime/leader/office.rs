//! The loop behind [`Leading`](super::Leading): it feeds the machines of `model::leading`, and does
//! what they say is due.
//!
//! ```text
//! posts' keys, sightings --> Posts ------> step   (one at a time)
//! planner's range ---------> Picture --+
//! timer -------------------> Rhythm ---+-> work   (one at a time: survey, configurations, pass)
//! ```
//!
//! The next pass begins when what the last one sent is settled, so that the leader always knows what
//! stands in etcd. The watches are read meanwhile.

mod ledger;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;

use self::work::Done;
use super::dispatch::Joined;
use super::picture::{News, Picture};
use super::term::Term;
use super::{Planner, Wishes};
use crate::clock::Clock;
use crate::coordination::{
    CallError, Change, Feed, Follower, Keys, Session, StoredConfig, holder_in, post_of, posts_among,
};
use crate::model::Moment;
use crate::model::leading::{Posts, Rhythm, Sighting, Step, Turnover};

/// After a step that etcd refused for good.
const STEP_AGAIN: Duration = Duration::from_secs(1);

/// The state of the loop.
pub(super) struct Office {
    session: Session,
    clock: Clock,
    planner: Planner,
    posts: Posts,
    step: JoinSet<Result<[Sighting; 2], CallError>>,
    /// While this node leads.
    term: Option<Term>,
    rhythm: Rhythm,
    work: JoinSet<Done>,
    /// Tells the work under way that a node joined.
    joined: Joined,
    /// After a failed read no work begins before this.
    not_before: Moment,
    /// Follows the planner's range, while this node has a post.
    range: Option<Follower>,
    picture: Picture,
    turnover: Turnover,
    configs: BTreeMap<String, StoredConfig>,
    /// Configurations that members name and that are not among those.
    unknown: BTreeSet<String>,
}

impl Office {
    /// An office that takes no post before `willing_from`.
    pub(super) fn new(
        session: Session,
        clock: Clock,
        planner: Planner,
        willing_from: Moment,
    ) -> Self {
        let mut posts = Posts::new(Arc::clone(&session.incarnation));
        posts.willing_from(willing_from);
        Self {
            clock,
            planner,
            posts,
            step: JoinSet::new(),
            term: None,
            rhythm: Rhythm::new(),
            work: JoinSet::new(),
            joined: Joined::default(),
            not_before: Moment::ZERO,
            range: None,
            picture: Picture::default(),
            turnover: Turnover::new(session.term.ttl()),
            configs: BTreeMap::new(),
            unknown: BTreeSet::new(),
            session,
        }
    }

    /// Runs until it is dropped; then what is under way has an unknown outcome, and the posts stay
    /// with the lease.
    pub(super) async fn run(mut self, wishes: Wishes) {
        let mut sighted = wishes.sighted.subscribe();
        let mut draining = wishes.draining.subscribe();
        draining.mark_changed();
        let mut posts = self.follow_posts();
        loop {
            self.act();
            let wake = self.wake();
            tokio::select! {
                biased;
                Ok(()) = draining.changed() => {
                    if *draining.borrow_and_update() {
                        self.posts.willing_from(Moment::NEVER);
                    }
                }
                Ok(()) = sighted.changed() => {
                    let seen = sighted.borrow_and_update().clone();
                    self.sighted(seen.into_iter().flatten());
                }
                feed = posts.next() => match feed {
                    Some(feed) => self.sighted(sightings(&self.session.keys, &feed)),
                    None => posts = self.follow_posts(),
                },
                feed = next(&mut self.range) => match feed {
                    Some(feed) => self.on_feed(feed),
                    None => self.follow_range(),
                },
                Some(step) = self.step.join_next() => self.on_step(step),
                Some(done) = self.work.join_next() => self.on_done(done),
                () = self.clock.sleep_until(wake) => {}
            }
        }
    }

    /// Brings everything in line with what is known now, and begins what is due.
    fn act(&mut self) {
        let now = self.clock.now();
        if let Some(step) = self.posts.step(now) {
            self.begin_step(step);
        }
        if self.posts.holds_any() && self.range.is_none() {
            self.follow_range();
        } else if !self.posts.holds_any() && self.range.is_some() {
            self.range = None;
            self.picture = Picture::default();
            self.unknown.clear();
            self.turnover = Turnover::new(self.session.term.ttl());
        }
        let term = self.posts.term();
        if term != self.term.as_ref().map(|term| term.number) {
            // What the old term sent is refused from now on.
            self.work = JoinSet::new();
            if let Some(before) = self.term.take() {
                tracing::info!(term = before.number, "leads no longer");
            }
            if let Some(number) = term {
                tracing::info!(term = number, node = %self.session.node, "leads");
                self.term = Some(Term::new(number, now));
                self.rhythm.begin(now);
            }
        }
        self.begin_work(now);
    }

    fn begin_step(&mut self, step: Step) {
        tracing::debug!(?step, "posts");
        let session = self.session.clone();
        self.step.spawn(async move {
            let posts = session.take_step(step).await;
            if let Err(error) = &posts {
                tracing::warn!(%error, ?step, "a step towards leading was refused");
                tokio::time::sleep(STEP_AGAIN).await;
            }
            posts
        });
    }

    fn on_step(&mut self, step: Result<Result<[Sighting; 2], CallError>, tokio::task::JoinError>) {
        match step {
            Ok(Ok(posts)) => self.sighted(posts),
            // It was logged; what became of it shows on the watch.
            Ok(Err(_)) => {}
            Err(error) => tracing::error!(%error, "a step towards leading ended without an answer"),
        }
        self.posts.settled(self.clock.now(), fastrand::f64());
    }

    fn sighted(&mut self, sightings: impl IntoIterator<Item = Sighting>) {
        let now = self.clock.now();
        for sighting in sightings {
            self.posts.sighted(sighting, now, fastrand::f64());
        }
    }

    fn on_feed(&mut self, feed: Feed) {
        let now = self.clock.now();
        let news = self.picture.apply(&self.session.keys, feed);
        if news.iter().any(|news| !matches!(news, News::Owned { .. })) {
            self.look_for_unknown_configs();
        }
        for news in news {
            if self.is_event(&news) {
                self.rhythm.event(now);
            }
            self.suspect(&news, now);
            match news {
                News::Joined {
                    incarnation,
                    crashes,
                } => {
                    self.joined.store(true, Ordering::Relaxed);
                    self.turnover.joined(incarnation, crashes, now);
                }
                News::Left {
                    incarnation,
                    orderly,
                } => self.turnover.left(&incarnation, orderly, now),
                News::Owned { .. } | News::Changed => {}
            }
        }
    }

    /// A slot that came where it was planned, or went away as planned, asks for no pass.
    fn is_event(&self, news: &News) -> bool {
        match (news, &self.term) {
            (News::Owned { slot, by }, Some(term)) => {
                term.planned.node(&slot.job, slot.index) != by.as_ref()
            }
            _ => true,
        }
    }

    fn wake(&self) -> Moment {
        self.posts.wake(self.clock.now()).min(self.work_due())
    }

    fn follow_posts(&self) -> Follower {
        self.session.follow(self.session.keys.posts())
    }

    /// Follows the planner's range from a new snapshot on.
    fn follow_range(&mut self) {
        let range = self.session.keys.planner_range();
        self.picture.complete = false;
        self.range = Some(Follower::start(self.session.etcd.clone(), range));
    }
}

/// The next part of the watch; never, if nothing is followed. Cancel safe.
async fn next(range: &mut Option<Follower>) -> Option<Feed> {
    match range {
        Some(follower) => follower.next().await,
        None => std::future::pending().await,
    }
}

/// What the watch over the posts says of them.
fn sightings(keys: &Keys, feed: &Feed) -> Vec<Sighting> {
    let of_change = |change: &Change| {
        let (key, holder, revision) = match change {
            Change::Put(entry) => (&entry.key, Some(holder_in(entry)), entry.mod_revision),
            Change::Delete { key, revision } => (key, None, *revision),
        };
        Some(Sighting {
            post: post_of(keys, key)?,
            holder,
            revision,
        })
    };
    match feed {
        Feed::Snapshot { entries, revision } => posts_among(keys, entries, *revision).into(),
        Feed::Changes { changes } => changes.iter().filter_map(of_change).collect(),
    }
}

#[cfg(test)]
mod tests;
