//! Who leads, who stands by: one node's view of the two posts, and what it does about them.
//!
//! # Model
//!
//! ```text
//!              leader absent, standby ours           leader absent, no standby
//! standby --------- take over ---------> leader <------- campaign -------- bystander
//!    ^                                      |                                 |
//!    |                                      `-- (unwilling) -- vacate         |
//!    `------------------- standby absent, somebody leads: campaign -----------'
//! ```
//!
//! A node's role is what the keys say, never what it remembers of its own campaigns. A campaign whose
//! answer was lost can come true much later; the node then finds its incarnation under the key, and
//! serves.
//!
//! # Guarantees
//!
//! - While some willing node acts, an absent leader is replaced: the standby at once, without one any
//!   node after a short delay of its own, and any node after a long one if the standby does nothing.
//! - A node holds at most one post for longer than it takes to vacate the other.
//! - An old sighting never replaces a newer one.
//!
//! # How it fails
//!
//! Two nodes may both act on an absent leader. The transactions are conditioned on its absence, so
//! one of them succeeds, and the other learns from its refusal who it was.

use std::sync::Arc;
use std::time::Duration;

use super::super::Moment;

/// Before a node that saw both posts lost campaigns: half of it at least, so that the first to act
/// is heard of before most others have sent anything.
const JITTER: Duration = Duration::from_millis(300);
/// The shortest part of [`JITTER`].
const LEAST: Duration = Duration::from_millis(50);
/// So long a standby may leave the leader's post empty before others take it.
const PATIENCE: Duration = Duration::from_secs(3);

/// One of the two posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// Plans.
    Leader,
    /// Plans next, with all that is needed in its memory.
    Standby,
}

/// Who holds a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The incarnation of the node.
    pub incarnation: Arc<str>,
    /// The create_revision of the key: the term, for the leader.
    pub created: i64,
}

/// What the key of a post said at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Which one.
    pub post: Post,
    /// `None` if the key was absent.
    pub holder: Option<Holder>,
    /// The revision at which it was read, or that changed it.
    pub revision: i64,
}

/// What to do about the posts: one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Put our key where there is none.
    Campaign(Post),
    /// Put our leader's key, and delete our standby's of this create_revision.
    TakeOver {
        /// The standby key's create_revision.
        standby: i64,
    },
    /// Delete our key of this create_revision.
    Vacate {
        /// Which one.
        post: Post,
        /// Its create_revision.
        created: i64,
    },
}

/// What is known of one post.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// `None` until somebody looked.
    revision: Option<i64>,
    holder: Option<Holder>,
}

/// One node's view of the posts.
#[derive(Debug, Clone)]
pub struct Posts {
    me: Arc<str>,
    leader: Seen,
    standby: Seen,
    /// From here on this node campaigns. [`Moment::NEVER`] once it drains.
    willing_from: Moment,
    /// A step is under way.
    busy: bool,
    /// When the next campaign is due, once a post was found empty.
    due: Option<(Post, Moment)>,
    /// Somebody led, or stood by, since this node looked first.
    occupied: bool,
}

impl Posts {
    /// Nothing seen yet.
    pub fn new(incarnation: Arc<str>) -> Self {
        Self {
            me: incarnation,
            leader: Seen::default(),
            standby: Seen::default(),
            willing_from: Moment::ZERO,
            busy: false,
            due: None,
            occupied: false,
        }
    }

    /// Takes in what a key said. `chance` in `0.0..1.0` spreads the nodes that saw the same.
    pub fn sighted(&mut self, sighting: Sighting, now: Moment, chance: f64) {
        let seen = match sighting.post {
            Post::Leader => &mut self.leader,
            Post::Standby => &mut self.standby,
        };
        if seen.revision.is_some_and(|known| sighting.revision < known) {
            return;
        }
        seen.revision = Some(sighting.revision);
        seen.holder = sighting.holder;
        self.schedule(now, chance);
    }

    /// This node campaigns from `moment` on; what it holds until then it vacates.
    pub fn willing_from(&mut self, moment: Moment) {
        // Draining is for good.
        if self.willing_from < Moment::NEVER {
            self.willing_from = moment;
        }
    }

    /// The step that was handed out is over: it took place, or was refused. The sightings it brought
    /// are told first. What is still to be campaigned for is put off a little.
    pub fn settled(&mut self, now: Moment, chance: f64) {
        self.busy = false;
        self.due = None;
        self.schedule(now, chance);
    }

    /// What to do now. It counts as under way until [`settled`](Self::settled).
    pub fn step(&mut self, now: Moment) -> Option<Step> {
        if self.busy || !self.known() {
            return None;
        }
        let step = self.wanted(now)?;
        self.busy = true;
        Some(step)
    }

    /// When to ask for a step if nothing happens until then.
    pub fn wake(&self, now: Moment) -> Moment {
        if self.busy || !self.known() {
            return Moment::NEVER;
        }
        match self.due {
            _ if self.wanted(now).is_some() => now,
            Some((_, due)) if !self.holds_any() => due.max(self.willing_from),
            _ => Moment::NEVER,
        }
    }

    /// False while this node leaves the posts to others.
    pub fn is_willing(&self, now: Moment) -> bool {
        now >= self.willing_from
    }

    /// The term, while this node leads.
    pub fn term(&self) -> Option<i64> {
        self.ours(&self.leader)
    }

    /// True while this node holds a post.
    pub fn holds_any(&self) -> bool {
        self.ours(&self.leader).is_some() || self.ours(&self.standby).is_some()
    }

    fn wanted(&self, now: Moment) -> Option<Step> {
        let leads = self.ours(&self.leader);
        let stands_by = self.ours(&self.standby);
        let willing = self.is_willing(now);
        match (leads, stands_by) {
            (Some(created), _) if !willing => Some(Step::Vacate {
                post: Post::Leader,
                created,
            }),
            (leads, Some(created)) if !willing || leads.is_some() => Some(Step::Vacate {
                post: Post::Standby,
                created,
            }),
            (None, Some(standby)) if self.leader.holder.is_none() => {
                Some(Step::TakeOver { standby })
            }
            (None, None) if willing => match self.due {
                Some((post, due)) if now >= due => Some(Step::Campaign(post)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Decides when this node campaigns for what it sees empty. What was decided for the same
    /// emptiness before stays: a second look must not put it off.
    fn schedule(&mut self, now: Moment, chance: f64) {
        let (leader, standby) = (self.leader.holder.is_some(), self.standby.holder.is_some());
        if !self.known() {
            return;
        }
        let first_look = !self.occupied;
        self.occupied |= leader || standby;
        let jitter = LEAST + (JITTER - LEAST).mul_f64(chance.clamp(0.0, 1.0));
        let (post, delay) = match (leader, standby) {
            // A new cluster: nobody has been waiting with us for the same event.
            (false, false) if first_look => (Post::Leader, Duration::ZERO),
            (false, false) => (Post::Leader, jitter),
            (false, true) => (Post::Leader, PATIENCE + jitter),
            (true, false) => (Post::Standby, jitter),
            (true, true) => {
                self.due = None;
                return;
            }
        };
        let due = now + delay;
        self.due = match self.due {
            Some((before, earlier)) if before == post => Some((post, earlier.min(due))),
            _ => Some((post, due)),
        };
    }

    fn known(&self) -> bool {
        self.leader.revision.is_some() && self.standby.revision.is_some()
    }

    fn ours(&self, seen: &Seen) -> Option<i64> {
        let holder = seen.holder.as_ref()?;
        (holder.incarnation == self.me).then_some(holder.created)
    }
}

#[cfg(test)]
mod tests;
