//! Tables and laws of plan.

mod adoption;
mod asking;

use merge::Origin;
use merge::apply::{Apply, apply};
use merge::defaults;
use serde_json::json;

use super::*;
use crate::application::{MANAGER, OWNED_BY};
use crate::diff::{Verdict, settled_digest};
use crate::policy::Adoption;
use crate::record::Entry;
use crate::redact::Salt;

static REDACTION: Redaction = Redaction::new(Salt::new([7; 16]));

/// A cluster and an application in it, as tests change them.
struct World {
    application: ApplicationName,
    desired: Vec<Manifest>,
    live: BTreeMap<ObjectId, Arc<Value>>,
    cluster: Cluster,
    inventory: Inventory,
    previous: Option<Bundle>,
    policy: Policy,
    approvals: Approvals,
    revoked: BTreeSet<ObjectId>,
}

impl World {
    fn new() -> Self {
        Self {
            application: "default/shop".parse().unwrap(),
            desired: Vec::new(),
            live: BTreeMap::new(),
            cluster: Cluster::default(),
            inventory: Inventory::default(),
            previous: None,
            policy: Policy { prune: true, ..Policy::default() },
            approvals: Approvals::default(),
            revoked: BTreeSet::new(),
        }
    }

    fn want(&mut self, body: Value) -> ObjectId {
        let line = u32::try_from(self.desired.len()).unwrap() + 1;
        let origin = Origin { file: "a.yaml".to_owned(), line };
        let manifest = self.application.marked(&Manifest::new(body, origin).unwrap());
        self.desired.push(manifest);
        self.desired.last().unwrap().id.clone()
    }

    /// As if this had been applied, settled and recorded.
    fn had(&mut self, body: Value) -> ObjectId {
        let origin = Origin { file: "old.yaml".to_owned(), line: 1 };
        let manifest = self.application.marked(&Manifest::new(body, origin).unwrap());
        let live = applied(&manifest.body);
        let settled = settled_digest(&Schemas::builtin(), &live, &manifest.body, None);
        let entry = Entry {
            api_version: manifest.gvk.api_version(),
            uid: merge::object::uid(&live).map(str::to_owned),
            desired: manifest.digest,
            settled: Some(settled),
            tentative: false,
            adopted: false,
        };
        let id = manifest.id.clone();
        self.live.insert(id.clone(), Arc::new(live));
        self.inventory.entries.insert(id.clone(), entry);
        let digest = manifest.digest;
        let bundle =
            self.previous.get_or_insert(Bundle { digest, revision: None, objects: Vec::new() });
        bundle.objects.push(manifest);
        id
    }

    fn alter(&mut self, id: &ObjectId, change: impl FnOnce(&mut Value)) {
        change(Arc::make_mut(self.live.get_mut(id).unwrap()));
    }

    fn inputs<'a>(&'a self, schemas: &'a Schemas) -> Inputs<'a> {
        Inputs {
            desired: &self.desired,
            live: &self.live,
            cluster: &self.cluster,
            inventory: &self.inventory,
            previous: self.previous.as_ref(),
            schemas,
            policy: &self.policy,
            application: &self.application,
            approvals: &self.approvals,
            revoked: &self.revoked,
            redaction: &REDACTION,
            read_at: None,
        }
    }

    fn draft(&self) -> Draft {
        draft(&self.inputs(&Schemas::builtin()))
    }

    fn plan(&self) -> Plan {
        self.draft().check().unwrap()
    }

    fn refused(&self) -> Vec<RefusalKind> {
        self.draft().refusals().iter().map(|refusal| refusal.kind).collect()
    }
}

fn applied(body: &Value) -> Value {
    let request = Apply {
        live: None,
        body,
        manager: MANAGER,
        force: true,
        subresource: None,
        time: "2026-03-01T09:00:00Z",
    };
    let mut live = apply(&Schemas::builtin(), &request, &defaults::fill).unwrap();
    let name = live["metadata"]["name"].as_str().unwrap().to_owned();
    live["metadata"]["uid"] = json!(format!("uid-{name}"));
    live["metadata"]["resourceVersion"] = json!("7");
    live
}

