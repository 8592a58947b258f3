//! What the server's own answers make of a draft.

use std::convert::Infallible;

use super::*;
use crate::asked::Answer;

/// One object of a kind that nobody has a schema of, changed in Git, and one that is as it should be.
fn world() -> (World, ObjectId) {
    let mut world = World::new();
    let odd = |size: u32| {
        json!({"apiVersion": "odd.example/v1", "kind": "Odd",
            "metadata": {"name": "a", "namespace": "shop"}, "spec": {"size": size}})
    };
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "b", "namespace": "shop"}, "data": {"k": "v"}});
    let id = world.had(odd(1));
    world.want(odd(2));
    world.had(map.clone());
    world.want(map);
    (world, id)
}

fn settled(world: &World, answer: impl Fn(&crate::asked::Question<'_>) -> Option<Answer>) -> Draft {
    let schemas = Schemas::builtin();
    let inputs = world.inputs(&schemas);
    let mut draft = draft(&inputs);
    let asked = draft.settle(
        &inputs,
        |verdict| matches!(verdict, Verdict::AskServer(_)),
        |questions| {
            let names: Vec<&str> =
                questions.iter().map(|it| it.manifest.id.name.as_str()).collect();
            assert_eq!(names, ["a"], "the other is certain");
            Ok::<_, Infallible>(questions.iter().map(&answer).collect())
        },
    );
    assert_eq!(asked, Ok(()));
    draft
}

#[test]
fn an_answer_takes_the_place_of_what_was_open() {
    let (world, id) = world();
    let step = |draft: &Draft| {
        let found = draft.plan().steps().find(|(_, step)| step.manifest.id == id);
        found.unwrap().1.clone()
    };
    let unasked = settled(&world, |_| None);
    assert!(matches!(step(&unasked).diff.verdict, Verdict::AskServer(_)));
    assert_eq!(step(&unasked).action, Action::Update);

    let same = settled(&world, |question| Some(question.answer(question.comparison.live?)));
    assert_eq!(
        (step(&same).action, &step(&same).diff.verdict),
        (Action::Unchanged, &Verdict::InSync)
    );
    let recorded = step(&same).settled.unwrap();
    let schemas = Schemas::builtin();
    let manifest = &step(&same).manifest;
    let before = &world.previous.as_ref().unwrap().objects[0].body;
    let live = &world.live[&id];
    assert_eq!(recorded, settled_digest(&schemas, live, &manifest.body, Some(before)));
    assert!(same.plan().is_noop());

    let other = settled(&world, |question| {
        let mut object = question.comparison.live?.clone();
        object["spec"]["size"] = json!(3);
        Some(question.answer(&object))
    });
    let diff = step(&other).diff;
    assert_eq!((step(&other).action, &diff.verdict), (Action::Update, &Verdict::Differs));
    let paths: Vec<String> = diff.changes.iter().map(|it| it.path.to_string()).collect();
    assert_eq!(paths, [".spec.size"]);

    let refused = settled(&world, |_| Some(Answer::Refused("no such size".to_owned())));
    let why: Vec<String> = refused.refusals().iter().map(ToString::to_string).collect();
    assert_eq!(
        why,
        ["a.yaml:1: odd.odd.example/a in shop: the server would refuse this: no such size"]
    );
}
