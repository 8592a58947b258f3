//! Laws of drift: the index against the plan, in every order.

use std::cell::RefCell;

use merge::apply::{Apply, apply};
use merge::{Manifest, Origin, defaults};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::application::MANAGER;
use crate::diff::settled_digest;
use crate::plan::{Action, Approvals, Cluster, Inputs, draft};
use crate::policy::{Adoption, Policy};
use crate::record::Bundle;
use crate::redact::Salt;

static REDACTION: Redaction = Redaction::new(Salt::new([7; 16]));

fn shop() -> ApplicationName {
    "default/shop".parse().unwrap()
}

fn manifest(number: u8, value: &str) -> Manifest {
    let name = format!("o{number}");
    let body = if number.is_multiple_of(2) {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "shop"}, "data": {"a": value, "b": "2"}})
    } else {
        json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "namespace": "shop", "labels": {"a": value}},
            "spec": {"ports": [{"port": 80}, {"port": 81, "name": "b"}]}})
    };
    let origin = Origin { file: "a.yaml".to_owned(), line: u32::from(number) };
    shop().marked(&Manifest::new(body, origin).unwrap())
}

/// The object as the server has it after an apply.
fn applied(manifest: &Manifest, version: u32) -> Value {
    let request = Apply {
        live: None,
        body: &manifest.body,
        manager: MANAGER,
        force: true,
        subresource: None,
        time: "2026-03-01T09:00:00Z",
    };
    let mut live = apply(&Schemas::builtin(), &request, &defaults::fill).unwrap();
    live["metadata"]["uid"] = json!(format!("uid-{}", manifest.id.name));
    live["metadata"]["resourceVersion"] = json!(version.to_string());
    live
}

/// What there is to know of one object.
#[derive(Debug, Clone)]
struct Object {
    desired: Option<Manifest>,
    previous: Option<Manifest>,
    live: Option<Arc<Value>>,
    entry: Option<Entry>,
    id: ObjectId,
}

fn object(number: u8) -> impl Strategy<Value = Object> {
    let value = || prop_oneof![Just("one"), Just("two")];
    let wanted = proptest::option::weighted(0.8, value());
    let was = proptest::option::weighted(0.8, value());
    let facts = (wanted, was, 0_u8..7, any::<bool>(), any::<bool>());
    facts.prop_map(move |(wanted, was, fate, vouched, adopted)| {
        let previous = was.map(|value| manifest(number, value));
        let base = previous.clone().unwrap_or_else(|| manifest(number, "two"));
        let settled = settled_digest(&Schemas::builtin(), &applied(&base, 5), &base.body, None);
        let mut live = Some(applied(&base, 5));
        match (fate, live.as_mut()) {
            (0, _) => live = None,
            (1, Some(live)) => live["metadata"]["labels"] = json!({"a": "by hand"}),
            (2, Some(live)) => live["metadata"]["annotations"] = json!({}),
            (3, Some(live)) => live["metadata"]["finalizers"] = json!(["example.com/a"]),
            (4, Some(live)) => live["data"] = json!({"a": "by hand"}),
            _ => {}
        }
        let entry = previous.as_ref().map(|it| Entry {
            api_version: "v1".to_owned(),
            uid: Some(format!("uid-o{number}")),
            desired: it.digest,
            settled: vouched.then_some(settled),
            tentative: false,
            adopted,
        });
        Object {
            desired: wanted.map(|value| manifest(number, value)),
            previous,
            live: live.map(Arc::new),
            entry,
            id: base.id,
        }
    })
}

fn objects() -> impl Strategy<Value = Vec<Object>> {
    (object(0), object(1), object(2), object(3)).prop_map(|(a, b, c, d)| vec![a, b, c, d])
}

struct World<'a> {
    objects: &'a [Object],
    asked: RefCell<Vec<ObjectId>>,
    schemas: Schemas,
    application: ApplicationName,
    server: Server,
    autoscaled: BTreeSet<ObjectId>,
}

impl Bodies for World<'_> {
    fn desired(&self, id: &ObjectId) -> Option<Arc<Value>> {
        self.asked.borrow_mut().push(id.clone());
        let found = self.objects.iter().find(|it| it.id == *id)?;
        found.desired.as_ref().map(|it| Arc::clone(&it.body))
    }

    fn previous(&self, id: &ObjectId) -> Option<Arc<Value>> {
        let found = self.objects.iter().find(|it| it.id == *id)?;
        found.previous.as_ref().map(|it| Arc::clone(&it.body))
    }
}

