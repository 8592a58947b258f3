//! Names for templates: a stable hash of a template, spelled with the letters Kubernetes uses for
//! generated names (`rand.SafeEncodeString`), which cannot make a word.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The hash of a value, 8 to 10 letters long, as `pod-template-hash` looks.
pub(super) fn of(value: &Value) -> String {
    let digest = Sha256::digest(value.to_string().as_bytes());
    let sum = digest.iter().take(4).fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
    sum.max(10_000_000)
        .to_string()
        .bytes()
        .filter_map(|digit| LETTERS.get(usize::from(digit) % LETTERS.len()))
        .map(|letter| char::from(*letter))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_hash_is_stable_tells_templates_apart_and_is_a_label_value() {
        let one = of(&json!({"spec": {"containers": [{"image": "a:1"}]}}));
        let two = of(&json!({"spec": {"containers": [{"image": "a:2"}]}}));
        assert_eq!(one, of(&json!({"spec": {"containers": [{"image": "a:1"}]}})));
        assert_ne!(one, two);
        for hash in [one, two] {
            assert!((8..=10).contains(&hash.len()), "{hash}");
            assert!(hash.bytes().all(|letter| LETTERS.contains(&letter)), "{hash}");
        }
    }
}
