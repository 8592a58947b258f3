//! Layers into bytes.

use std::collections::HashMap;

use serde_json::Value;

use crate::schema::types::{Entries, Format, Kind, Layer, Patch, Scalar, Scope, Type};

#[derive(Default)]
struct Writer {
    out: Vec<u8>,
    texts: Vec<String>,
    places: HashMap<String, usize>,
}

/// The texts, then the layers that refer to them.
pub(super) fn layers(layers: &[&Layer]) -> Vec<u8> {
    let mut body = Writer::default();
    body.number(layers.len());
    for layer in layers {
        body.layer(layer);
    }
    let mut head = Writer::default();
    head.number(body.texts.len());
    for text in &body.texts {
        head.number(text.len());
        head.out.extend_from_slice(text.as_bytes());
    }
    head.out.extend_from_slice(&body.out);
    head.out
}

impl Writer {
    fn number(&mut self, number: usize) {
        let mut rest = number;
        while rest >= 0x80 {
            self.out.push(u8::try_from(rest & 0x7f).unwrap_or_default() | 0x80);
            rest >>= 7;
        }
        self.out.push(u8::try_from(rest).unwrap_or_default());
    }

    fn id(&mut self, id: u32) {
        self.number(usize::try_from(id).unwrap_or_default());
    }

    /// None as zero, others one higher.
    fn optional_id(&mut self, id: Option<u32>) {
        self.number(id.and_then(|id| usize::try_from(id).ok()).map_or(0, |id| id + 1));
    }

    fn place(&mut self, text: &str) -> usize {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        self.texts.push(text.to_owned());
        self.places.insert(text.to_owned(), self.texts.len() - 1);
        self.texts.len() - 1
    }

    fn text(&mut self, text: &str) {
        let place = self.place(text);
        self.number(place);
    }

    fn optional_text(&mut self, text: Option<&str>) {
        let place = text.map_or(0, |text| self.place(text) + 1);
        self.number(place);
    }

    fn layer(&mut self, layer: &Layer) {
        self.number(layer.kinds.len());
        for (key, kind) in &layer.kinds {
            self.text(&key.group);
            self.text(&key.version);
            self.text(&key.kind);
            self.kind(kind);
        }
        self.number(layer.types.len());
        for own in &layer.types {
            self.own_type(own);
        }
    }

    fn kind(&mut self, kind: &Kind) {
        self.id(kind.root);
        let scope = match kind.scope {
            None => 0,
            Some(Scope::Namespaced) => 1,
            Some(Scope::Cluster) => 2,
        };
        let flags = [kind.status, kind.custom, kind.stored];
        self.number(scope | flag_bits(&flags) << 2);
    }

    fn own_type(&mut self, own: &Type) {
        let scalar = match own.scalar {
            None => 0,
            Some(Scalar::Text) => 1,
            Some(Scalar::Integer) => 2,
            Some(Scalar::Number) => 3,
            Some(Scalar::Boolean) => 4,
            Some(Scalar::Any) => 5,
        };
        let format = match own.format {
            None => 0,
            Some(Format::Quantity) => 1,
            Some(Format::IntOrString) => 2,
            Some(Format::Bytes) => 3,
            Some(Format::Time) => 4,
        };
        let flags = [own.nullable, own.list.is_some(), own.map.is_some()];
        self.number(flag_bits(&flags) | scalar << 3 | format << 6);
        if let Some(list) = &own.list {
            self.id(list.element);
            match &list.entries {
                Entries::Atomic => self.number(0),
                Entries::Set => self.number(1),
                Entries::Keyed(keys) => {
                    self.number(keys.len() + 2);
                    for key in keys {
                        self.text(key);
                    }
                }
            }
        }
        if let Some(map) = &own.map {
            self.optional_id(map.element);
            self.number(usize::from(map.atomic));
            self.number(map.fields.iter().count());
            for (name, field) in map.fields.iter() {
                self.text(name);
                self.id(field.kind);
                let (default, patch) = (field.default.as_deref(), field.patch.as_deref());
                let flags = [field.required, default.is_some(), patch.is_some()];
                self.number(flag_bits(&flags));
                if let Some(default) = default {
                    self.value(default);
                }
                if let Some(Patch { strategy, key }) = patch {
                    self.optional_text(strategy.as_deref());
                    self.optional_text(key.as_deref());
                }
            }
        }
    }

    fn value(&mut self, value: &Value) {
        self.text(&value.to_string());
    }
}

fn flag_bits(flags: &[bool]) -> usize {
    flags.iter().rev().fold(0, |bits, flag| bits << 1 | usize::from(*flag))
}