fn settings(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "shop"}, "data": {"a": value}})
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn in_wave(mut body: Value, wave: i32) -> Value {
    body["metadata"]["annotations"] = json!({order::WAVE: wave.to_string()});
    body
}

#[test]
fn what_the_hashes_vouch_for_is_not_merged() {
    let mut world = World::new();
    let id = world.had(settings("a", "1"));
    world.want(settings("a", "1"));
    let plan = world.plan();
    let step = plan.step(StepId { wave: 0, rank: 0, step: 0 }).unwrap();
    assert_eq!(step.action, Action::Unchanged);
    assert_eq!(step.diff.predicted, None, "nothing was predicted");
    assert!(plan.is_noop());
    // Without the second hash the comparison says the same.
    world.inventory.entries.get_mut(&id).unwrap().settled = None;
    let plan = world.plan();
    assert!(plan.is_noop());
}

#[test]
fn a_digest_of_another_format_is_renewed_and_never_applies() {
    let mut world = World::new();
    let id = world.had(settings("a", "1"));
    world.want(settings("a", "1"));
    let vouched = world.inventory.clone();
    let first = |plan: &Plan| plan.step(StepId { wave: 0, rank: 0, step: 0 }).unwrap().settled;
    assert_eq!(first(&world.plan()), None, "what stands is left");
    let entry = world.inventory.entries.get_mut(&id).unwrap();
    entry.settled = entry.settled.map(|it| Settled { format: 1, ..it });
    let stored = world.inventory.clone();
    let plan = world.plan();
    assert!(plan.is_noop());
    assert_eq!(first(&plan), vouched.entries[&id].settled);
    assert!(vouched.adds_nothing_to(&stored), "it is no reason to write");
    // None at all is: the next run would have to compare again.
    let mut bare = stored.clone();
    bare.entries.get_mut(&id).unwrap().settled = None;
    assert!(!vouched.adds_nothing_to(&bare) && !bare.adds_nothing_to(&vouched));
}

#[test]
fn a_vouching_ends_with_what_it_was_made_among() {
    let mut world = World::new();
    let id = world.had(settings("a", "1"));
    world.want(settings("a", "1"));
    // A webhook made something else of it, and that was recorded.
    world.alter(&id, |live| live["data"]["a"] = json!("webhook's"));
    let (live, wanted) = (&world.live[&id], &world.desired[0]);
    let gvk = wanted.gvk.clone();
    world.cluster.server = Server::new(Some("v1.28.7"), None, []);
    let settled = settled_digest(&Schemas::builtin(), live, &wanted.body, None);
    let entry = world.inventory.entries.get_mut(&id).unwrap();
    entry.settled = Some(settled.within(world.cluster.server.around(&gvk)));
    assert!(world.plan().is_noop());
    world.cluster.server = Server::new(Some("v1.29.0"), None, []);
    assert_eq!(world.plan().count(Action::Update), 1);
    world.cluster.server = Server::default();
    assert!(world.plan().is_noop(), "what is not known ends nothing");
}

#[test]
fn a_drift_breaks_the_voucher() {
    let mut world = World::new();
    let id = world.had(settings("a", "1"));
    world.want(settings("a", "1"));
    world.alter(&id, |live| live["data"]["a"] = json!("by hand"));
    let plan = world.plan();
    assert_eq!(plan.count(Action::Update), 1);
    assert!(!plan.is_noop());
}

