//! The posts, first by example, then under random schedules with deaths, lost answers and late
//! commits: at rest there is always exactly one leader, and with two nodes a standby.

use super::*;

const START: Moment = Moment::from_nanos(1 << 60);

fn after(millis: u64) -> Moment {
    START + Duration::from_millis(millis)
}

fn sighting(post: Post, holder: Option<(&str, i64)>, revision: i64) -> Sighting {
    let holder = holder.map(|(incarnation, created)| Holder {
        incarnation: incarnation.into(),
        created,
    });
    Sighting {
        post,
        holder,
        revision,
    }
}

/// A node that has seen these two posts at revision 10.
fn node(leader: Option<(&str, i64)>, standby: Option<(&str, i64)>) -> Posts {
    let mut posts = Posts::new("me".into());
    posts.sighted(sighting(Post::Leader, leader, 10), START, 0.0);
    posts.sighted(sighting(Post::Standby, standby, 10), START, 0.0);
    posts
}

#[test]
fn nothing_is_done_before_both_posts_were_seen() {
    let mut posts = Posts::new("me".into());
    assert_eq!(posts.step(after(1)), None);
    posts.sighted(sighting(Post::Leader, None, 1), START, 0.0);
    assert_eq!(
        (posts.step(after(9_999)), posts.wake(after(9_999))),
        (None, Moment::NEVER)
    );
}

#[test]
fn the_first_node_of_a_cluster_campaigns_at_once() {
    let mut posts = node(None, None);
    assert_eq!(posts.wake(START), START);
    assert_eq!(posts.step(START), Some(Step::Campaign(Post::Leader)));
    assert_eq!(posts.step(START), None, "one step at a time");
}

#[test]
fn a_standby_takes_over_at_once_and_others_give_it_time() {
    let mut standby = node(Some(("b", 5)), Some(("me", 6)));
    let mut other = node(Some(("b", 5)), Some(("c", 6)));
    for posts in [&mut standby, &mut other] {
        posts.sighted(sighting(Post::Leader, None, 11), after(1), 0.0);
    }
    assert_eq!(standby.step(after(1)), Some(Step::TakeOver { standby: 6 }));
    assert_eq!(other.step(after(3_000)), None);
    assert_eq!(
        other.step(after(3_051)),
        Some(Step::Campaign(Post::Leader)),
        "a standby that does nothing is passed over"
    );
}

#[test]
fn when_both_are_lost_each_node_waits_its_own_time() {
    for (chance, millis) in [(0.0, 50), (1.0, 300)] {
        let mut posts = node(Some(("b", 5)), Some(("c", 6)));
        posts.sighted(sighting(Post::Leader, None, 11), START, chance);
        posts.sighted(sighting(Post::Standby, None, 11), START, chance);
        assert_eq!(posts.wake(START), after(millis));
        assert_eq!(posts.step(after(millis - 1)), None);
        let step = posts.step(after(millis));
        assert_eq!(step, Some(Step::Campaign(Post::Leader)));
    }
}

#[test]
fn seeing_the_same_again_does_not_put_a_campaign_off() {
    let mut posts = node(Some(("b", 5)), None);
    assert_eq!(posts.wake(START), after(50));
    posts.sighted(sighting(Post::Standby, None, 12), after(40), 1.0);
    assert_eq!(posts.wake(START), after(50));
}

#[test]
fn a_campaign_that_comes_true_late_is_served() {
    let mut posts = node(Some(("b", 5)), Some(("c", 6)));
    posts.sighted(sighting(Post::Leader, Some(("me", 12)), 12), START, 0.0);
    assert_eq!(posts.term(), Some(12));
}

#[test]
fn an_old_sighting_changes_nothing() {
    let mut posts = node(Some(("me", 10)), None);
    posts.sighted(sighting(Post::Leader, None, 9), START, 0.0);
    assert_eq!(posts.term(), Some(10));
}

