//! Who owns whom, as a graph of metadata, and what follows from it for one object.
//!
//! Follows `pkg/controller/garbagecollector`: an object whose owners are all gone goes too; one that
//! still has an owner loses only its references to those that are gone; foreground deletion waits for
//! dependents that block it, orphaning takes the references away first.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use kube::core::{ApiResource, ObjectMeta};

pub(super) const FOREGROUND: &str = "foregroundDeletion";
pub(super) const ORPHAN: &str = "orphan";

/// An owner as a dependent names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    pub uid: String,
    pub blocks: bool,
}

/// What the graph keeps of an object.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub resource: Arc<ApiResource>,
    pub namespace: Option<String>,
    pub name: String,
    pub owners: Vec<Owner>,
    pub finalizers: Vec<String>,
    pub deleted: bool,
}

impl Node {
    pub(super) fn of(resource: Arc<ApiResource>, metadata: &ObjectMeta) -> Self {
        let owners = metadata.owner_references.iter().flatten().map(|owner| Owner {
            api_version: owner.api_version.clone(),
            kind: owner.kind.clone(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
            blocks: owner.block_owner_deletion.unwrap_or_default(),
        });
        Self {
            resource,
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone().unwrap_or_default(),
            owners: owners.collect(),
            finalizers: metadata.finalizers.clone().unwrap_or_default(),
            deleted: metadata.deletion_timestamp.is_some(),
        }
    }

    fn waits_for(&self, finalizer: &str) -> bool {
        self.deleted && self.finalizers.iter().any(|name| name == finalizer)
    }
}

/// What is to be done about one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    /// Ask the server whether this owner, which the graph does not know, is really gone.
    Verify(Owner),
    Delete {
        foreground: bool,
    },
    /// Take these owners out of its references.
    Release(Vec<String>),
    RemoveFinalizer(&'static str),
}

#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: HashMap<String, Node>,
    dependents: HashMap<String, BTreeSet<String>>,
    /// Owners that the server said do not exist; a uid never comes back.
    absent: HashSet<String>,
}

impl Graph {
    pub(super) fn node(&self, uid: &str) -> Option<&Node> {
        self.nodes.get(uid)
    }

    /// Uids of the objects of a resource.
    pub(super) fn of_resource(&self, resource: &ApiResource) -> Vec<String> {
        let is_same = |node: &&Node| {
            node.resource.group == resource.group && node.resource.plural == resource.plural
        };
        self.nodes.iter().filter(|(_, node)| is_same(node)).map(|(uid, _)| uid.clone()).collect()
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.nodes.keys().cloned().collect()
    }

    /// Takes an object in; returns whose verdict may have changed.
    pub(super) fn put(&mut self, uid: &str, node: Node) -> Vec<String> {
        let mut affected = vec![uid.to_owned()];
        let before = self.nodes.insert(uid.to_owned(), node.clone());
        if let Some(before) = before.as_ref().filter(|before| before.owners != node.owners) {
            self.unlink(uid, before);
            affected.extend(before.owners.iter().map(|owner| owner.uid.clone()));
        }
        for owner in &node.owners {
            self.dependents.entry(owner.uid.clone()).or_default().insert(uid.to_owned());
        }
        if node.deleted && !before.is_some_and(|before| before.deleted) {
            affected.extend(self.dependents_of(uid).map(str::to_owned));
        }
        affected
    }

    /// Takes out an object that is gone; returns whose verdict may have changed.
    pub(super) fn remove(&mut self, uid: &str) -> Vec<String> {
        let Some(node) = self.nodes.remove(uid) else { return Vec::new() };
        self.unlink(uid, &node);
        let owners = node.owners.into_iter().map(|owner| owner.uid);
        self.dependents_of(uid).map(str::to_owned).chain(owners).collect()
    }

    pub(super) fn is_absent(&mut self, owner: &str) {
        self.absent.insert(owner.to_owned());
    }