#[test]
fn the_order_of_the_source_changes_nothing() {
    let bodies = || {
        vec![
            in_wave(settings("late", "1"), 2),
            settings("b", "1"),
            namespace("shop"),
            in_wave(settings("early", "1"), -1),
            settings("a", "1"),
        ]
    };
    let plan_of = |bodies: Vec<Value>| {
        let mut world = World::new();
        for body in bodies {
            world.want(body);
        }
        world.draft().plan().clone()
    };
    let names = |plan: &Plan| {
        plan.steps().map(|(place, step)| (place, step.manifest.id.to_string())).collect::<Vec<_>>()
    };
    let (one, two) = (plan_of(bodies()), plan_of(bodies().into_iter().rev().collect()));
    assert_eq!(names(&one), names(&two));
    assert_eq!(one.digest(), two.digest());
    let places: Vec<(u32, u32, u32)> =
        one.steps().map(|(place, _)| (place.wave, place.rank, place.step)).collect();
    assert_eq!(places, [(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 0, 0)]);
    for (place, step) in one.steps() {
        assert_eq!(one.step(place).unwrap(), step);
    }
    assert_eq!(one.step(StepId { wave: 9, rank: 0, step: 0 }), None);
}

#[test]
fn only_what_is_proved_ours_is_pruned() {
    let mut world = World::new();
    world.want(settings("stays", "1"));
    for name in ["gone", "remade", "announced", "copied", "handed", "dying"] {
        world.had(settings(name, "1"));
    }
    let id = |name: &str| ObjectId::of(&settings(name, "1")).unwrap();
    world.alter(&id("remade"), |live| live["metadata"]["uid"] = json!("uid-other"));
    world.inventory.entries.get_mut(&id("announced")).unwrap().uid = None;
    let mark = |live: &mut Value, mark: &str| {
        live["metadata"]["annotations"][OWNED_BY] = json!(mark);
    };
    world.alter(&id("copied"), |live| mark(live, "default/shop:ConfigMap/shop/gone"));
    world.alter(&id("handed"), |live| mark(live, "default/blog:ConfigMap/shop/handed"));
    world.alter(&id("dying"), |live| {
        live["metadata"]["deletionTimestamp"] = json!("2026-03-01T09:00:00Z");
    });
    world.had(settings("vanished", "1"));
    world.live.remove(&id("vanished"));
    let plan = world.plan();
    let pruned: Vec<&str> = plan.prunes.iter().map(|prune| prune.id.name.as_str()).collect();
    assert_eq!(pruned, ["announced", "gone"]);
    assert_eq!(plan.prunes[1].uid, "uid-gone");
    assert_eq!(plan.prunes[1].resource_version, "7");
    let withheld: Vec<(&str, bool)> =
        plan.withheld.iter().map(|it| (it.id.name.as_str(), it.reason.keeps_entry())).collect();
    assert_eq!(withheld, [("copied", false), ("handed", false), ("remade", false)]);
    assert!(!plan.is_noop());
}

#[test]
fn an_empty_source_deletes_nothing_but_what_is_revoked() {
    let mut world = World::new();
    let (one, two) = (world.had(settings("a", "1")), world.had(settings("b", "1")));
    let plan = world.plan();
    assert!(plan.prunes.is_empty());
    assert!(plan.withheld.iter().all(|it| it.reason == WithheldReason::EmptySource));
    assert!(plan.is_noop());
    world.revoked.insert(two.clone());
    world.policy.prune = false;
    let plan = world.plan();
    assert_eq!(plan.prunes.iter().map(|it| &it.id).collect::<Vec<_>>(), [&two]);
    assert_eq!(plan.withheld[0].id, one);
    assert_eq!(plan.withheld[0].reason, WithheldReason::PruneOff);
}

#[test]
fn prunes_go_backwards_through_the_waves() {
    let mut world = World::new();
    world.want(settings("stays", "1"));
    world.had(in_wave(settings("first", "1"), 0));
    world.had(in_wave(settings("third", "1"), 2));
    let service = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop"}, "spec": {"ports": [{"port": 80}]}});
    world.had(in_wave(service, 0));
    world.had(in_wave(settings("second", "1"), 1));
    let plan = world.plan();
    let names: Vec<&str> = plan.prunes.iter().map(|it| it.id.name.as_str()).collect();
    assert_eq!(names, ["third", "second", "web", "first"]);
}

