//! In which order the modes of each round are run.
//!
//! A machine that grows slower by and by, a cache that is warm the second time: what comes later in a round differs
//! from what comes first, whatever the mode. So each mode comes equally often at each position, and, with three modes or
//! more, equally often right after each other one (a Williams design), so that what a run leaves behind for the next
//! one is spread evenly as well.

use std::collections::HashMap;

use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Labels of modes, each of them once: what comes again is numbered, `none`, `none (2)`.
#[must_use]
pub fn labels<S: AsRef<str>>(modes: &[S]) -> Vec<String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let label = |mode| {
        let count = seen.entry(mode).or_default();
        *count += 1;
        if *count == 1 { mode.to_owned() } else { format!("{mode} ({count})") }
    };
    modes.iter().map(AsRef::as_ref).map(label).collect()
}

/// The mode that a label stands for: `none` of `none (2)`.
#[must_use]
pub fn mode_of(label: &str) -> &str {
    match label.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")) {
        Some((mode, number)) if number.parse::<usize>().is_ok_and(|number| number > 1) => mode,
        _ => label,
    }
}

/// After how many rounds the design is balanced: in multiples of this.
#[must_use]
pub fn balanced_every(modes: usize) -> usize {
    match modes {
        0 | 1 => 1,
        2 => 2,
        even if even.is_multiple_of(2) => even,
        odd => 2 * odd,
    }
}

/// The order of modes in each round, as indices of modes.
///
/// Two modes are mirrored: AB BA BA AB, or BA AB AB BA, by the seed, every four rounds anew. More follow a Williams
/// design whose rows and whose assignment of modes are shuffled by the seed. The same seed gives the same order on every
/// machine. A number of rounds that is no multiple of [`balanced_every`] ends within a design.
#[must_use]
pub fn order(modes: usize, rounds: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut orders = Vec::with_capacity(rounds + 2 * modes);
    while orders.len() < rounds {
        match modes {
            0 | 1 => orders.push((0..modes).collect()),
            2 => {
                let (one, other) = if rng.random::<bool>() { ([0, 1], [1, 0]) } else { ([1, 0], [0, 1]) };
                orders.extend([one, other, other, one].map(Vec::from));
            }
            _ => orders.extend(williams(modes, &mut rng)),
        }
    }
    orders.truncate(rounds);
    orders
}

/// One whole Williams design: each mode once at each position, and once (twice, if there is an odd number of modes)
/// right after each other one.
fn williams(modes: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    // 0, 1, n-1, 2, n-2, …: the differences between neighbours are all different, modulo n.
    let zigzag = |i: usize| if i.is_multiple_of(2) { (modes - i / 2) % modes } else { i.div_ceil(2) };
    let row = |shift: usize| -> Vec<usize> { (0..modes).map(|i| (zigzag(i) + shift) % modes).collect() };
    let mut rows: Vec<_> = (0..modes).map(row).collect();
    if !modes.is_multiple_of(2) {
        let mirrored: Vec<_> = rows.iter().map(|row| row.iter().rev().copied().collect()).collect();
        rows.extend(mirrored);
    }
    rows.shuffle(rng);
    let mut names: Vec<_> = (0..modes).collect();
    names.shuffle(rng);
    for mode in rows.iter_mut().flatten() {
        *mode = names.get(*mode).copied().unwrap_or(*mode);
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// How often a pair of numbers comes.
    type Counts = BTreeMap<(usize, usize), usize>;

    /// How often each mode comes at each position, and right after each other.
    fn counts(orders: &[Vec<usize>]) -> (Counts, Counts) {
        let (mut positions, mut pairs) = (Counts::new(), Counts::new());
        for order in orders {
            for (position, &mode) in order.iter().enumerate() {
                *positions.entry((mode, position)).or_default() += 1;
            }
            for pair in order.windows(2) {
                *pairs.entry((pair[0], pair[1])).or_default() += 1;
            }
        }
        (positions, pairs)
    }

    proptest! {
        #[test]
        fn whole_designs_are_balanced(modes in 2..=7_usize, designs in 1..=3_usize, seed: u64) {
            let rounds = balanced_every(modes) * designs;
            let orders = order(modes, rounds, seed);
            prop_assert_eq!(orders.len(), rounds);
            let (positions, pairs) = counts(&orders);
            prop_assert_eq!(positions.len(), modes * modes);
            prop_assert!(positions.values().all(|&count| count == rounds / modes), "{:?}", positions);
            prop_assert_eq!(pairs.len(), modes * (modes - 1));
            prop_assert!(pairs.values().all(|&count| count == rounds / modes), "{:?}", pairs);
        }

        #[test]
        fn every_round_runs_every_mode_once(modes in 0..=6_usize, rounds in 0..=30_usize, seed: u64) {
            let orders = order(modes, rounds, seed);
            prop_assert_eq!(orders.len(), rounds);
            for mut order in orders {
                order.sort_unstable();
                prop_assert_eq!(order, (0..modes).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn two_modes_are_mirrored_so_that_a_steady_drift_cancels_out() {
        for seed in 0..20 {
            for four in order(2, 16, seed).chunks(4) {
                // The moment at which each mode runs, summed over four rounds, is the same for both.
                let mut moments = [0, 0];
                for (moment, &mode) in four.iter().flatten().enumerate() {
                    moments[mode] += moment;
                }
                assert_eq!(moments[0], moments[1], "{four:?}");
            }
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(order(4, 12, 7), order(4, 12, 7));
        assert!((0..20).any(|seed| order(2, 12, seed) != order(2, 12, 7)));
        assert!((0..20).any(|seed| order(4, 12, seed) != order(4, 12, 7)));
    }

    #[test]
    fn what_comes_again_is_numbered() {
        assert_eq!(labels(&["none", "manual", "none", "none"]), ["none", "manual", "none (2)", "none (3)"]);
        for (label, mode) in
            [("none", "none"), ("none (2)", "none"), ("none+50us (2)", "none+50us"), ("x (y)", "x (y)")]
        {
            assert_eq!(mode_of(label), mode);
        }
    }
}
