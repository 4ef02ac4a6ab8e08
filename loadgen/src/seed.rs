//! Where chance comes from: one generator for each visit, by its number.
//!
//! ChaCha is a function of key, stream and position. The key is the seed and what it is for, the stream is the number of
//! the visit. So visit 17 is the same visit whoever makes it, whenever, and whatever the others do.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// What a generator is for. Different uses of one seed have nothing in common.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Use {
    /// When visits come.
    Arrivals,
    /// What a visit does.
    Visit,
}

/// The generator of `seed` for a use and a number.
pub(crate) fn generator(seed: u64, what: Use, number: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8] = match what {
        Use::Arrivals => 1,
        Use::Visit => 2,
    };
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(number);
    generator
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;

    #[test]
    fn numbers_are_the_same_on_every_machine_and_in_every_version() {
        // Were these to change, results of before and after would be of different work.
        let first = |seed, what, number| generator(seed, what, number).next_u64();
        let numbers = [(1, Use::Visit, 0), (1, Use::Visit, 1), (1, Use::Arrivals, 0), (2, Use::Visit, 0)]
            .map(|(seed, what, number)| first(seed, what, number));
        assert_eq!(numbers, [6082804599785255738, 8632445259577883037, 4344717217939160907, 14230357940096086869]);
    }
}