#[test]
fn what_is_not_ours_follows_the_policy() {
    let mut world = World::new();
    let id = world.had(settings("a", "theirs"));
    world.inventory.entries.clear();
    world.previous = None;
    world.alter(&id, |live| {
        live["metadata"]["annotations"].as_object_mut().unwrap().remove(OWNED_BY);
    });
    world.want(settings("a", "1"));
    for (policy, refused, action) in [
        (Adoption::Refuse, vec![RefusalKind::Adoption], Action::Adopt),
        (Adoption::Adopt, vec![], Action::Adopt),
        (Adoption::Observe, vec![], Action::Observe),
    ] {
        world.policy.adoption = policy;
        assert_eq!(world.refused(), refused, "{policy:?}");
        let draft = world.draft();
        let (_, step) = draft.plan().steps().next().unwrap();
        assert_eq!(step.action, action, "{policy:?}");
        assert_eq!(step.diff.verdict, Verdict::Differs);
    }
    assert!(world.plan().is_noop(), "looking on writes nothing");
}

#[test]
fn an_object_made_anew_by_hand_is_still_ours() {
    let mut world = World::new();
    let id = world.had(settings("a", "1"));
    world.want(settings("a", "1"));
    world.alter(&id, |live| {
        live["metadata"]["uid"] = json!("uid-other");
        live["metadata"]["annotations"] = json!({});
    });
    let plan = world.plan();
    assert_eq!(plan.count(Action::Update), 1, "its mark is put back");
}

#[test]
fn what_was_announced_and_never_applied_is_not_ours_when_somebody_else_makes_it() {
    let mut world = World::new();
    let id = world.had(settings("a", "theirs"));
    world.want(settings("a", "1"));
    world.inventory.entries.get_mut(&id).unwrap().uid = None;
    assert_eq!(world.refused(), [], "our mark says that the apply reached the server");
    world.alter(&id, |live| live["metadata"]["annotations"] = json!({}));
    assert_eq!(world.refused(), [RefusalKind::Adoption]);
}

#[test]
fn what_a_failed_revision_adopted_is_let_go_of_and_never_deleted() {
    let mut world = World::new();
    world.want(settings("stays", "1"));
    let adopted = world.had(settings("adopted", "1"));
    world.inventory.entries.get_mut(&adopted).unwrap().adopted = true;
    let left = world.had(settings("left", "1"));
    for (policy, pruned) in
        [(world.policy.clone(), vec![&left]), (world.policy.of_rollback(), vec![])]
    {
        world.policy = policy;
        let plan = world.plan();
        assert_eq!(plan.prunes.iter().map(|it| &it.id).collect::<Vec<_>>(), pruned);
        let reason = plan.withheld.iter().find(|it| it.id == adopted).map(|it| &it.reason);
        assert_eq!(reason, Some(&WithheldReason::Adopted));
    }
}

#[test]
fn an_object_that_moves_to_another_api_group_is_one_object() {
    let basket = |api_version: &str| {
        json!({"apiVersion": api_version, "kind": "Basket",
            "metadata": {"name": "a", "namespace": "shop"}, "spec": {"size": 1}})
    };
    let mut world = World::new();
    let before = world.had(basket("old.example/v1"));
    let now = world.want(basket("new.example/v1"));
    let mut live = Value::clone(&world.live[&before]);
    live["apiVersion"] = json!("new.example/v1");
    world.live.insert(now, Arc::new(live));
    let plan = world.plan();
    assert_eq!(plan.count(Action::Update), 1, "it is marked anew");
    assert_eq!(plan.prunes, []);
    assert_eq!(plan.withheld[0].reason, WithheldReason::Regrouped);
}