    fn unlink(&mut self, uid: &str, node: &Node) {
        for owner in &node.owners {
            if let Some(dependents) = self.dependents.get_mut(&owner.uid) {
                dependents.remove(uid);
                if dependents.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
    }

    pub(super) fn dependents_of(&self, uid: &str) -> impl Iterator<Item = &str> {
        self.dependents.get(uid).into_iter().flatten().map(String::as_str)
    }

    fn has_blocking_dependents(&self, uid: &str) -> bool {
        self.dependents_of(uid)
            .filter_map(|dependent| self.nodes.get(dependent))
            .any(|node| node.owners.iter().any(|owner| owner.uid == uid && owner.blocks))
    }

    /// What is to be done about the object of that uid (`attemptToDeleteItem`).
    pub(super) fn verdict(&self, uid: &str) -> Verdict {
        let Some(node) = self.nodes.get(uid) else { return Verdict::Keep };
        if node.waits_for(ORPHAN) {
            return match self.dependents_of(uid).next() {
                None => Verdict::RemoveFinalizer(ORPHAN),
                Some(_) => Verdict::Keep,
            };
        }
        if node.waits_for(FOREGROUND) {
            return if self.has_blocking_dependents(uid) {
                Verdict::Keep
            } else {
                Verdict::RemoveFinalizer(FOREGROUND)
            };
        }
        let orphaned_by: Vec<String> = node
            .owners
            .iter()
            .filter(|owner| self.nodes.get(&owner.uid).is_some_and(|owner| owner.waits_for(ORPHAN)))
            .map(|owner| owner.uid.clone())
            .collect();
        if !orphaned_by.is_empty() {
            return Verdict::Release(orphaned_by);
        }
        if node.deleted || node.owners.is_empty() {
            return Verdict::Keep;
        }
        let (mut solid, mut waiting, mut dangling) = (0_usize, Vec::new(), Vec::new());
        for owner in &node.owners {
            match self.nodes.get(&owner.uid) {
                Some(found) if found.waits_for(FOREGROUND) => waiting.push(owner.uid.clone()),
                Some(_) => solid += 1,
                None if self.absent.contains(&owner.uid) => dangling.push(owner.uid.clone()),
                None => return Verdict::Verify(owner.clone()),
            }
        }
        if solid > 0 {
            dangling.extend(waiting);
            return if dangling.is_empty() { Verdict::Keep } else { Verdict::Release(dangling) };
        }
        Verdict::Delete { foreground: !waiting.is_empty() && self.has_blocking_dependents(uid) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(uid: &str) -> Owner {
        Owner {
            api_version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            name: uid.to_owned(),
            uid: uid.to_owned(),
            blocks: true,
        }
    }

    fn node(owners: &[&str], finalizers: &[&str], deleted: bool) -> Node {
        Node {
            resource: Arc::new(ApiResource {
                group: String::new(),
                version: "v1".to_owned(),
                api_version: "v1".to_owned(),
                kind: "ConfigMap".to_owned(),
                plural: "configmaps".to_owned(),
            }),
            namespace: Some("a".to_owned()),
            name: "x".to_owned(),
            owners: owners.iter().map(|uid| owner(uid)).collect(),
            finalizers: finalizers.iter().map(|name| (*name).to_owned()).collect(),
            deleted,
        }
    }

    #[test]
    fn an_owner_is_verified_before_its_dependents_go() {
        let mut graph = Graph::default();
        graph.put("child", node(&["parent"], &[], false));
        assert_eq!(graph.verdict("child"), Verdict::Verify(owner("parent")));
        graph.is_absent("parent");
        assert_eq!(graph.verdict("child"), Verdict::Delete { foreground: false });
    }

    #[test]
    fn one_living_owner_keeps_it_and_the_others_are_released() {
        let mut graph = Graph::default();
        graph.put("one", node(&[], &[], false));
        graph.put("child", node(&["one", "two"], &[], false));
        graph.is_absent("two");
        assert_eq!(graph.verdict("child"), Verdict::Release(vec!["two".to_owned()]));
        graph.put("child", node(&["one"], &[], false));
        assert_eq!(graph.verdict("child"), Verdict::Keep);
    }

    #[test]
    fn foreground_deletion_waits_for_what_blocks_it() {
        let mut graph = Graph::default();
        graph.put("parent", node(&[], &[], false));
        graph.put("child", node(&["parent"], &[], false));
        graph.put("grandchild", node(&["child"], &[], false));
        let affected = graph.put("parent", node(&[], &[FOREGROUND], true));
        assert_eq!(affected, ["parent", "child"]);
        assert_eq!(graph.verdict("parent"), Verdict::Keep);
        assert_eq!(graph.verdict("child"), Verdict::Delete { foreground: true });
        graph.remove("grandchild");
        assert_eq!(graph.verdict("child"), Verdict::Delete { foreground: false });
        assert_eq!(graph.remove("child"), ["parent"]);
        assert_eq!(graph.verdict("parent"), Verdict::RemoveFinalizer(FOREGROUND));
    }

    #[test]
    fn orphaning_takes_the_references_away_first() {
        let mut graph = Graph::default();
        graph.put("child", node(&["parent"], &[], false));
        graph.put("parent", node(&[], &[ORPHAN], true));
        assert_eq!(graph.verdict("parent"), Verdict::Keep);
        assert_eq!(graph.verdict("child"), Verdict::Release(vec!["parent".to_owned()]));
        let affected = graph.put("child", node(&[], &[], false));
        assert_eq!(affected, ["child", "parent"]);
        assert_eq!(graph.verdict("parent"), Verdict::RemoveFinalizer(ORPHAN));
        assert_eq!(graph.verdict("child"), Verdict::Keep);
    }
}