impl<'a> World<'a> {
    fn new(objects: &'a [Object]) -> Self {
        Self {
            objects,
            asked: RefCell::default(),
            schemas: Schemas::builtin(),
            application: shop(),
            server: Server::default(),
            autoscaled: BTreeSet::new(),
        }
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            application: &self.application,
            schemas: &self.schemas,
            ignore: &crate::ignore::NONE,
            redaction: &REDACTION,
            autoscaled: &self.autoscaled,
            server: &self.server,
            bodies: self,
        }
    }

    /// Everything that can be fed, each a piece of its own.
    fn feed(&self, index: &mut Index, piece: usize) -> Option<Turned> {
        let object = &self.objects[piece / 3];
        let scene = self.scene();
        match piece % 3 {
            0 => index.desire(&scene, &object.id, object.desired.as_ref()?.digest),
            1 => index.record(&scene, &object.id, object.entry.as_ref()?),
            _ => index.observe(&scene, object.live.as_ref()?),
        }
    }

    /// What a plan of the whole says.
    fn batch(&self) -> BTreeMap<ObjectId, Standing> {
        let desired: Vec<Manifest> =
            self.objects.iter().filter_map(|it| it.desired.clone()).collect();
        let live: BTreeMap<ObjectId, Arc<Value>> = self
            .objects
            .iter()
            .filter_map(|it| Some((it.id.clone(), Arc::clone(it.live.as_ref()?))))
            .collect();
        let inventory = Inventory {
            entries: self
                .objects
                .iter()
                .filter_map(|it| Some((it.id.clone(), it.entry.clone()?)))
                .collect(),
        };
        let bundle = Bundle {
            digest: Digest::of_bytes(b"before"),
            revision: None,
            objects: self.objects.iter().filter_map(|it| it.previous.clone()).collect(),
        };
        let policy = Policy { adoption: Adoption::Adopt, ..Policy::default() };
        let drafted = draft(&Inputs {
            desired: &desired,
            live: &live,
            cluster: &Cluster::default(),
            inventory: &inventory,
            previous: Some(&bundle),
            schemas: &self.schemas,
            policy: &policy,
            application: &self.application,
            approvals: &Approvals::default(),
            revoked: &BTreeSet::new(),
            redaction: &REDACTION,
            read_at: None,
        });
        let mut all: BTreeMap<ObjectId, Standing> = drafted
            .plan()
            .steps()
            .map(|(_, step)| {
                let standing = match step.action {
                    Action::Create => Standing::Missing,
                    Action::Unchanged => Standing::InSync,
                    _ => Standing::Differs,
                };
                (step.manifest.id.clone(), standing)
            })
            .collect();
        for (id, _) in inventory.entries {
            if live.contains_key(&id) {
                all.entry(id).or_insert(Standing::Extra);
            }
        }
        all
    }
}

fn standings(index: &Index, objects: &[Object]) -> BTreeMap<ObjectId, Standing> {
    let all = objects.iter().map(|it| (it.id.clone(), index.standing(&it.id)));
    all.filter(|(_, standing)| *standing != Standing::Nothing).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_index_says_what_a_plan_says_in_whatever_order_it_is_fed(
        objects in objects(),
        order in Just((0..12).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        let world = World::new(&objects);
        let mut index = Index::new();
        for piece in &order {
            world.feed(&mut index, *piece);
        }
        prop_assert_eq!(standings(&index, &objects), world.batch());
        for piece in &order {
            prop_assert_eq!(world.feed(&mut index, *piece), None, "a second time");
        }
        let differing: BTreeSet<ObjectId> = index.differing().into_keys().collect();
        prop_assert_eq!(differing, index.all(Standing::Differs), "with their bodies");
    }

    #[test]
    fn what_git_changes_is_as_if_it_had_always_been_so(before in objects(), after in objects()) {
        // The cluster stays as it is; what Git wants becomes another.
        let after: Vec<Object> = before
            .iter()
            .zip(after)
            .map(|(before, after)| Object { desired: after.desired, ..before.clone() })
            .collect();
        let world = World::new(&before);
        let mut index = Index::new();
        for piece in 0..12 {
            world.feed(&mut index, piece);
        }
        let world = World::new(&after);
        let wanted = after.iter().filter_map(|it| Some((&it.id, it.desired.as_ref()?.digest)));
        index.reset(&world.scene(), wanted);
        for id in index.all(Standing::Unread) {
            let object = after.iter().find(|it| it.id == id).unwrap();
            index.observe(&world.scene(), object.live.as_ref().unwrap());
        }
        prop_assert_eq!(standings(&index, &after), world.batch());
    }
}

fn thousand() -> Vec<Object> {
    let one = |number: u32| {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("c{number}"), "namespace": "shop"},
            "data": {"image": "example/a:1"}});
        let origin = Origin { file: "a.yaml".to_owned(), line: number };
        let manifest = shop().marked(&Manifest::new(body, origin).unwrap());
        let mut live = applied(&manifest, number);
        // A webhook makes something else of it, which only the recorded digest can vouch for.
        live["data"]["image"] = json!("mirror.example/a:1");
        let settled = settled_digest(&Schemas::builtin(), &live, &manifest.body, None);
        let entry = Entry {
            api_version: "v1".to_owned(),
            uid: uid(&live).map(str::to_owned),
            desired: manifest.digest,
            settled: Some(settled),
            tentative: false,
            adopted: false,
        };
        Object {
            id: manifest.id.clone(),
            previous: Some(manifest.clone()),
            desired: Some(manifest),
            live: Some(Arc::new(live)),
            entry: Some(entry),
        }
    };
    (1..=1000).map(one).collect()
}