#[test]
fn the_cluster_is_asked_about_kinds_and_namespaces() {
    let mut world = World::new();
    world.want(settings("a", "1"));
    world.want(json!({"apiVersion": "example.com/v1", "kind": "Thing",
        "metadata": {"name": "a", "namespace": "shop"}}));
    // Nothing is known, so nothing is refused for it.
    assert_eq!(world.refused(), []);
    let gvk = |version: &str, kind: &str| GroupVersionKind::new(version, kind);
    world.cluster.kinds =
        Some(BTreeSet::from([gvk("v1", "ConfigMap"), gvk("example.com/v2", "Thing")]));
    assert_eq!(world.refused(), [RefusalKind::UnknownKind]);
    assert!(world.draft().refusals()[0].hint.contains("example.com/v2"));
    world.cluster.kinds.as_mut().unwrap().insert(gvk("example.com/v1", "Thing"));
    assert_eq!(world.refused(), []);
    world.cluster.namespaces = Some(BTreeMap::new());
    assert_eq!(world.refused(), [RefusalKind::Namespace; 2]);
    let shop = "shop".to_owned();
    world.cluster.namespaces = Some(BTreeMap::from([(shop.clone(), NamespaceState::Terminating)]));
    assert_eq!(world.refused(), [RefusalKind::Namespace; 2]);
    world.cluster.namespaces = Some(BTreeMap::from([(shop, NamespaceState::Active)]));
    assert_eq!(world.refused(), []);
}

#[test]
fn what_exists_may_be_made_in_a_later_wave() {
    let mut world = World::new();
    world.want(settings("a", "1"));
    world.want(in_wave(namespace("shop"), 3));
    assert_eq!(world.refused(), [RefusalKind::WaveOrder]);
    let draft = world.draft();
    let refusal = &draft.refusals()[0];
    assert_eq!(refusal.origin.to_string(), "a.yaml:1");
    assert!(refusal.why.contains("a.yaml:2"), "{refusal}");
    world.cluster.namespaces = Some(BTreeMap::from([("shop".to_owned(), NamespaceState::Active)]));
    assert_eq!(world.refused(), []);
}

#[test]
fn two_objects_of_one_identity_are_refused() {
    let mut world = World::new();
    world.want(settings("a", "1"));
    world.want(settings("a", "2"));
    assert_eq!(world.refused(), [RefusalKind::Duplicate]);
    assert_eq!(world.draft().refusals()[0].origin.line, 2);
    assert!(world.draft().check().is_err());
}

#[test]
fn refusals_do_not_quote_secrets() {
    let mut world = World::new();
    world.want(json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "db", "namespace": "shop"},
        "data": {"bad key!": "Y2FuYXJ5", "b": "canary that is not base64"}, "stringData": {"c": ["canary"]}}));
    let draft = world.draft();
    assert!(!draft.refusals().is_empty());
    let told = format!("{:?}", draft.refusals());
    assert!(!told.contains("canary") && !told.contains("Y2FuYXJ5"), "{told}");
}

#[test]
fn what_cannot_be_undone_is_said_before() {
    let mut world = World::new();
    let claim = |size: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "shop"},
            "spec": {"accessModes": ["ReadWriteOnce"], "volumeName": "pv",
                "resources": {"requests": {"storage": size}}}})
    };
    let id = world.had(claim("1Gi"));
    world.alter(&id, |live| live["status"] = json!({"phase": "Bound"}));
    world.want(claim("2Gi"));
    let id = world.had(settings("sealed", "1"));
    let mut sealed = settings("sealed", "1");
    sealed["immutable"] = json!(true);
    world.want(sealed);
    let job = json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "migrate", "namespace": "shop"},
        "spec": {"template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "a", "image": "registry.example/a:1"}]}}}});
    world.want(job);
    let plan = world.draft().plan().clone();
    let mut said: Vec<&str> = plan.irreversible.iter().map(|it| it.id.name.as_str()).collect();
    said.sort_unstable();
    assert_eq!(said, ["data", "migrate", "sealed"]);
    // The same quantity in other words is no growth.
    world.desired.clear();
    world.want(claim("1024Mi"));
    assert_eq!(world.plan().irreversible, []);
    assert_eq!(world.plan().prunes.iter().map(|it| &it.id).collect::<Vec<_>>(), [&id]);
}
