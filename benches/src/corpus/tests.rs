//! The corpus is what it says it is: so many objects, as large as they are said to be, all of which
//! render without a problem or a warning.

use super::{Corpus, Layout, Shape};
use crate::live::{Live, application};
use crate::repository::Repository;
use engine::diff::{Comparison, Verdict, diff, settled_digest};
use merge::Schemas;

#[test]
fn equal_shapes_are_equal_bytes() {
    let one = Corpus::generate(&Shape::of(300));
    let two = Corpus::generate(&Shape::of(300));
    assert_eq!(one.files, two.files);
    let other = Corpus::generate(&Shape { seed: 2, ..Shape::of(300) });
    assert_ne!(one.files, other.files);
}

#[test]
fn objects_are_as_many_and_as_large_as_said() {
    for count in [1, 17, 1000] {
        assert_eq!(Corpus::generate(&Shape::of(count)).objects(), count);
    }
    let corpus = Corpus::generate(&Shape::of(1000));
    assert!(corpus.mean() >= 1500, "{}", corpus.describe());
    assert!(corpus.kinds.len() >= 17, "{}", corpus.describe());
}

#[test]
fn every_object_renders_in_either_layout() {
    for layout in [Layout::Nested, Layout::Flat] {
        let corpus = Corpus::generate(&Shape { layout, ..Shape::of(600) });
        let repository = Repository::of(&corpus).unwrap();
        let render = repository.render().unwrap();
        assert_eq!(render.objects.len(), 600);
        assert!(render.warnings.is_empty(), "{:?}", render.warnings.first());
    }
}

#[test]
fn every_object_applies_and_is_in_sync_with_what_it_becomes() {
    let repository = Repository::of(&Corpus::generate(&Shape::of(400))).unwrap();
    let render = repository.render().unwrap();
    let desired = application().unwrap();
    let desired: Vec<_> = render.objects.iter().map(|it| desired.marked(it)).collect();
    let live = Live::of(&desired, &Schemas::builtin()).unwrap();
    for manifest in &desired {
        let comparison = Comparison {
            live: live.objects.get(&manifest.id).map(AsRef::as_ref),
            ..Comparison::new(&manifest.body, &live.schemas, &live.redaction)
        };
        let found = diff(&comparison);
        assert_eq!(found.verdict, Verdict::InSync, "{}: {:?}", manifest.id, found.changes);
    }
}

#[test]
fn every_edit_by_hand_is_seen_by_hash_and_by_comparison() {
    let repository = Repository::of(&Corpus::generate(&Shape::of(400))).unwrap();
    let application = application().unwrap();
    let render = repository.render().unwrap();
    let desired: Vec<_> = render.objects.iter().map(|it| application.marked(it)).collect();
    let mut live = Live::of(&desired, &Schemas::builtin()).unwrap();
    assert_eq!(live.drift(1), 400);
    for manifest in &desired {
        let object = live.objects[&manifest.id].as_ref();
        let now = settled_digest(&live.schemas, object, &manifest.body, None);
        let then = live.inventory.entries[&manifest.id].settled.unwrap();
        assert_ne!(then.digest, now.digest, "{}: {object}", manifest.id);
        let comparison = Comparison {
            live: Some(object),
            ..Comparison::new(&manifest.body, &live.schemas, &live.redaction)
        };
        assert_eq!(diff(&comparison).verdict, Verdict::Differs, "{}", manifest.id);
    }
}
