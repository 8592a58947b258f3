//! Canaries: texts put where secrets stand, and looked for in everything that leaves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::redact::{LAST_APPLIED, is_secret};
use serde_json::Value;

/// A word that no input holds by chance.
const WORD: &str = "kanarienvogel";

/// Whether a text has the canary in any form: plain, or as base64 at any of its three offsets, once
/// or twice encoded.
pub fn is_in(text: &str) -> bool {
    forms().iter().any(|form| text.contains(form.as_str()))
}

/// Puts the canary into every value of a Secret, and into the copy kubectl keeps in any object.
/// `side` tells the objects of a pair apart, so that their values differ.
pub fn plant(object: &mut Value, side: u8) {
    let word = format!("{WORD}{side}");
    if is_secret(object) {
        for (field, planted) in [("stringData", word.clone()), ("data", STANDARD.encode(&word))] {
            let values = object.get_mut(field).and_then(Value::as_object_mut);
            for value in values.into_iter().flat_map(|map| map.values_mut()) {
                if value.is_string() {
                    *value = Value::String(planted.clone());
                }
            }
        }
    }
    let annotations = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
    if let Some(copy) = annotations.and_then(|map| map.get_mut(LAST_APPLIED))
        && copy.is_string()
    {
        *copy = Value::String(format!("{{\"data\":{{\"key\":\"{word}\"}}}}"));
    }
}

fn forms() -> Vec<String> {
    let mut forms = vec![WORD.to_owned()];
    let once = STANDARD.encode(format!("{WORD}0"));
    // All but the last group, which depends on what follows.
    let stem = |text: &str| text.get(..16).unwrap_or(text).to_owned();
    forms.push(stem(&once));
    forms.push(stem(&STANDARD.encode(once)));
    forms
}
