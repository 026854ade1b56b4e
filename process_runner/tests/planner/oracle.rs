//! Tries every plan there is, and knows the aims only from what they say.

use process_runner::model::view::ClusterView;

use super::cluster::held;

/// What a plan costs, aim by aim, in their order.
pub(crate) type Score = [u64; 6];

/// The rules of one view.
pub(crate) struct Oracle {
    demand: Vec<u32>,
    /// Per job and node.
    caps: Vec<Vec<u32>>,
    held: Vec<Vec<u32>>,
    fair: Vec<Vec<(u32, u32)>>,
    capacity: Vec<u32>,
    fair_totals: Vec<(u32, u32)>,
    last_resort: Vec<bool>,
    steep: Vec<u64>,
    /// Per zone, its nodes; empty if zones make no difference.
    zones: Vec<Vec<usize>>,
}

impl Oracle {
    pub(crate) fn new(view: &ClusterView) -> Self {
        let usable: Vec<bool> = view
            .nodes
            .iter()
            .map(|n| n.accepts && n.weight > 0)
            .collect();
        let demand: Vec<u32> = view.jobs.iter().map(|job| job.seats.len() as u32).collect();
        let slots = demand.iter().sum();
        let nodes = 0..view.nodes.len();
        let capacity: Vec<u32> = nodes
            .clone()
            .map(|n| {
                if usable[n] {
                    view.nodes[n].capacity.unwrap_or(slots).min(slots)
                } else {
                    0
                }
            })
            .collect();
        let caps: Vec<Vec<u32>> = view
            .jobs
            .iter()
            .zip(&demand)
            .map(|(job, demand)| {
                let cap = |n: usize| match job.allows(n as u32) {
                    true => capacity[n]
                        .min(job.max_per_node.unwrap_or(*demand))
                        .min(*demand),
                    false => 0,
                };
                nodes.clone().map(cap).collect()
            })
            .collect();
        let fair = demand
            .iter()
            .zip(&caps)
            .map(|(demand, caps)| shares(view, *demand, caps));
        let greatest = nodes
            .clone()
            .filter(|n| usable[*n])
            .map(|n| view.nodes[n].weight)
            .max();
        let steep = |n: usize| {
            let (greatest, weight) = (greatest.unwrap_or(1), view.nodes[n].weight.max(1));
            u64::from((greatest / weight).clamp(1, 64))
        };
        let mut zones: Vec<_> = nodes
            .clone()
            .filter(|n| usable[*n])
            .map(|n| view.nodes[n].zone.clone())
            .collect();
        zones.sort();
        zones.dedup();
        let in_zone = |zone| {
            nodes
                .clone()
                .filter(|n| usable[*n] && view.nodes[*n].zone == zone)
                .collect()
        };
        Self {
            fair: fair.collect(),
            fair_totals: shares(view, slots, &capacity),
            held: held(view),
            last_resort: view.nodes.iter().map(|node| node.last_resort).collect(),
            steep: nodes.clone().map(steep).collect(),
            zones: if zones.len() > 1 {
                zones.into_iter().map(in_zone).collect()
            } else {
                vec![]
            },
            demand,
            caps,
            capacity,
        }
    }

    /// The cost of `counts`, which break no cap.
    pub(crate) fn score(&self, counts: &[Vec<u32>]) -> Score {
        let mut score = [0; 6];
        let mut totals = vec![0; self.capacity.len()];
        for (job, counts) in counts.iter().enumerate() {
            let placed: u32 = counts.iter().sum();
            score[0] += u64::from(self.demand[job] - placed);
            for (node, count) in counts.iter().enumerate() {
                assert!(
                    *count <= self.caps[job][node],
                    "job {job}, node {node}: a cap is broken"
                );
                totals[node] += count;
                score[1] += if self.last_resort[node] {
                    u64::from(*count)
                } else {
                    0
                };
                score[2] += deviation(*count, self.fair[job][node], self.steep[node]);
                score[5] += u64::from(count.saturating_sub(self.held[job][node]));
            }
            for (zone, fair) in self.zones.iter().zip(self.fair_zones(job)) {
                let count = zone.iter().map(|node| counts[*node]).sum();
                score[4] += zone_deviation(count, fair);
            }
        }
        for (node, total) in totals.into_iter().enumerate() {
            assert!(
                total <= self.capacity[node],
                "node {node}: its capacity is exceeded"
            );
            score[3] += deviation(total, self.fair_totals[node], self.steep[node]);
        }
        score
    }

