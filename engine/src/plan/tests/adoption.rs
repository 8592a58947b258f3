//! Objects that are not ours, fields that others hold, and replicas that an autoscaler decides.

use super::*;

/// As if somebody else had applied this.
fn theirs(world: &mut World, body: &Value, manager: &str) -> ObjectId {
    let mut live = written(None, body, manager);
    live["metadata"]["uid"] = json!("uid-theirs");
    live["metadata"]["resourceVersion"] = json!("7");
    let id = ObjectId::of(&live).unwrap();
    world.live.insert(id.clone(), Arc::new(live));
    id
}

fn written(live: Option<&Value>, body: &Value, manager: &str) -> Value {
    let time = "2026-03-01T09:00:00Z";
    let request = Apply { live, body, manager, force: true, subresource: None, time };
    apply(&Schemas::builtin(), &request, &defaults::fill).unwrap()
}

fn only(plan: &Plan) -> &Step {
    plan.steps().next().unwrap().1
}

fn web(replicas: Option<u32>) -> Value {
    let mut web = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]}}}});
    if let Some(replicas) = replicas {
        web["spec"]["replicas"] = json!(replicas);
    }
    web
}

fn scaler() -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"maxReplicas": 9, "scaleTargetRef": {
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}})
}

#[test]
fn a_refused_adoption_says_whose_it_is_what_would_come_of_it_and_what_to_do() {
    let mut world = World::new();
    let mut old = settings("a", "0");
    old["data"]["old"] = json!("1");
    theirs(&mut world, &old, "kubectl");
    world.want(settings("a", "1"));
    let draft = world.draft();
    let [refusal] = draft.refusals() else { panic!("{:?}", draft.refusals()) };
    assert_eq!(refusal.kind, RefusalKind::Adoption);
    for words in ["managed by kubectl (Apply)", "would change .data.a", "would remove .data.old"] {
        assert!(refusal.why.contains(words), "{}", refusal.why);
    }
    assert!(refusal.hint.contains("--adopt"), "{}", refusal.hint);
}

#[test]
fn an_adoption_migrates_whatever_its_policy_is_asked_to_do() {
    for (policy, action, migrates) in
        [(Adoption::Adopt, Action::Adopt, true), (Adoption::Observe, Action::Observe, false)]
    {
        let mut world = World::new();
        theirs(&mut world, &settings("a", "0"), "argocd-controller");
        world.want(settings("a", "1"));
        world.policy.adoption = policy;
        let plan = world.plan();
        assert_eq!(only(&plan).action, action);
        assert_eq!(plan.is_noop(), !migrates);
        assert_eq!(!plan.irreversible.is_empty(), migrates, "no rollback gives it back");
        let migrated = only(&plan).diff.handover.iter().flat_map(|it| &it.migrated);
        let managers: Vec<&str> = migrated.map(|holder| holder.manager.as_str()).collect();
        assert_eq!(managers, if migrates { vec!["argocd-controller"] } else { vec![] });
    }
}

#[test]
fn an_adoption_that_was_announced_and_died_is_still_one() {
    let mut world = World::new();
    let id = theirs(&mut world, &settings("a", "0"), "kubectl");
    let wanted = world.want(settings("a", "1"));
    assert_eq!(id, wanted);
    world.policy.adoption = Adoption::Adopt;
    let entry = Entry {
        uid: Some("uid-theirs".to_owned()),
        api_version: "v1".to_owned(),
        desired: world.desired[0].digest,
        settled: None,
        tentative: false,
        adopted: true,
    };
    world.inventory.entries.insert(id, entry);
    assert_eq!(only(&world.plan()).action, Action::Adopt);
}

#[test]
fn what_another_applied_is_refused_by_field_and_manager() {
    for adopted in [false, true] {
        let mut world = World::new();
        let id = if adopted {
            theirs(&mut world, &settings("a", "0"), "other-tool")
        } else {
            let id = world.had(settings("a", "1"));
            let live = written(Some(&world.live[&id]), &settings("a", "0"), "other-tool");
            world.live.insert(id.clone(), Arc::new(live));
            id
        };
        world.want(settings("a", "1"));
        world.policy.adoption = Adoption::Adopt;
        let draft = world.draft();
        let [refusal] = draft.refusals() else { panic!("{id}: {:?}", draft.refusals()) };
        assert_eq!(refusal.kind, RefusalKind::Conflict);
        assert!(refusal.why.starts_with(".data.a was applied by other-tool"), "{}", refusal.why);
        assert!(refusal.hint.contains("have other-tool let go of it"), "{}", refusal.hint);
    }
}

#[test]
fn replicas_are_an_autoscalers_wherever_it_comes_from() {
    for (told, wanted, live, sent) in [
        ("there is none", None, None, Some(1)),
        ("it comes in a later wave", Some(in_wave(scaler(), 5)), None, None),
        ("only the cluster has it", None, Some(scaler()), None),
    ] {
        let mut world = World::new();
        let id = world.had(web(Some(1)));
        world.alter(&id, |it| {
            let before = it.clone();
            it["spec"]["replicas"] = json!(4);
            let time = "2026-03-02T09:00:00Z";
            let (schemas, manager) = (Schemas::builtin(), "kube-controller-manager");
            merge::managed::update(&schemas, Some(&before), it, manager, None, time);
        });
        world.want(web(Some(1)));
        if let Some(wanted) = wanted {
            world.want(wanted);
        }
        if let Some(live) = live {
            theirs(&mut world, &live, "kubectl");
        }
        let plan = world.plan();
        let (_, step) = plan.steps().find(|(_, step)| step.manifest.id == id).unwrap();
        let replicas = step.outgoing["spec"].get("replicas").cloned();
        assert_eq!(replicas, sent.map(|count: u32| json!(count)), "{told}");
        assert_eq!(step.action == Action::Update, sent.is_some(), "{told}");
    }
}

#[test]
fn what_a_render_had_while_it_was_only_observed_was_never_ours_to_remove() {
    let mut world = World::new();
    let mut observed = settings("a", "1");
    observed["data"]["old"] = json!("1");
    let id = world.had(observed.clone());
    world.inventory.entries.clear();
    let time = "2026-03-01T09:00:00Z";
    let mut theirs = observed;
    theirs["metadata"]["uid"] = json!("uid-theirs");
    theirs["metadata"]["resourceVersion"] = json!("7");
    let unmanaged = theirs.clone();
    merge::managed::update(&Schemas::builtin(), None, &mut theirs, "a-controller", None, time);
    world.want(settings("a", "1"));
    world.policy.adoption = Adoption::Adopt;
    for (live, told) in [(theirs, "a controller's"), (unmanaged, "nobody knows whose")] {
        world.live.insert(id.clone(), Arc::new(live));
        let plan = world.plan();
        let step = only(&plan);
        assert_eq!(step.action, Action::Adopt, "{told}");
        assert_eq!(step.diff.handover, None, "{told}");
        assert_eq!(step.diff.removed().count(), 0, "{told}: {:?}", step.diff.changes);
    }
}
