//! Objects by who controls them: pods under their ReplicaSet under their Deployment; and pods by the
//! claims they use. Answers two questions: which objects belong to a root, and which root an object
//! belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use merge::object::{controller_uid, uid};
use serde_json::Value;

/// The kinds that health looks at beside the object itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relative {
    /// `v1` Pod.
    Pod,
    /// `apps/v1` ReplicaSet.
    ReplicaSet,
    /// `apps/v1` ControllerRevision.
    ControllerRevision,
}

impl Relative {
    /// What an object is, if it is one of these.
    pub fn of(object: &Value) -> Option<Self> {
        let api_version = object.get("apiVersion")?.as_str()?;
        match (api_version, object.get("kind")?.as_str()?) {
            ("v1", "Pod") => Some(Self::Pod),
            ("apps/v1", "ReplicaSet") => Some(Self::ReplicaSet),
            ("apps/v1", "ControllerRevision") => Some(Self::ControllerRevision),
            _ => None,
        }
    }
}

/// Every object under each controller. uids are unique over a cluster's life, so they are the keys.
#[derive(Debug, Clone, Default)]
pub struct Family {
    members: BTreeMap<String, Member>,
    children: BTreeMap<String, BTreeSet<String>>,
    /// The pods that use each claim, by its namespace and name: a pod may be there before the claim.
    users: BTreeMap<(String, String), BTreeSet<String>>,
}

#[derive(Debug, Clone)]
struct Member {
    relative: Relative,
    object: Arc<Value>,
    parent: Option<String>,
}

/// Whether an object is an older state of another: an answer and a watch may overtake each other, and
/// what the watch brings late must not undo what the answer said. Versions that are no numbers cannot
/// be compared, and then the later word counts.
pub fn is_older(object: &Value, known: &Value) -> bool {
    let version = |object| merge::object::resource_version(object)?.parse::<u128>().ok();
    uid(object) == uid(known)
        && matches!((version(object), version(known)), (Some(new), Some(old)) if new < old)
}

/// The members of one root, sorted as [`engine::health::Related`] wants them.
#[derive(Debug, Default)]
pub struct Members<'a> {
    /// Pods.
    pub pods: Vec<&'a Value>,
    /// ReplicaSets.
    pub replica_sets: Vec<&'a Value>,
    /// ControllerRevisions.
    pub controller_revisions: Vec<&'a Value>,
}

impl Family {
    /// Takes an object in, in place of what was known under its uid.
    pub fn insert(&mut self, relative: Relative, object: Arc<Value>) {
        let Some(own) = uid(&object).map(str::to_owned) else { return };
        if self.members.get(&own).is_some_and(|known| is_older(&object, &known.object)) {
            return;
        }
        self.remove(&own);
        let parent = controller_uid(&object).map(str::to_owned);
        if let Some(parent) = &parent {
            self.children.entry(parent.clone()).or_default().insert(own.clone());
        }
        for claim in claims_used(&object) {
            self.users.entry(claim).or_default().insert(own.clone());
        }
        self.members.insert(own, Member { relative, object, parent });
    }

    /// Forgets an object.
    pub fn remove(&mut self, own: &str) {
        let Some(member) = self.members.remove(own) else { return };
        for claim in claims_used(&member.object) {
            take(&mut self.users, &claim, own);
        }
        if let Some(parent) = member.parent {
            take(&mut self.children, &parent, own);
        }
    }

    /// The pods that use a claim.
    pub fn users_of<'a>(&'a self, namespace: &str, claim: &str) -> impl Iterator<Item = &'a Value> {
        let users = self.users.get(&(namespace.to_owned(), claim.to_owned()));
        let members = users.into_iter().flatten().filter_map(|own| self.members.get(own));
        members.map(|member| &*member.object)
    }

    /// Forgets the objects of a kind and namespace (of all namespaces when `None`) whose uid is not
    /// listed; says whose children they were.
    pub fn retain(
        &mut self,
        relative: Relative,
        namespace: Option<&str>,
        listed: &BTreeSet<String>,
    ) -> Vec<Arc<Value>> {
        let gone: Vec<String> = self
            .members
            .iter()
            .filter(|(own, member)| {
                member.relative == relative
                    && !listed.contains(*own)
                    && namespace
                        .is_none_or(|it| merge::object::namespace(&member.object) == Some(it))
            })
            .map(|(own, _)| own.clone())
            .collect();
        let objects = gone
            .iter()
            .filter_map(|own| self.members.get(own))
            .map(|it| Arc::clone(&it.object))
            .collect();
        for own in gone {
            self.remove(&own);
        }
        objects
    }

    /// The uids from an object up to the root that controls it, the nearest first. A ring of owners
    /// (the server does not forbid one) ends it.
    pub fn ancestors(&self, object: &Value) -> Vec<String> {
        let mut chain: Vec<String> = Vec::new();
        let mut next = controller_uid(object).map(str::to_owned);
        while let Some(own) = next {
            if chain.contains(&own) {
                break;
            }
            next = self.members.get(&own).and_then(|member| member.parent.clone());
            chain.push(own);
        }
        chain
    }

    /// Everything below a root.
    pub fn of(&self, root: &str) -> Members<'_> {
        let mut members = Members::default();
        let mut seen = BTreeSet::new();
        let mut open = vec![root];
        while let Some(parent) = open.pop() {
            for own in self.children.get(parent).into_iter().flatten() {
                let Some(member) = self.members.get(own).filter(|_| seen.insert(own)) else {
                    continue;
                };
                match member.relative {
                    Relative::Pod => members.pods.push(&member.object),
                    Relative::ReplicaSet => members.replica_sets.push(&member.object),
                    Relative::ControllerRevision => {
                        members.controller_revisions.push(&member.object);
                    }
                }
                open.push(own);
            }
        }
        members
    }
}

