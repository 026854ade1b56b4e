//! Brings surplus and lack together along the cheapest ways.
//!
//! Successive shortest paths with potentials: a search from all places with a surplus finds how far
//! (in cost, then in arrows) every place is, up to the nearest that lacks something; then slots are
//! sent along all shortest ways at once, until none is left. As no arrow ever gets a negative
//! reduced cost, the flow is at each moment the cheapest of those with the same surplus. So when
//! nothing is left over, it is the cheapest of all.
//!
//! # How it fails
//!
//! It would take a mistake in a cost. Tests panic then; a leader ends the search, and what is left
//! over stays unplaced.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::cost::{Cost, NEVER};
use super::network::{Network, Place};

/// Distance in cost, then in arrows.
type Distance = (Cost, u32);

const UNSEEN: Distance = (NEVER, u32::MAX);

/// Makes the flow add up, at the least cost. Returns the potential of each place, which proves it.
pub(super) fn settle(network: &mut Network) -> Vec<Cost> {
    let mut search = Search {
        potential: vec![0; network.places()],
        distance: vec![UNSEEN; network.places()],
        heap: BinaryHeap::new(),
        next_arrow: vec![0; network.places()],
    };
    while let Some(nearest) = search.measure(network) {
        let sent = search.send_all(network, nearest);
        debug_assert!(sent > 0, "the nearest lack is on no open way");
        if sent == 0 {
            break;
        }
    }
    search.potential
}

struct Search {
    /// Keeps every reduced cost (cost + potential here - potential there) from being negative.
    potential: Vec<Cost>,
    distance: Vec<Distance>,
    heap: BinaryHeap<Reverse<(Distance, Place)>>,
    next_arrow: Vec<usize>,
}

impl Search {
    /// Measures from every surplus to the nearest lack, which is returned; `None` if nothing is
    /// left over.
    fn measure(&mut self, network: &Network) -> Option<Distance> {
        self.distance.fill(UNSEEN);
        self.heap.clear();
        for (place, surplus) in network.surplus.iter().enumerate() {
            if *surplus > 0 {
                self.distance[place] = (0, 0);
                self.heap.push(Reverse(((0, 0), place)));
            }
        }
        let mut nearest = UNSEEN;
        while let Some(Reverse((distance, place))) = self.heap.pop() {
            if distance > nearest {
                break;
            }
            if distance > self.distance[place] {
                continue;
            }
            if network.surplus[place] < 0 {
                nearest = distance;
                continue;
            }
            self.look_around(network, place, distance);
        }
        if nearest == UNSEEN {
            // The sink leads everywhere, so surplus and lack are both gone.
            return None;
        }
        for (potential, distance) in self.potential.iter_mut().zip(&self.distance) {
            *potential += distance.0.min(nearest.0);
        }
        Some(nearest)
    }

    fn look_around(&mut self, network: &Network, place: Place, (cost, arrows): Distance) {
        let here = cost + self.potential[place];
        network.find_arrow(place, 0, |_, to, step| {
            let there = here + step - self.potential[to];
            debug_assert!(there >= cost, "a reduced cost is negative");
            // A leader that plans a little worse is better than one that plans for ever.
            let distance = (there.max(cost), arrows + 1);
            if distance < self.distance[to] {
                self.distance[to] = distance;
                self.heap.push(Reverse((distance, to)));
            }
            false
        });
    }

    /// Sends slots along the ways of shortest distance until none of them is open. Returns how many.
    fn send_all(&mut self, network: &mut Network, nearest: Distance) -> u64 {
        self.next_arrow.fill(0);
        let mut sent = 0;
        let mut way: Vec<(Place, usize)> = Vec::new();
        for start in 0..network.places() {
            while network.surplus[start] > 0 {
                way.clear();
                let Some(end) = self.find_way(network, start, nearest, &mut way) else {
                    break;
                };
                for (place, arrow) in &way {
                    network.send(*place, *arrow);
                }
                network.surplus[start] -= 1;
                network.surplus[end] += 1;
                sent += 1;
            }
        }
        sent
    }

