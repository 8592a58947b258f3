//! `List` kinds: what `kubectl get -o yaml` writes, and what people write by hand to hold several
//! objects in one document.

use serde_json::Value;

use crate::loader::{Document, Outline};

/// Hands out a document's objects: its items if it is a list, else itself. Items of a typed list
/// take the list's version and kind where they name none, as client-go's unstructured decoder does.
pub(crate) fn unfold(document: Document, out: &mut dyn FnMut(Document)) {
    let Document { value, outline } = document;
    let Some((kind, api_version)) = list_of(&value) else {
        return out(Document { value, outline });
    };
    let Value::Object(mut list) = value else { return };
    let Some(Value::Array(items)) = list.remove("items") else { return };
    let mut outlines = outline.field("items").map(|items| items.items.iter()).unwrap_or_default();
    for mut item in items {
        let part = outlines.next().cloned().unwrap_or_else(|| Outline::leaf(outline.line));
        if let Value::Object(body) = &mut item
            && !kind.is_empty()
            && !body.contains_key("kind")
        {
            body.insert("kind".to_owned(), kind.clone().into());
            body.entry("apiVersion").or_insert_with(|| api_version.clone().into());
        }
        unfold(Document { value: item, outline: part }, out);
    }
}

/// The kind and version of a list's items; the kind is empty for `List` itself. `None` for what is
/// no list: a kind that does not end in `List`, or one without `items`.
fn list_of(value: &Value) -> Option<(String, String)> {
    let kind = value.get("kind")?.as_str()?.strip_suffix("List")?;
    value.get("items")?.as_array()?;
    let api_version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    Some((kind.to_owned(), api_version.to_owned()))
}
