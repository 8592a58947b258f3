//! What events make of a [`Live`], seen from its reader's side.

use engine::health::Status;
use engine::record::Inventory;
use merge::Origin;
use serde_json::json;

use super::*;

fn manifest(body: Value) -> Manifest {
    Manifest::new(body, Origin { file: "a.yaml".into(), line: 1 }).unwrap()
}

fn deployment() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
           "metadata": {"name": "web", "namespace": "shop", "uid": "d"}})
}

fn owned(api_version: &str, kind: &str, uid: &str, owner: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind,
           "metadata": {"name": uid, "namespace": "shop", "uid": uid,
                        "ownerReferences": [{"uid": owner, "controller": true}]}})
}

fn gone(id: &ObjectId) -> Affected {
    Affected::Gone { id: id.clone(), uid: "d".into() }
}

fn shop() -> (Live, ObjectId) {
    let web = manifest(deployment());
    let mut live = Live::wanting(std::slice::from_ref(&web), &Inventory::default());
    assert_eq!(live.upsert(deployment()), [Affected::Root(web.id.clone())]);
    (live, web.id)
}

#[test]
fn a_pods_event_concerns_its_deployment() {
    let (mut live, web) = shop();
    live.upsert(owned("apps/v1", "ReplicaSet", "rs", "d"));
    assert_eq!(live.upsert(owned("v1", "Pod", "p", "rs")), [Affected::Root(web.clone())]);
    assert_eq!(live.remove(&owned("v1", "Pod", "p", "rs")), [Affected::Root(web)]);
}

#[test]
fn a_strangers_event_concerns_nobody() {
    let (mut live, _) = shop();
    assert!(live.upsert(owned("v1", "Pod", "p", "another")).is_empty());
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
                     "metadata": {"name": "x", "namespace": "shop", "uid": "x"}});
    assert!(live.upsert(map).is_empty());
    assert_eq!(live.objects.len(), 1);
}

#[test]
fn the_end_of_an_older_object_of_the_same_name_is_not_the_end_of_this_one() {
    let (mut live, web) = shop();
    let mut older = deployment();
    older["metadata"]["uid"] = json!("older");
    assert!(live.remove(&older).is_empty());
    assert_eq!(live.remove(&deployment()), [gone(&web)]);
    assert!(!live.objects.contains_key(&web));
}

#[test]
fn what_a_new_list_does_not_have_is_gone() {
    let (mut live, web) = shop();
    live.upsert(owned("apps/v1", "ReplicaSet", "rs", "d"));
    live.upsert(owned("v1", "Pod", "p", "rs"));
    let listing = |api_version: &str, kind: &str| Listing {
        resource: Resource {
            gvk: GroupVersionKind::new(api_version, kind),
            plural: "x".into(),
            namespaced: true,
            verbs: Vec::new(),
        },
        namespace: Some("shop".into()),
        version: "1".into(),
    };
    assert_eq!(live.relisted(&listing("v1", "Pod"), Vec::new()), [Affected::Root(web.clone())]);
    assert_eq!(live.relisted(&listing("apps/v1", "Deployment"), Vec::new()), [gone(&web)]);
}

