//! Fair shares: how many of some slots each receiver should get.
//!
//! A share is a fraction, so what is fair is a [`Band`]: its floor and its ceiling. Everything is
//! computed in whole numbers; there is no rounding that could differ from one machine to the next.

/// The fair numbers, both included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Band {
    pub(super) floor: u32,
    pub(super) ceil: u32,
}

impl Band {
    pub(super) fn exactly(number: u32) -> Self {
        Self {
            floor: number,
            ceil: number,
        }
    }
}

/// Who gets a part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Receiver {
    pub(super) weight: u32,
    pub(super) cap: u32,
    /// It gets only what the others cannot take.
    pub(super) last_resort: bool,
}

/// Deals `total` by weight. What a cap cuts off goes to the others, by weight again.
pub(super) fn by_weight(total: u64, receivers: &[Receiver]) -> Vec<Band> {
    let mut bands = vec![Band::default(); receivers.len()];
    let mut rest = total;
    for last_resort in [false, true] {
        let mut open: Vec<usize> = (0..receivers.len())
            .filter(|i| receivers[*i].last_resort == last_resort && receivers[*i].cap > 0)
            .collect();
        let room: u64 = open.iter().map(|i| u64::from(receivers[*i].cap)).sum();
        let dealt = rest.min(room);
        rest -= dealt;
        deal(dealt, receivers, &mut open, &mut bands);
    }
    bands
}

/// Deals `rest`, for which there is room.
fn deal(mut rest: u64, receivers: &[Receiver], open: &mut Vec<usize>, bands: &mut [Band]) {
    loop {
        let weights: u64 = open.iter().map(|i| u64::from(receivers[*i].weight)).sum();
        let share = |i: usize| u128::from(rest) * u128::from(receivers[i].weight);
        let full = |i: usize| u128::from(receivers[i].cap) * u128::from(weights) <= share(i);
        let Some(first) = open.iter().position(|i| full(*i)) else {
            for i in open {
                let (share, weights) = (share(*i), u128::from(weights));
                // Below the cap, which is a `u32`.
                bands[*i] = Band {
                    floor: (share / weights) as u32,
                    ceil: share.div_ceil(weights) as u32,
                };
            }
            return;
        };
        // The shares of those that stay only grow, so all that are full now stay full.
        let tail = open.split_off(first);
        let mut cut_off = 0;
        for i in tail {
            if full(i) {
                bands[i] = Band::exactly(receivers[i].cap);
                cut_off += u64::from(receivers[i].cap);
            } else {
                open.push(i);
            }
        }
        rest -= cut_off;
    }
}

/// Deals `total` as evenly as the limits of each receiver (least, most) allow.
pub(super) fn within(total: u64, limits: &[(u32, u32)]) -> Vec<Band> {
    let dealt = |level: u32| -> u64 {
        let each = limits
            .iter()
            .map(|(least, most)| u64::from(level.clamp(*least, *most)));
        each.sum()
    };
    // The highest level at which not too much is dealt.
    let (mut low, mut high) = (0, limits.iter().map(|(_, most)| *most).max().unwrap_or(0));
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if dealt(middle) <= total {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    let exact = dealt(low) >= total;
    let band = |(least, most): &(u32, u32)| Band {
        floor: low.clamp(*least, *most),
        ceil: if exact { low } else { low + 1 }.clamp(*least, *most),
    };
    limits.iter().map(band).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dealt(total: u64, receivers: &[(u32, u32, bool)]) -> Vec<(u32, u32)> {
        let receivers: Vec<_> = receivers
            .iter()
            .map(|(weight, cap, last_resort)| Receiver {
                weight: *weight,
                cap: *cap,
                last_resort: *last_resort,
            })
            .collect();
        let bands = by_weight(total, &receivers);
        bands.iter().map(|band| (band.floor, band.ceil)).collect()
    }

    #[test]
    fn shares_follow_weights() {
        let (one, two) = ((1, 100, false), (2, 100, false));
        assert_eq!(dealt(10, &[one, one, one]), [(3, 4); 3]);
        assert_eq!(dealt(9, &[one, two]), [(3, 3), (6, 6)]);
        assert_eq!(dealt(0, &[one, two]), [(0, 0); 2]);
        assert_eq!(dealt(5, &[]), []);
    }

    #[test]
    fn what_a_cap_cuts_off_goes_to_the_others() {
        let dealt = dealt(12, &[(1, 1, false), (1, 100, false), (2, 3, false)]);
        assert_eq!(dealt, [(1, 1), (8, 8), (3, 3)]);
    }

    #[test]
    fn the_last_resort_gets_what_is_left() {
        let nodes = [(1, 2, false), (1, 2, false), (1, 9, true), (1, 9, true)];
        assert_eq!(dealt(3, &nodes), [(1, 2), (1, 2), (0, 0), (0, 0)]);
        assert_eq!(dealt(7, &nodes), [(2, 2), (2, 2), (1, 2), (1, 2)]);
        assert_eq!(dealt(99, &nodes), [(2, 2), (2, 2), (9, 9), (9, 9)]);
    }

    #[test]
    fn limits_bend_an_even_deal() {
        let bands = within(6, &[(1, 2), (3, 6)]);
        assert_eq!(bands, [Band::exactly(2), Band::exactly(4)]);
        let bands = within(5, &[(0, 5), (0, 5)]);
        assert_eq!(bands, [Band { floor: 2, ceil: 3 }; 2]);
        assert_eq!(
            within(9, &[(0, 2), (1, 1)]),
            [Band::exactly(2), Band::exactly(1)]
        );
        assert_eq!(within(2, &[(0, 1), (0, 3)]), [Band::exactly(1); 2]);
    }
}