#[test]
fn a_draining_node_vacates_both_posts_and_never_campaigns_again() {
    let mut posts = node(Some(("me", 5)), Some(("me", 6)));
    posts.willing_from(Moment::NEVER);
    posts.willing_from(Moment::ZERO);
    let vacate = |post, created| Some(Step::Vacate { post, created });
    assert_eq!(posts.step(START), vacate(Post::Leader, 5));
    posts.sighted(sighting(Post::Leader, None, 11), START, 0.0);
    posts.settled(START, 0.0);
    assert_eq!(posts.step(START), vacate(Post::Standby, 6));
    posts.sighted(sighting(Post::Standby, None, 12), START, 0.0);
    posts.settled(START, 0.0);
    assert_eq!(
        (posts.step(after(99_999)), posts.wake(after(99_999))),
        (None, Moment::NEVER)
    );
}

#[test]
fn a_node_that_resigned_campaigns_again_later() {
    let mut posts = node(Some(("me", 5)), None);
    posts.willing_from(after(4_000));
    assert_eq!(posts.wake(START), START, "vacating does not wait");
    assert!(matches!(posts.step(START), Some(Step::Vacate { .. })));
    posts.sighted(sighting(Post::Leader, None, 11), START, 0.0);
    posts.settled(START, 0.0);
    assert_eq!(posts.step(after(3_999)), None);
    assert_eq!(posts.wake(START), after(4_000));
    assert_eq!(posts.step(after(4_000)), Some(Step::Campaign(Post::Leader)));
}

/// A store with the two keys, some nodes, and everything that is on its way to somewhere.
struct World {
    dice: u64,
    now: Moment,
    revision: i64,
    keys: [Option<Holder>; 2],
    nodes: Vec<Posts>,
    /// What each node's watch has still to deliver.
    watches: Vec<Vec<Sighting>>,
    /// Steps sent, with their nodes; `true` for a copy whose answer nobody waits for.
    calls: Vec<(usize, Step, bool)>,
    names: usize,
}

impl World {
    fn new(seed: u64, nodes: usize) -> Self {
        let mut world = Self {
            dice: seed,
            now: START,
            revision: 1,
            keys: [None, None],
            nodes: Vec::new(),
            watches: Vec::new(),
            calls: Vec::new(),
            names: 0,
        };
        for _ in 0..nodes {
            let (posts, watch) = world.born();
            world.nodes.push(posts);
            world.watches.push(watch);
        }
        world
    }