#[test]
fn pods_are_read_where_the_workloads_are() {
    let job = manifest(json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "seed", "namespace": "db"}}));
    let web = manifest(deployment());
    let kinds = kinds::in_use(&[job, web], &Inventory::default(), &Discovery::default());
    let read = kinds::relatives(&kinds, Depth::Health);
    let of = |api_version: &str, kind: &str| {
        let namespaces = read.get(&GroupVersionKind::new(api_version, kind));
        namespaces.map(|it| it.iter().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    assert_eq!(of("v1", "Pod"), ["db", "shop"]);
    assert_eq!(of("apps/v1", "ReplicaSet"), ["shop"]);
    assert!(of("apps/v1", "ControllerRevision").is_empty());
}

#[test]
fn a_claim_stands_still_until_a_pod_uses_it() {
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": "shop", "uid": "c"},
        "status": {"phase": "Pending"}});
    let wanted = manifest(claim.clone());
    let id = wanted.id.clone();
    let kinds =
        kinds::in_use(std::slice::from_ref(&wanted), &Inventory::default(), &Discovery::default());
    assert!(
        kinds::relatives(&kinds, Depth::Health).contains_key(&GroupVersionKind::new("v1", "Pod"))
    );

    let mut live = Live::wanting(&[wanted], &Inventory::default());
    live.upsert(claim);
    assert_eq!(live.health(&id).status, Status::Suspended);
    let mut pod = owned("v1", "Pod", "p", "another");
    pod["spec"] =
        json!({"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]});
    assert_eq!(live.upsert(pod.clone()), [Affected::Root(id.clone())]);
    assert_eq!(live.health(&id).status, Status::Progressing);
    assert_eq!(live.remove(&pod), [Affected::Root(id.clone())]);
    assert_eq!(live.health(&id).status, Status::Suspended);
}

#[test]
fn an_application_without_workloads_reads_no_pods() {
    let map = manifest(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "shop"}}));
    assert!(
        kinds::relatives(
            &kinds::in_use(&[map], &Inventory::default(), &Discovery::default()),
            Depth::Health
        )
        .is_empty()
    );
}

#[test]
fn what_was_recorded_in_a_version_that_is_gone_is_read_in_the_one_there_is() {
    let claim =
        manifest(json!({"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"}}));
    let mut inventory = Inventory::default();
    inventory.entries.insert(
        claim.id,
        engine::record::Entry {
            api_version: "autoscaling/v2beta2".into(),
            uid: Some("h".into()),
            desired: claim.digest,
            settled: None,
            tentative: false,
            adopted: false,
        },
    );
    let served = Discovery::of_kinds(&[("autoscaling/v2", "HorizontalPodAutoscaler")]);
    let kinds = kinds::in_use(&[], &inventory, &served);
    let v2 = GroupVersionKind::new("autoscaling/v2", "HorizontalPodAutoscaler");
    assert!(kinds.keys().eq([&v2]), "or it would be taken to be gone, and be forgotten: {kinds:?}");
}

#[test]
fn a_kind_is_read_where_it_was_listed() {
    let listed = |namespace: Option<&str>| Live {
        listings: vec![Listing {
            resource: basket(),
            namespace: namespace.map(str::to_owned),
            version: "1".into(),
        }],
        ..Live::default()
    };
    assert!(listed(None).has_read(&basket(), Some("shop")));
    assert!(listed(Some("shop")).has_read(&basket(), Some("shop")));
    assert!(!listed(Some("blog")).has_read(&basket(), Some("shop")));
}

#[test]
fn a_comparison_reads_no_pods() {
    let kinds =
        kinds::in_use(&[manifest(deployment())], &Inventory::default(), &Discovery::default());
    let read = kinds::relatives(&kinds, Depth::Comparison);
    let autoscalers = GroupVersionKind::new("autoscaling/v2", "HorizontalPodAutoscaler");
    assert!(read.keys().eq([&autoscalers]), "{read:?}");
}

#[test]
fn two_versions_of_one_kind_are_each_read_in_their_own() {
    let basket = |version: &str, name: &str| {
        json!({"apiVersion": format!("shop.example/{version}"), "kind": "Basket",
               "metadata": {"name": name, "namespace": "shop", "uid": name}})
    };
    let desired = [manifest(basket("v1", "a")), manifest(basket("v2", "b"))];
    let read = kinds::in_use(&desired, &Inventory::default(), &Discovery::default());
    assert_eq!(read.len(), 2);
    let mut live = Live::wanting(&desired, &Inventory::default());
    // Each list has both objects, in its own version.
    for (version, name) in [("v1", "a"), ("v1", "b"), ("v2", "a"), ("v2", "b")] {
        live.upsert(basket(version, name));
    }
    for wanted in &desired {
        let kept = GroupVersionKind::of(&live.objects[&wanted.id]).unwrap();
        assert_eq!(kept, wanted.gvk);
    }
}

fn basket() -> Resource {
    Resource {
        gvk: GroupVersionKind::new("shop.example/v1", "Basket"),
        plural: "baskets".into(),
        namespaced: true,
        verbs: Vec::new(),
    }
}
