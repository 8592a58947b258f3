//! Collecting causes, in the words of `field.Error` of apimachinery.

use serde_json::Value;

use super::Cause;
use super::golang::quoted;

/// The causes found so far, in the order in which a server finds them.
#[derive(Debug, Default)]
pub(super) struct Causes(pub Vec<Cause>);

impl Causes {
    pub(super) fn add(&mut self, reason: &'static str, field: &str, headline: &str, detail: &str) {
        let message =
            if detail.is_empty() { headline.to_owned() } else { format!("{headline}: {detail}") };
        self.0.push(Cause { reason, field: field.to_owned(), message });
    }

    /// `field.Required`.
    pub(super) fn required(&mut self, field: &str, detail: &str) {
        self.add("FieldValueRequired", field, "Required value", detail);
    }

    /// `field.Forbidden`.
    pub(super) fn forbidden(&mut self, field: &str, detail: &str) {
        self.add("FieldValueForbidden", field, "Forbidden", detail);
    }

    /// `field.Invalid`; `value` as Go spells it.
    pub(super) fn invalid(&mut self, field: &str, value: &str, detail: &str) {
        self.add("FieldValueInvalid", field, &format!("Invalid value: {value}"), detail);
    }

    /// `field.Invalid` of a string, once for each thing that is wrong with it.
    pub(super) fn invalid_text(&mut self, field: &str, text: &str, problems: Vec<String>) {
        for problem in problems {
            self.invalid(field, &quoted(text), &problem);
        }
    }

    /// `field.Duplicate`.
    pub(super) fn duplicate(&mut self, field: &str, value: &str) {
        let headline = format!("Duplicate value: {}", quoted(value));
        self.add("FieldValueDuplicate", field, &headline, "");
    }

    /// `field.NotFound`.
    pub(super) fn not_found(&mut self, field: &str, value: &str) {
        self.add("FieldValueNotFound", field, &format!("Not found: {}", quoted(value)), "");
    }

    /// `field.TooLong`.
    pub(super) fn too_long(&mut self, field: &str, bytes: usize) {
        let detail = format!("must have at most {bytes} bytes");
        self.add("FieldValueTooLong", field, "Too long", &detail);
    }

    /// `field.NotSupported`; `value` as Go spells it.
    pub(super) fn not_supported(&mut self, field: &str, value: &str, supported: &[&str]) {
        let supported: Vec<String> = supported.iter().map(|value| quoted(value)).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        let headline = format!("Unsupported value: {value}");
        self.add("FieldValueNotSupported", field, &headline, &detail);
    }

    /// A text that must be one of a few; absent counts as the empty string, which is required.
    pub(super) fn one_of(&mut self, at: &At<'_>, supported: &[&str]) {
        match at.text() {
            "" => self.required(&at.path, ""),
            text if supported.contains(&text) => {}
            text => self.not_supported(&at.path, &quoted(text), supported),
        }
    }

    /// `ValidateNonnegativeField`; an absent field is fine.
    pub(super) fn not_negative(&mut self, at: &At<'_>) {
        if let Some(number) = at.number().filter(|number| *number < 0) {
            self.invalid(&at.path, &number.to_string(), "must be greater than or equal to 0");
        }
    }

    /// `ValidateImmutableField`; `spell` writes the new value as Go would.
    pub(super) fn immutable(
        &mut self,
        old: &At<'_>,
        new: &At<'_>,
        spell: impl Fn(&Value) -> String,
    ) {
        if old.value != new.value {
            let value = new.value.map_or_else(|| quoted("null"), spell);
            self.invalid(&new.path, &value, "field is immutable");
        }
    }
}

/// A place in an object: what stands there, if anything, and its path as the server writes it.
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    pub value: Option<&'a Value>,
    pub path: String,
}

impl<'a> At<'a> {
    /// The object itself.
    pub(super) const fn root(object: &'a Value) -> Self {
        Self { value: Some(object), path: String::new() }
    }

    /// A field of a struct, or several below one another, with dots between.
    pub(super) fn field(&self, names: &str) -> Self {
        let value = names
            .split('.')
            .try_fold(self.value, |value, name| Some(value?.get(name)))
            .flatten()
            .filter(|value| !value.is_null());
        let path =
            if self.path.is_empty() { names.to_owned() } else { format!("{}.{names}", self.path) };
        Self { value, path }
    }

    /// An entry of a map.
    fn key(&self, key: &str, value: &'a Value) -> Self {
        Self { value: Some(value), path: format!("{}[{key}]", self.path) }
    }

    /// The items of a list, in order; none where there is no list.
    pub(super) fn items(&self) -> Vec<Self> {
        let items = self.value.and_then(Value::as_array).into_iter().flatten();
        items
            .enumerate()
            .map(|(index, value)| Self {
                value: Some(value),
                path: format!("{}[{index}]", self.path),
            })
            .collect()
    }

    /// The entries of a map with their keys; none where there is no map.
    pub(super) fn entries(&self) -> Vec<(&'a str, Self)> {
        let entries = self.value.and_then(Value::as_object).into_iter().flatten();
        entries.map(|(key, value)| (key.as_str(), self.key(key, value))).collect()
    }

    /// The text, or the empty string.
    pub(super) fn text(&self) -> &'a str {
        self.value.and_then(Value::as_str).unwrap_or_default()
    }

    /// The number, if one stands here.
    pub(super) fn number(&self) -> Option<i64> {
        self.value.and_then(Value::as_i64)
    }

    /// Whether something stands here.
    pub(super) const fn is_set(&self) -> bool {
        self.value.is_some()
    }

    /// Whether `true` stands here.
    pub(super) fn is_true(&self) -> bool {
        self.value.and_then(Value::as_bool) == Some(true)
    }
}