    fn roll(&mut self, sides: usize) -> usize {
        // Knuth's constants; the high bits are the good ones.
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) as usize % sides
    }

    fn chance(&mut self) -> f64 {
        self.roll(1000) as f64 / 1000.0
    }

    fn born(&mut self) -> (Posts, Vec<Sighting>) {
        self.names += 1;
        let posts = Posts::new(format!("n{}", self.names).into());
        (
            posts,
            [Post::Leader, Post::Standby]
                .map(|post| self.read(post))
                .into(),
        )
    }

    fn read(&self, post: Post) -> Sighting {
        Sighting {
            post,
            holder: self.keys[post as usize].clone(),
            revision: self.revision,
        }
    }

    fn put(&mut self, post: Post, incarnation: Option<Arc<str>>) {
        let created = self.revision;
        self.keys[post as usize] = incarnation.map(|incarnation| Holder {
            incarnation,
            created,
        });
        let event = self.read(post);
        for watch in &mut self.watches {
            watch.push(event.clone());
        }
    }

    /// The process and its lease end: its keys go, and so do its calls.
    fn kill(&mut self, node: usize) {
        let dead = Arc::clone(&self.nodes[node].me);
        self.revision += 1;
        for post in [Post::Leader, Post::Standby] {
            let theirs = |holder: &Holder| holder.incarnation == dead;
            if self.keys[post as usize].as_ref().is_some_and(theirs) {
                self.put(post, None);
            }
        }
        self.calls.retain(|(owner, ..)| *owner != node);
        let (posts, watch) = self.born();
        self.nodes[node] = posts;
        self.watches[node] = watch;
    }

    /// One transaction, as etcd carries it out.
    fn commit(&mut self, node: usize, step: Step) {
        let me = Arc::clone(&self.nodes[node].me);
        let at = |post: Post, keys: &[Option<Holder>; 2]| {
            keys[post as usize].as_ref().map(|holder| holder.created)
        };
        self.revision += 1;
        match step {
            Step::Campaign(post) if at(post, &self.keys).is_none() => self.put(post, Some(me)),
            Step::TakeOver { standby }
                if at(Post::Leader, &self.keys).is_none()
                    && at(Post::Standby, &self.keys) == Some(standby) =>
            {
                self.put(Post::Leader, Some(me));
                self.put(Post::Standby, None);
            }
            Step::Vacate { post, created } if at(post, &self.keys) == Some(created) => {
                self.put(post, None);
            }
            // Refused, and a revision less.
            _ => self.revision -= 1,
        }
    }

    fn answer(&mut self, node: usize) {
        let (now, chance) = (self.now, self.chance());
        for sighting in [Post::Leader, Post::Standby].map(|post| self.read(post)) {
            self.nodes[node].sighted(sighting, now, chance);
        }
        self.nodes[node].settled(now, chance);
    }

    /// Something happens, somewhere. False if nothing was left to happen before `horizon`.
    fn happen(&mut self, horizon: Moment, lossy: bool) -> bool {
        let busy: Vec<usize> = (0..self.nodes.len())
            .filter(|node| !self.watches[*node].is_empty())
            .collect();
        if !busy.is_empty() && self.roll(2) == 0 {
            let node = busy[self.roll(busy.len())];
            let sighting = self.watches[node].remove(0);
            let (now, chance) = (self.now, self.chance());
            self.nodes[node].sighted(sighting, now, chance);
        } else if !self.calls.is_empty() && self.roll(3) > 0 {
            let call = self.roll(self.calls.len());
            let (node, step, copy) = self.calls.swap_remove(call);
            self.commit(node, step);
            match (copy, lossy) {
                (true, _) => {}
                // The answer is lost: the node repeats the step, and this copy may still be about.
                (false, true) if self.roll(4) == 0 => {
                    self.calls.push((node, step, true));
                    self.calls.push((node, step, false));
                }
                (false, _) => self.answer(node),
            }
        } else if let Some(node) = (0..self.nodes.len()).find(|n| self.is_due(*n)) {
            let step = self.nodes[node].step(self.now);
            self.calls.extend(step.map(|step| (node, step, false)));
        } else if busy.is_empty() && self.calls.is_empty() {
            let next = self.nodes.iter().map(|node| node.wake(self.now)).min();
            match next.filter(|next| *next <= horizon) {
                Some(next) => self.now = next.max(self.now),
                None => return false,
            }
        }
        true
    }

    fn is_due(&self, node: usize) -> bool {
        self.nodes[node].clone().step(self.now).is_some()
    }

    fn holder(&self, post: Post) -> Option<usize> {
        let holder = self.keys[post as usize].as_ref()?;
        self.nodes
            .iter()
            .position(|node| node.me == holder.incarnation)
    }
}

/// Interleaving 3, the first two variants: leader and standby die together; a campaign commits after
/// it was given up.
#[test]
fn no_schedule_of_deaths_lost_answers_and_late_commits_leaves_the_cluster_leaderless() {
    for seed in 0..3_000 {
        let nodes = 1 + seed as usize % 4;
        let mut world = World::new(seed, nodes);
        for _ in 0..150 {
            world.happen(world.now + Duration::from_secs(10), true);
            if world.roll(12) == 0 {
                let victim = world.roll(nodes);
                world.kill(victim);
                if world.roll(2) == 0 {
                    let other = world.roll(nodes);
                    world.kill(other);
                }
            }
        }
        let horizon = world.now + Duration::from_secs(30);
        while world.happen(horizon, false) {}
        let leader = world.holder(Post::Leader).expect("somebody leads");
        assert!(
            world.nodes[leader].term().is_some(),
            "seed {seed}: it does not know"
        );
        let leaders = world.nodes.iter().filter(|node| node.term().is_some());
        assert_eq!(leaders.count(), 1, "seed {seed}");
        let standby = world.holder(Post::Standby);
        assert_eq!(standby.is_some(), nodes > 1, "seed {seed}: {standby:?}");
        assert_ne!(standby, Some(leader), "seed {seed}");
    }
}