/// The claims a pod uses, by namespace and name; none for what is no pod.
pub fn claims_used(object: &Value) -> impl Iterator<Item = (String, String)> + '_ {
    let pod = (Relative::of(object) == Some(Relative::Pod)).then_some(object);
    let namespace = pod.and_then(merge::object::namespace).unwrap_or_default();
    let claims = pod.into_iter().flat_map(engine::health::claims_of);
    claims.map(|claim| (namespace.to_owned(), claim))
}

/// Takes one out of a set, and the set out of the map when it was the last.
fn take<K: Ord>(sets: &mut BTreeMap<K, BTreeSet<String>>, key: &K, own: &str) {
    if let Some(set) = sets.get_mut(key) {
        set.remove(own);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(api_version: &str, kind: &str, own: &str, owner: Option<&str>) -> Arc<Value> {
        let mut object = json!({"apiVersion": api_version, "kind": kind,
            "metadata": {"name": own, "namespace": "shop", "uid": own}});
        if let Some(owner) = owner {
            object["metadata"]["ownerReferences"] = json!([{"uid": owner, "controller": true}]);
        }
        Arc::new(object)
    }

    fn shop() -> Family {
        let mut family = Family::default();
        family.insert(Relative::Pod, object("v1", "Pod", "p1", Some("rs1")));
        family.insert(Relative::Pod, object("v1", "Pod", "p2", Some("rs2")));
        family.insert(Relative::ReplicaSet, object("apps/v1", "ReplicaSet", "rs1", Some("d")));
        family.insert(Relative::ReplicaSet, object("apps/v1", "ReplicaSet", "rs2", Some("d")));
        family
    }

    fn names(objects: &[&Value]) -> Vec<String> {
        objects.iter().filter_map(|it| uid(it)).map(str::to_owned).collect()
    }

    #[test]
    fn a_pod_is_found_from_its_deployment_and_the_deployment_from_its_pod() {
        let family = shop();
        assert_eq!(names(&family.of("d").pods), ["p2", "p1"]);
        assert_eq!(names(&family.of("d").replica_sets), ["rs1", "rs2"]);
        assert_eq!(names(&family.of("rs1").pods), ["p1"]);
        let pod = object("v1", "Pod", "p1", Some("rs1"));
        assert_eq!(family.ancestors(&pod), ["rs1", "d"]);
    }

    #[test]
    fn what_goes_leaves_no_trace() {
        let mut family = shop();
        family.remove("p1");
        assert_eq!(names(&family.of("d").pods), ["p2"]);
        let listed = BTreeSet::from(["rs1".to_owned()]);
        let gone = family.retain(Relative::ReplicaSet, Some("shop"), &listed);
        assert_eq!(gone.len(), 1);
        assert_eq!(names(&family.of("d").replica_sets), ["rs1"]);
        assert!(family.retain(Relative::Pod, Some("elsewhere"), &listed).is_empty());
    }

    #[test]
    fn a_claims_pods_are_found_until_they_go() {
        let mut family = shop();
        let mut pod = Value::clone(&object("v1", "Pod", "p3", Some("rs1")));
        pod["spec"] =
            json!({"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "c"}}]});
        family.insert(Relative::Pod, Arc::new(pod));
        let users = |family: &Family, namespace| {
            names(&family.users_of(namespace, "c").collect::<Vec<_>>())
        };
        assert_eq!(users(&family, "shop"), ["p3"]);
        assert!(users(&family, "blog").is_empty());
        family.remove("p3");
        assert!(users(&family, "shop").is_empty());
        assert!(family.users.is_empty());
    }

    #[test]
    fn a_ring_of_owners_ends() {
        let mut family = Family::default();
        let (a, b) = (object("v1", "Pod", "a", Some("b")), object("v1", "Pod", "b", Some("a")));
        family.insert(Relative::Pod, Arc::clone(&a));
        family.insert(Relative::Pod, b);
        assert_eq!(family.ancestors(&a), ["b", "a"]);
        assert_eq!(family.of("a").pods.len(), 2);
    }
}
