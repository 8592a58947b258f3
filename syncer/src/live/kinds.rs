//! Which kinds an application needs to be read, and in which namespaces.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use engine::record::Inventory;
use merge::{GroupVersionKind, Manifest, ObjectId};

use super::read::Depth;
use crate::discovery::Discovery;

/// Kinds, and the namespaces to read them in.
pub(super) type Kinds = BTreeMap<GroupVersionKind, BTreeSet<String>>;

/// Each kind in use, with the namespaces of its objects. What Git writes is read in Git's version,
/// and what is only recorded in one that Git writes its kind in, if it does; one that is no longer
/// served in the version it was recorded in, in the one the server prefers.
pub(super) fn in_use(desired: &[Manifest], inventory: &Inventory, discovery: &Discovery) -> Kinds {
    let mut kinds = Kinds::new();
    let mut versions: BTreeMap<(&str, &str), &GroupVersionKind> = BTreeMap::new();
    let wanted: HashSet<&ObjectId> = desired.iter().map(|manifest| &manifest.id).collect();
    for manifest in desired {
        versions.entry((&manifest.id.group, &manifest.id.kind)).or_insert(&manifest.gvk);
        kinds.entry(manifest.gvk.clone()).or_default().extend(manifest.id.namespace.clone());
    }
    for (id, entry) in inventory.entries.iter().filter(|(id, _)| !wanted.contains(id)) {
        let written = versions.get(&(id.group.as_str(), id.kind.as_str()));
        let gvk = written.map_or_else(
            || {
                let recorded = GroupVersionKind::new(&entry.api_version, &id.kind);
                discovery.served(&recorded).map_or(recorded, |resource| resource.gvk.clone())
            },
            |written| (*written).clone(),
        );
        kinds.entry(gvk).or_default().extend(id.namespace.clone());
    }
    // The namespaces are listed anyway.
    kinds.remove(&GroupVersionKind::new("v1", "Namespace"));
    kinds
}

/// The kinds that explain the health of what is in use, and the autoscalers that may own its replicas,
/// with the namespaces to read them in. A kind in use itself is read as such.
pub(super) fn relatives(kinds: &Kinds, depth: Depth) -> Kinds {
    /// Group and kind.
    type Of = (&'static str, &'static str);
    const PODS_OF: [Of; 6] = [
        ("", "PersistentVolumeClaim"),
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
        ("batch", "Job"),
    ];
    const EXPLAIN: [(Depth, &str, &str, &[Of]); 4] = [
        (Depth::Health, "v1", "Pod", &PODS_OF),
        (Depth::Health, "apps/v1", "ReplicaSet", &[("apps", "Deployment")]),
        (
            Depth::Health,
            "apps/v1",
            "ControllerRevision",
            &[("apps", "StatefulSet"), ("apps", "DaemonSet")],
        ),
        (
            Depth::Comparison,
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            &[("apps", "Deployment"), ("apps", "StatefulSet")],
        ),
    ];
    let mut related = Kinds::new();
    for (from, api_version, kind, of) in EXPLAIN {
        if depth < from {
            continue;
        }
        let namespaces: BTreeSet<String> = kinds
            .iter()
            .filter(|(gvk, _)| of.contains(&(gvk.group.as_str(), gvk.kind.as_str())))
            .flat_map(|(_, namespaces)| namespaces.iter().cloned())
            .collect();
        let gvk = GroupVersionKind::new(api_version, kind);
        let in_use = |known: &&GroupVersionKind| known.group == gvk.group && known.kind == gvk.kind;
        let read = kinds.keys().find(in_use).and_then(|known| kinds.get(known));
        let rest: BTreeSet<String> = namespaces
            .into_iter()
            .filter(|it| read.is_none_or(|read| !read.contains(it)))
            .collect();
        if !rest.is_empty() {
            related.insert(gvk, rest);
        }
    }
    related
}
