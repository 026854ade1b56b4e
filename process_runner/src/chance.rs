//! Where randomness comes from: the operating system, or one seed.
//!
//! Incarnations, nonces and lease ids must never repeat, so they come from the operating system.
//! A simulation wants the opposite: it seeds its thread, and everything drawn on that thread then
//! follows from the seed. Jitter comes from `fastrand`, which has a generator for each thread; so
//! seeding the thread covers it too.

use std::cell::Cell;

thread_local! {
    static SEEDED: Cell<bool> = const { Cell::new(false) };
}

/// Makes all randomness of this thread follow from `seed`, from now on. Ids repeat then, so this is
/// for simulations alone.
pub fn seed_this_thread(seed: u64) {
    fastrand::seed(seed);
    SEEDED.set(true);
}

/// A random number from the operating system; from the thread's own generator if it was seeded or
/// the system has none.
pub(crate) fn random_u128() -> u128 {
    let mut bytes = [0; 16];
    if SEEDED.get() || getrandom::fill(&mut bytes).is_err() {
        return fastrand::u128(..);
    }
    u128::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seeded_thread_repeats_itself_and_no_other_does() {
        let drawn = |seed: Option<u64>| {
            let thread = std::thread::spawn(move || {
                if let Some(seed) = seed {
                    seed_this_thread(seed);
                }
                [random_u128(), random_u128()]
            });
            thread.join().unwrap()
        };
        assert_eq!(drawn(Some(7)), drawn(Some(7)));
        assert_ne!(drawn(Some(7)), drawn(Some(8)));
        assert_ne!(drawn(None), drawn(None));
        let [first, second] = drawn(Some(7));
        assert_ne!(first, second);
    }
}
