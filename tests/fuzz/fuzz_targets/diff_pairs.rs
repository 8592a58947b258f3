//! Pairs of objects, compared in every way there is. What must hold is in the crate `pairs`.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    match pairs::check(bytes) {
        Ok(true) => Corpus::Keep,
        Ok(false) => Corpus::Reject,
        Err(broken) => panic!("{broken}"),
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    // One in sixteen is left to chance: bytes flip, and most of it is no pair any more.
    if seed % 16 > 0
        && let Some(next) = pairs::mutate(&data[..size], u64::from(seed))
        && next.len() <= max_size
    {
        data[..next.len()].copy_from_slice(&next);
        return next.len();
    }
    fuzzer_mutate(data, size, max_size)
});