#[test]
fn after_a_restart_the_two_hashes_and_a_list_say_that_nothing_happened() {
    let objects = thousand();
    let world = World::new(&objects);
    let mut index = Index::new();
    let inventory = Inventory {
        entries: objects.iter().map(|it| (it.id.clone(), it.entry.clone().unwrap())).collect(),
    };
    index.recall(&world.scene(), &inventory);
    let wanted = objects.iter().map(|it| (&it.id, it.desired.as_ref().unwrap().digest));
    index.reset(&world.scene(), wanted);
    assert_eq!(index.count(Standing::Missing), 1000);
    let listed = objects.iter().filter_map(|it| it.live.as_ref());
    let turned = index.relist(&world.scene(), |_| true, listed.clone());
    assert_eq!(turned.len(), 1000);
    assert_eq!(index.count(Standing::InSync), 1000);
    assert!(index.differing().is_empty(), "no body is kept");

    // The same list again asks for nothing.
    world.asked.borrow_mut().clear();
    assert!(index.relist(&world.scene(), |_| true, listed).is_empty());
    assert!(world.asked.borrow().is_empty());

    // An event costs the one object it is about.
    let one = &objects[7];
    let mut live = Value::clone(one.live.as_ref().unwrap());
    live["metadata"]["resourceVersion"] = json!("2000");
    live["data"]["image"] = json!("example/b:1");
    let turned = index.observe(&world.scene(), &Arc::new(live.clone())).unwrap();
    assert_eq!((turned.before, turned.after), (Standing::InSync, Standing::Differs));
    assert_eq!(*world.asked.borrow(), std::slice::from_ref(&one.id));
    assert!(index.differing().into_keys().eq([one.id.clone()]));

    // An older event about it is late.
    assert_eq!(index.observe(&world.scene(), one.live.as_ref().unwrap()), None);

    // It comes back.
    live["metadata"]["resourceVersion"] = json!("2001");
    live["data"]["image"] = json!("mirror.example/a:1");
    let turned = index.observe(&world.scene(), &Arc::new(live)).unwrap();
    assert_eq!(turned.after, Standing::InSync);
    let turned = index.forget(&world.scene(), &one.id).unwrap();
    assert_eq!(turned.after, Standing::Missing);
    let turned = index.dismiss(&world.scene(), &objects[9].id).unwrap();
    assert_eq!(turned.after, Standing::Extra);
}

#[test]
fn what_is_doubted_is_unread_until_it_is_fed_again() {
    let objects = thousand();
    let objects = &objects[..3];
    let world = World::new(objects);
    let mut index = Index::new();
    for piece in 0..9 {
        world.feed(&mut index, piece);
    }
    assert_eq!(index.count(Standing::InSync), 3);
    assert_eq!(index.doubt(&world.scene(), |id| id.name != "c1").len(), 2);
    assert_eq!(index.count(Standing::Unread), 2);
    for piece in 0..9 {
        world.feed(&mut index, piece);
    }
    assert_eq!(index.count(Standing::InSync), 3);
}

#[test]
fn an_object_in_sync_is_kept_in_few_bytes() {
    let texts = 2 * "00000000-0000-4000-8000-000000000000".len() + 40;
    let kept = size_of::<Key>() + size_of::<Slot>() + texts;
    // A node of a B-tree is at least half full.
    assert!(2 * kept <= 1024, "{kept} bytes");
}
