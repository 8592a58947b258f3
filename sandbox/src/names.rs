//! Uids and the random ends of generated names, from one seed.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// The letters of a generated suffix: no vowels, nothing that looks like another letter
/// (`k8s.io/apimachinery/pkg/util/rand`).
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A generated name keeps this many letters of its base, so that with its suffix it is a label value
/// (`k8s.io/apiserver/pkg/storage/names`).
const BASE_LENGTH: usize = 58;

/// Where names come from.
#[derive(Debug)]
pub(crate) struct Names {
    state: AtomicU64,
}

impl Names {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0_u64));
        Self { state: AtomicU64::new(seed) }
    }

    /// The next number: splitmix64, which needs no more state than a counter.
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A random uid (UUID version 4).
    pub(crate) fn uid(&self) -> String {
        let high = (self.next() & !0xf000) | 0x4000;
        let low = (self.next() & !(0b11 << 62)) | (0b10 << 62);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )
    }

    /// A `generateName` and five random letters.
    pub(crate) fn generate(&self, base: &str) -> String {
        let mut name: String = base.chars().take(BASE_LENGTH).collect();
        let mut number = self.next();
        let letters = ALPHABET.len() as u64;
        for _ in 0..5 {
            let index = usize::try_from(number % letters).unwrap_or_default();
            name.push(ALPHABET.get(index).copied().map_or('x', char::from));
            number /= letters;
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_the_same_names_and_never_the_same_twice() {
        let (one, two) = (Names::new(Some(7)), Names::new(Some(7)));
        let first = one.uid();
        assert_eq!(first, two.uid());
        assert_ne!(first, one.uid());
    }

    #[test]
    fn a_uid_is_a_version_4_uuid() {
        let names = Names::new(Some(1));
        for _ in 0..100 {
            let uid = names.uid();
            assert_eq!(uid.len(), 36);
            assert_eq!(uid.as_bytes()[14], b'4', "{uid}");
            assert!(b"89ab".contains(&uid.as_bytes()[19]), "{uid}");
        }
    }

    #[test]
    fn a_generated_name_keeps_to_63_letters() {
        let names = Names::new(Some(1));
        assert_eq!(names.generate(&"a".repeat(90)).len(), 63);
        assert!(names.generate("web-").starts_with("web-"));
    }
}
