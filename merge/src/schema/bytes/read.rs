//! Bytes into layers. Every number is checked before it is believed: no byte can make this panic, or
//! take more memory than the bytes are worth.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::schema::types::{
    Entries, Field, Fields, Format, Kind, KindKey, Layer, ListType, MapType, Name, Patch, Scalar,
    Scope, Type,
};

struct Reader<'a> {
    rest: &'a [u8],
    texts: Vec<Name>,
    defaults: HashMap<usize, Arc<Value>>,
    patches: HashMap<(usize, usize), Arc<Patch>>,
}

/// What `write::layers` wrote, all of it.
pub(super) fn layers(bytes: &[u8]) -> Option<Vec<Layer>> {
    let mut reader = Reader {
        rest: bytes,
        texts: Vec::new(),
        defaults: HashMap::new(),
        patches: HashMap::new(),
    };
    for _ in 0..reader.count()? {
        let length = reader.number()?;
        let (text, rest) = reader.rest.split_at_checked(length)?;
        reader.rest = rest;
        reader.texts.push(std::str::from_utf8(text).ok()?.into());
    }
    let mut layers = Vec::new();
    for _ in 0..reader.count()? {
        layers.push(reader.layer()?);
    }
    reader.rest.is_empty().then_some(layers)
}

impl Reader<'_> {
    fn number(&mut self) -> Option<usize> {
        let mut number = 0_usize;
        for shift in (0..35).step_by(7) {
            let (first, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= usize::from(first & 0x7f).checked_shl(shift)?;
            if first & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// How many follow; each takes a byte at least.
    fn count(&mut self) -> Option<usize> {
        self.number().filter(|count| *count <= self.rest.len())
    }

    fn id(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn text(&mut self) -> Option<Name> {
        let place = self.number()?;
        self.texts.get(place).cloned()
    }

    fn layer(&mut self) -> Option<Layer> {
        let mut kinds = Vec::new();
        for _ in 0..self.count()? {
            let (group, version, kind) = (self.text()?, self.text()?, self.text()?);
            kinds.push((KindKey { group, version, kind }, self.kind()?));
        }
        let mut types = Vec::new();
        for _ in 0..self.count()? {
            types.push(self.own_type()?);
        }
        let layer = Layer { kinds, types };
        // Lookups rely on the order, and on the types that every layer begins with.
        let sorted = layer.kinds.is_sorted_by(|(one, _), (two, _)| one < two);
        (sorted && layer.types.starts_with(&Layer::empty().types)).then_some(layer)
    }

    fn kind(&mut self) -> Option<Kind> {
        let root = self.id()?;
        let bits = self.number().filter(|bits| *bits < 1 << 5)?;
        let scope = match bits & 3 {
            0 => None,
            1 => Some(Scope::Namespaced),
            2 => Some(Scope::Cluster),
            _ => return None,
        };
        let flag = |place: usize| bits >> place & 1 == 1;
        Some(Kind { root, scope, status: flag(2), custom: flag(3), stored: flag(4) })
    }

    fn own_type(&mut self) -> Option<Type> {
        let bits = self.number().filter(|bits| *bits < 1 << 9)?;
        let scalar = match bits >> 3 & 7 {
            0 => None,
            1 => Some(Scalar::Text),
            2 => Some(Scalar::Integer),
            3 => Some(Scalar::Number),
            4 => Some(Scalar::Boolean),
            5 => Some(Scalar::Any),
            _ => return None,
        };
        let format = match bits >> 6 {
            0 => None,
            1 => Some(Format::Quantity),
            2 => Some(Format::IntOrString),
            3 => Some(Format::Bytes),
            4 => Some(Format::Time),
            _ => return None,
        };
        let list = if bits & 2 == 2 { Some(self.list()?) } else { None };
        let map = if bits & 4 == 4 { Some(self.map()?) } else { None };
        Some(Type { scalar, list, map, format, nullable: bits & 1 == 1 })
    }

    fn list(&mut self) -> Option<ListType> {
        let element = self.id()?;
        let entries = match self.number()? {
            0 => Entries::Atomic,
            1 => Entries::Set,
            more => {
                let mut keys = Vec::new();
                for _ in 2..more {
                    keys.push(self.text()?.to_string());
                }
                Entries::Keyed(keys)
            }
        };
        Some(ListType { element, entries })
    }

    fn map(&mut self) -> Option<MapType> {
        let element = match self.number()?.checked_sub(1) {
            None => None,
            Some(id) => Some(u32::try_from(id).ok()?),
        };
        let atomic = self.number()? == 1;
        let count = self.count()?;
        let mut fields = Vec::with_capacity(count);
        for _ in 0..count {
            fields.push((self.text()?, self.field()?));
        }
        let fields: Fields = fields.into_iter().collect();
        Some(MapType { fields, element, atomic })
    }

    fn field(&mut self) -> Option<Field> {
        let kind = self.id()?;
        let bits = self.number().filter(|bits| *bits < 1 << 3)?;
        let default = if bits & 2 == 2 { Some(self.default()?) } else { None };
        let patch = if bits & 4 == 4 { Some(self.patch()?) } else { None };
        Some(Field { kind, required: bits & 1 == 1, default, patch })
    }

    fn default(&mut self) -> Option<Arc<Value>> {
        let place = self.number()?;
        if let Some(known) = self.defaults.get(&place) {
            return Some(Arc::clone(known));
        }
        let read = Arc::new(serde_json::from_str(self.texts.get(place)?).ok()?);
        self.defaults.insert(place, Arc::clone(&read));
        Some(read)
    }

    fn patch(&mut self) -> Option<Arc<Patch>> {
        let places = (self.number()?, self.number()?);
        if let Some(known) = self.patches.get(&places) {
            return Some(Arc::clone(known));
        }
        // A text by its number and one; none for zero, or a text that is not there.
        let text = |place: usize| self.texts.get(place.checked_sub(1)?).cloned();
        let read = Arc::new(Patch { strategy: text(places.0), key: text(places.1) });
        self.patches.insert(places, Arc::clone(&read));
        Some(read)
    }
}