    /// Depth first, never looking twice at an arrow that led nowhere.
    fn find_way(
        &mut self,
        network: &Network,
        start: Place,
        nearest: Distance,
        way: &mut Vec<(Place, usize)>,
    ) -> Option<Place> {
        let mut place = start;
        loop {
            if network.surplus[place] < 0 && self.distance[place] == nearest {
                return Some(place);
            }
            match self.open_arrow(network, place, nearest) {
                Some((arrow, to)) => {
                    way.push((place, arrow));
                    place = to;
                }
                None => {
                    let (back, _) = way.pop()?;
                    // Places are visited in the order of arrows, so `back` has a found arrow.
                    self.next_arrow[back] += 1;
                    place = back;
                }
            }
        }
    }

    /// The next arrow out of `place` that lies on a shortest way.
    fn open_arrow(
        &mut self,
        network: &Network,
        place: Place,
        nearest: Distance,
    ) -> Option<(usize, Place)> {
        let (_, arrows) = self.distance[place];
        if arrows >= nearest.1 {
            return None;
        }
        let here = self.potential[place];
        let found = network.find_arrow(place, self.next_arrow[place], |_, to, step| {
            let (cost, after) = self.distance[to];
            after == arrows + 1 && cost <= nearest.0 && here + step == self.potential[to]
        });
        self.next_arrow[place] = found.map_or(usize::MAX, |(arrow, _)| arrow);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::planner::assemble::{Ask, assemble};
    use crate::model::planner::grid::Grid;
    use crate::model::view::{ClusterView, Eligible, JobView, NodeView, Seat};

    /// Medium clusters in any state, from a small generator of our own: the model knows no chance.
    fn cluster(mut seed: u64) -> ClusterView {
        let mut below = |limit: u32| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((seed >> 33) % u64::from(limit)) as u32
        };
        let (nodes, jobs) = (1 + below(40), 1 + below(12));
        let node = |n: u32, below: &mut dyn FnMut(u32) -> u32| NodeView {
            name: format!("n{n}").into(),
            accepts: below(9) > 0,
            capacity: (below(3) == 0).then(|| below(20)),
            weight: below(4),
            zone: ["a", "b", "c"]
                .get(below(4) as usize)
                .map(|zone| (*zone).into()),
            labels: std::collections::BTreeMap::new(),
            last_resort: below(9) == 0,
        };
        let job = |j: u32, below: &mut dyn FnMut(u32) -> u32| JobView {
            job: format!("j{j}").into(),
            max_per_node: (below(3) == 0).then(|| 1 + below(5)),
            eligible: match below(3) {
                0 => Eligible::Only((0..nodes).filter(|_| below(2) == 0).collect()),
                _ => Eligible::All,
            },
            seats: (0..below(60))
                .map(|_| match below(5) {
                    0 => Seat::Free,
                    _ => Seat::Taken(below(nodes)),
                })
                .collect(),
        };
        ClusterView {
            nodes: (0..nodes).map(|n| node(n, &mut below)).collect(),
            jobs: (0..jobs).map(|j| job(j, &mut below)).collect(),
        }
    }

    /// If no arrow has a negative reduced cost there is no cycle of negative cost, so no other flow
    /// is cheaper. This proves each answer, however large.
    #[test]
    fn the_flow_adds_up_and_none_is_cheaper() {
        for seed in 0..300 {
            let grid = Grid::new(&cluster(seed));
            let mut network = assemble(&grid, Ask::Balanced);
            let potential = settle(&mut network);
            assert!(network.surplus.iter().all(|surplus| *surplus == 0));
            for place in 0..network.places() {
                network.find_arrow(place, 0, |arrow, to, cost| {
                    let reduced = cost + potential[place] - potential[to];
                    assert!(
                        reduced >= 0,
                        "seed {seed}: {place} by {arrow} to {to}: {reduced}"
                    );
                    false
                });
            }
        }
    }
}
