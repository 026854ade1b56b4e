//! The process that serves etcd, and the ways to it that each node has.

use std::time::Duration;

use process_runner::embedded::{EmbeddedEtcd, EmbeddedOptions, Faults, Link, LostReply};

use super::peer::Peer;
use super::schedule::{Op, Schedule, Ways};

pub(crate) struct Store {
    pub(crate) peer: Peer,
    pub(crate) etcd: EmbeddedEtcd,
    faults: Faults,
    /// By node and member.
    links: Vec<Vec<Link>>,
    /// What each node connects through.
    through: Vec<EmbeddedEtcd>,
}

impl Store {
    pub(crate) fn new(schedule: &Schedule, now: Duration) -> Self {
        let (nodes, members) = (schedule.nodes, schedule.members);
        let peer = Peer::new(now, schedule.slack);
        let etcd = peer.enter(|| EmbeddedEtcd::in_memory(EmbeddedOptions::default()));
        let faults = etcd.faults();
        let (through, links) = (0..nodes).map(|_| etcd.through(members)).unzip();
        Self {
            peer,
            etcd,
            faults,
            links,
            through,
        }
    }

    /// How a node reaches it.
    pub(crate) fn for_node(&self, node: usize) -> EmbeddedEtcd {
        self.through[node].clone()
    }

    /// Breaks or mends what the operation says, if that is etcd or a way to it.
    pub(crate) fn carry_out(&self, op: &Op) {
        // Its clock is its own, and some faults look at it.
        self.peer.enter(|| self.apply(op));
    }

    fn apply(&self, op: &Op) {
        let faults = &self.faults;
        match *op {
            Op::Freeze(ways) => self.each(ways, Link::freeze),
            Op::Thaw(ways) => self.each(ways, Link::thaw),
            Op::Refuse(ways, refuse) => self.each(ways, |link| link.refuse(refuse)),
            Op::Delay(ways, delay) => self.each(ways, |link| link.delay(delay)),
            Op::Cut(ways) => self.each(ways, Link::cut_streams),
            Op::LoseReply(ways, silent) => {
                let lost = match silent {
                    true => LostReply::Silence,
                    false => LostReply::Error,
                };
                self.each(ways, |link| link.lose_next_reply(lost));
            }
            Op::Quorum(ways, lost) => self.each(ways, |link| link.lose_quorum(lost)),
            Op::FreezeEtcd(true) => faults.freeze(),
            Op::FreezeEtcd(false) => faults.thaw(),
            Op::NoSpace(full) => faults.no_space(full),
            Op::Compact => faults.compact(),
            Op::ChangeLeader => faults.change_leader(),
            Op::Skew(ahead) => faults.skew_clock(ahead),
            Op::StaleLeader(member) => {
                self.each(through(member), |link| faults.make_leader_stale(link));
                faults.change_leader();
            }
            Op::EndStaleLeader(member) => {
                self.each(through(member), |link| faults.end_stale_leader(link));
            }
            _ => {}
        }
    }

    /// Mends everything.
    pub(crate) fn mend(&self) {
        self.peer.enter(|| {
            self.faults.thaw();
            self.faults.no_space(false);
            for link in self.links.iter().flatten() {
                link.thaw();
                link.refuse(false);
                link.delay(Duration::ZERO);
                link.lose_quorum(false);
                link.lose_no_reply();
                self.faults.end_stale_leader(link);
            }
        });
    }

    fn each(&self, ways: Ways, change: impl Fn(&Link)) {
        for (node, links) in self.links.iter().enumerate() {
            for (member, link) in links.iter().enumerate() {
                let meant = ways.node.is_none_or(|it| it == node)
                    && ways.member.is_none_or(|it| it == member);
                if meant {
                    change(link);
                }
            }
        }
    }
}

fn through(member: usize) -> Ways {
    let (node, member) = (None, Some(member));
    Ways { node, member }
}
