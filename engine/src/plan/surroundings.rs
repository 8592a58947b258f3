//! What the objects of a plan mean to each other: the namespaces and kinds that some of them make for
//! others, the targets of autoscalers, and what was applied before.

use std::collections::{BTreeMap, BTreeSet};

use merge::schema::Schemas;
use merge::{GroupVersionKind, Manifest, ObjectId};
use serde_json::Value;

use super::{Inputs, draft, order};

/// Looked up once for all objects of a plan.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// The schemas, those of the plan's own definitions included.
    pub schemas: Schemas,
    /// Definitions that no schema can be made of, and why.
    pub unreadable: BTreeMap<&'a ObjectId, String>,
    /// Who makes a namespace.
    pub namespaces: BTreeMap<&'a str, &'a Manifest>,
    /// Who makes a kind.
    pub kinds: BTreeMap<GroupVersionKind, &'a Manifest>,
    /// What autoscalers target.
    pub autoscaled: BTreeSet<ObjectId>,
    /// The bodies that were applied last.
    pub previous: BTreeMap<&'a ObjectId, &'a Value>,
}

impl<'a> Surroundings<'a> {
    /// What the objects of these inputs mean to each other.
    pub fn of(inputs: &Inputs<'a>) -> Self {
        let mut around = Self {
            schemas: inputs.schemas.clone(),
            unreadable: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            kinds: BTreeMap::new(),
            autoscaled: BTreeSet::new(),
            previous: BTreeMap::new(),
        };
        for manifest in inputs.desired {
            if order::is_namespace(&manifest.id) {
                around.namespaces.insert(&manifest.id.name, manifest);
            }
            if order::is_definition(&manifest.id) {
                match around.schemas.with_definition(&manifest.body) {
                    Ok(schemas) => around.schemas = schemas,
                    Err(error) => {
                        around.unreadable.insert(&manifest.id, error.to_string());
                    }
                }
                for kind in order::served_by(&manifest.body) {
                    around.kinds.insert(kind, manifest);
                }
            }
            around.autoscaled.extend(draft::target(&manifest.body));
        }
        around.autoscaled.extend(inputs.live.values().filter_map(|live| draft::target(live)));
        for manifest in inputs.previous.into_iter().flat_map(|bundle| &bundle.objects) {
            around.previous.insert(&manifest.id, &manifest.body);
        }
        around
    }
}
