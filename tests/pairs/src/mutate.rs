//! Changes to a pair that keep it one: fields from the schema, values that mean something somewhere,
//! pieces carried from one object to another, and whole writes by other managers.

use fastrand::Rng;
use merge::apply::{Apply, apply};
use merge::schema::TypeRef;
use merge::{GroupVersionKind, defaults, managed};
use serde_json::{Map, Value, json};

use crate::{Pair, schemas};

/// Other writers.
const MANAGERS: [&str; 5] =
    ["cleat", "kubectl", "kubectl-edit", "kube-controller-manager", "argocd-controller"];

/// A time that is later than those of the seeds.
const TIME: &str = "2026-01-01T00:00:00Z";

/// Another input made from this one; `None` if this is no pair.
pub fn mutate(bytes: &[u8], seed: u64) -> Option<Vec<u8>> {
    let mut pair = Pair::read(bytes)?;
    let mut random = Rng::with_seed(seed);
    for _ in 0..=random.u32(..4) {
        step(&mut pair, &mut random);
    }
    Some(pair.write())
}

fn step(pair: &mut Pair, random: &mut Rng) {
    match random.u32(..16) {
        0 => pair.previous = Some(pair.desired.clone()),
        1 => pair.previous = None,
        2 => pair.live = written(&pair.live, &pair.desired, random),
        3 => pair.live = written(&Value::Null, &pair.desired, random),
        4 => {
            if let Some(previous) = pair.previous.clone() {
                pair.live = written(&pair.live, &previous, random);
            }
        }
        5 => {
            let mut edited = pair.live.clone();
            edit(&mut edited, &Value::Null, random);
            if edited.is_object() && pair.live.is_object() {
                let manager = pick(random, &MANAGERS);
                managed::update(schemas(), Some(&pair.live), &mut edited, manager, None, TIME);
                pair.live = edited;
            }
        }
        6 | 7 => edit(&mut pair.live, &pair.desired, random),
        8 | 9 => {
            if let Some(previous) = &mut pair.previous {
                edit(previous, &pair.desired, random);
            }
        }
        10 => edit(&mut pair.desired, &pair.live, random),
        _ => {
            let other = pair.previous.clone().unwrap_or_default();
            edit(&mut pair.desired, &other, random);
        }
    }
}

/// A live object after others have written to it: updates and applies that are not ours, and sometimes
/// the loss of all ownership.
pub(crate) fn by_others(live: &Value, seed: u64) -> Value {
    let mut random = Rng::with_seed(seed);
    let mut now = live.clone();
    match random.u32(..8) {
        0 => {
            if let Some(metadata) = now.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("managedFields");
            }
        }
        1 | 2 => {
            let mut body = live.clone();
            edit(&mut body, &Value::Null, &mut random);
            now = applied(live, &body, "argocd-controller", true);
        }
        _ => {
            edit(&mut now, &Value::Null, &mut random);
            defaults::fill(&mut now);
            defaults::update(live, &mut now);
            managed::update(schemas(), Some(live), &mut now, "kubectl-edit", None, TIME);
        }
    }
    now
}

/// What a server would store if somebody applied a body.
fn written(live: &Value, body: &Value, random: &mut Rng) -> Value {
    let manager = pick(random, &MANAGERS);
    applied(live, body, manager, random.u32(..4) > 0)
}

fn applied(live: &Value, body: &Value, manager: &str, force: bool) -> Value {
    let mut body = body.clone();
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    let before = Some(live).filter(|live| live.is_object());
    let request =
        Apply { live: before, body: &body, manager, force, subresource: None, time: TIME };
    let finish = |object: &mut Value| {
        defaults::fill(object);
        if let Some(live) = before {
            defaults::update(live, object);
        }
    };
    apply(schemas(), &request, &finish).unwrap_or_else(|_| live.clone())
}

/// Changes one place of an object, with a piece of another at the same place perhaps.
fn edit(object: &mut Value, other: &Value, random: &mut Rng) {
    let kind = GroupVersionKind::of(object).and_then(|gvk| schemas().root(&gvk));
    descend(object, other, kind, 0, random);
}

fn descend(
    value: &mut Value,
    other: &Value,
    kind: Option<TypeRef<'_>>,
    depth: usize,
    random: &mut Rng,
) {
    let deeper = random.usize(..8) > depth / 2;
    match value {
        Value::Object(fields) if !fields.is_empty() && deeper => {
            let at = random.usize(..fields.len());
            // The kind and the name are what makes it this object.
            let names = fields.keys().filter(|name| depth > 0 || !is_identity(name));
            let Some(name) = names.cycle().nth(at).cloned() else { return };
            let below = kind.and_then(|kind| kind.child(&name));
            if let Some(child) = fields.get_mut(&name) {
                let other = other.get(&name).unwrap_or(&Value::Null);
                descend(child, other, below, depth + 1, random);
            }
        }
        Value::Array(items) if !items.is_empty() && deeper => {
            let at = random.usize(..items.len());
            let below = kind.and_then(TypeRef::element);
            if let Some(item) = items.get_mut(at) {
                let other = other.get(at).unwrap_or(&Value::Null);
                descend(item, other, below, depth + 1, random);
            }
        }
        _ if depth == 0 => {}
        Value::Object(fields) => edit_map(fields, other, kind, random),
        Value::Array(items) => edit_list(items, other, random),
        scalar => *scalar = interesting(other, kind, random),
    }
}