    /// The score of the best plan.
    pub(crate) fn best(&self) -> Score {
        let mut best = [u64::MAX; 6];
        let mut counts: Vec<Vec<u32>> = self.caps.iter().map(|caps| vec![0; caps.len()]).collect();
        let left = self.demand.clone();
        self.try_all(&mut counts, left, self.capacity.clone(), 0, 0, &mut best);
        best
    }

    fn try_all(
        &self,
        counts: &mut Vec<Vec<u32>>,
        mut left: Vec<u32>,
        mut room: Vec<u32>,
        job: usize,
        node: usize,
        best: &mut Score,
    ) {
        if job == self.demand.len() {
            *best = self.score(counts).min(*best);
            return;
        }
        if node == room.len() {
            return self.try_all(counts, left, room, job + 1, 0, best);
        }
        let most = self.caps[job][node].min(left[job]).min(room[node]);
        for count in 0..=most {
            counts[job][node] = count;
            self.try_all(counts, left.clone(), room.clone(), job, node + 1, best);
            if count < most {
                left[job] -= 1;
                room[node] -= 1;
            }
        }
        counts[job][node] = 0;
    }

    /// As even as the job's shares of the nodes allow, by trying every level.
    fn fair_zones(&self, job: usize) -> Vec<(u32, u32)> {
        let limits: Vec<(u32, u32)> = self
            .zones
            .iter()
            .map(|zone| {
                let fair = zone.iter().map(|node| self.fair[job][*node]);
                fair.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
            })
            .collect();
        let at = |level: u32| {
            limits
                .iter()
                .map(move |(least, most)| level.clamp(*least, *most))
        };
        let most = limits.iter().map(|(_, most)| *most).max().unwrap_or(0);
        let level = (0..=most)
            .rev()
            .find(|level| at(*level).sum::<u32>() <= self.demand[job]);
        let level = level.unwrap_or(0);
        let exact = at(level).sum::<u32>() >= self.demand[job];
        let next = if exact { level } else { level + 1 };
        at(level).zip(at(next)).collect()
    }
}

/// 1 for the first step out of what is fair, and `steep` more for each further one.
fn deviation(count: u32, (floor, ceil): (u32, u32), steep: u64) -> u64 {
    let steps = u64::from(floor.saturating_sub(count) + count.saturating_sub(ceil));
    steps + steep * steps * steps.saturating_sub(1) / 2
}

/// 1 for the first step out of what is even, 2 for the next two, 3 for the next four, and so on.
fn zone_deviation(count: u32, (floor, ceil): (u32, u32)) -> u64 {
    let steps = floor.saturating_sub(count) + count.saturating_sub(ceil);
    (1..=u64::from(steps))
        .map(|step| u64::from(step.ilog2() + 1))
        .sum()
}

/// The floor and the ceiling of each node's share: nodes fill in the order in which they would be
/// full, the last resorts after all others.
fn shares(view: &ClusterView, demand: u32, caps: &[u32]) -> Vec<(u32, u32)> {
    let mut shares = vec![(0, 0); caps.len()];
    let mut left = demand;
    for last_resort in [false, true] {
        let mut open: Vec<usize> = (0..caps.len())
            .filter(|n| caps[*n] > 0 && view.nodes[*n].last_resort == last_resort)
            .collect();
        let weight = |n: &usize| view.nodes[*n].weight;
        open.sort_by_key(|n| (u64::from(caps[*n]) << 32) / u64::from(weight(n)));
        let mut rest = left.min(open.iter().map(|n| caps[*n]).sum());
        left -= rest;
        while let Some(n) = open.first().copied() {
            let weights: u32 = open.iter().map(weight).sum();
            if rest * weight(&n) < caps[n] * weights {
                for n in &open {
                    let share = rest * weight(n);
                    shares[*n] = (share / weights, share.div_ceil(weights));
                }
                break;
            }
            shares[n] = (caps[n], caps[n]);
            rest -= caps[n];
            open.remove(0);
        }
    }
    shares
}