fn is_identity(name: &str) -> bool {
    matches!(name, "apiVersion" | "kind")
}

fn edit_map(
    fields: &mut Map<String, Value>,
    other: &Value,
    kind: Option<TypeRef<'_>>,
    random: &mut Rng,
) {
    let names: Vec<String> = fields.keys().cloned().collect();
    let chosen = (!names.is_empty()).then(|| random.usize(..names.len()));
    let chosen = chosen.and_then(|at| names.get(at)).cloned();
    match (random.u32(..6), chosen) {
        (0, Some(name)) => {
            fields.remove(&name);
        }
        (1, Some(name)) => {
            fields.insert(name, interesting(other, None, random));
        }
        (2, _) => {
            // All that the other object has here.
            for (name, value) in other.as_object().into_iter().flatten() {
                fields.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        (3, Some(name)) => {
            if let Some(value) = fields.get(&name).cloned() {
                fields.insert(format!("{name}-2"), value);
            }
        }
        _ => {
            let declared: Vec<&str> = kind.into_iter().flat_map(TypeRef::field_names).collect();
            if declared.is_empty() {
                fields.insert("extra".to_owned(), interesting(other, None, random));
                return;
            }
            let at = random.usize(..declared.len());
            if let Some(name) = declared.get(at) {
                let below = kind.and_then(|kind| kind.field(name));
                fields.insert((*name).to_owned(), interesting(&Value::Null, below, random));
            }
        }
    }
}

fn edit_list(items: &mut Vec<Value>, other: &Value, random: &mut Rng) {
    let at = random.usize(..=items.len());
    match random.u32(..6) {
        0 if at < items.len() => {
            items.remove(at);
        }
        1 => {
            if let Some(item) = items.get(at).cloned() {
                items.push(item);
            }
        }
        2 => items.reverse(),
        3 => items.extend(other.as_array().into_iter().flatten().take(2).cloned()),
        4 => items.clear(),
        _ => items.insert(at, interesting(other, None, random)),
    }
}

/// A value that means something: what the schema calls for, what the other object has, or what is
/// spelled in more ways than one.
fn interesting(other: &Value, kind: Option<TypeRef<'_>>, random: &mut Rng) -> Value {
    if !other.is_null() && random.u32(..3) == 0 {
        return other.clone();
    }
    if let Some(kind) = kind
        && random.u32(..4) > 0
    {
        if kind.entries().is_some() && !kind.is_free() {
            let one = interesting(&Value::Null, kind.element(), random);
            return Value::Array(vec![one; random.usize(..3)]);
        }
        if kind.is_map() && !kind.is_free() {
            let mut fields = Map::new();
            if kind.is_struct() {
                let names: Vec<&str> = kind.field_names().collect();
                for _ in 0..random.usize(..3) {
                    if let Some(name) = names.get(random.usize(..names.len().max(1))) {
                        let below = kind.field(name).filter(|below| below.scalar().is_some());
                        fields.insert((*name).to_owned(), interesting(&Value::Null, below, random));
                    }
                }
            } else {
                fields.insert("a".to_owned(), json!("1"));
            }
            return Value::Object(fields);
        }
    }
    let texts = [
        "",
        "a",
        "web",
        "1",
        "1000m",
        "0.5",
        "500m",
        "1Gi",
        "1024Mi",
        "1073741824",
        "1e3",
        "80",
        "http",
        "true",
        "TCP",
        "UDP",
        "YQ==",
        "YQ",
        "25%",
        "2026-01-01T00:00:00Z",
        "10.0.0.1",
        "0",
        "-1",
        "None",
        "IfNotPresent",
        "\u{e9}\u{0}",
    ];
    match random.u32(..12) {
        0 => Value::Null,
        1 => json!({}),
        2 => json!([]),
        3 => json!(random.bool()),
        4 => json!(0),
        5 => json!(random.i32(-2..9000)),
        6 => json!(1.0),
        7 => json!(0.5),
        8 => json!(u64::MAX),
        _ => json!(pick(random, &texts)),
    }
}

fn pick<'a>(random: &mut Rng, from: &[&'a str]) -> &'a str {
    from.get(random.usize(..from.len().max(1))).copied().unwrap_or_default()
}
