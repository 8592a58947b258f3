//! Tables and laws of fields.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn set(fields: &Value) -> FieldSet {
    FieldSet::from_v1(fields).unwrap()
}

#[test]
fn a_recorded_set_is_written_as_it_was_read() {
    let fields = json!({
        "f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:finalizers": {".": {}, "v:\"a\"": {}}},
        "f:spec": {
            "f:replicas": {},
            "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}},
            "f:list": {"i:0": {}}
        }
    });
    assert_eq!(set(&fields).to_v1(), fields);
}

#[test]
fn paths_come_members_first() {
    let set = set(&json!({"f:b": {}, "f:a": {".": {}, "f:z": {}}}));
    let texts: Vec<String> = set.paths().iter().map(ToString::to_string).collect();
    assert_eq!(texts, [".a", ".b", ".a.z"]);
    let leaves: Vec<String> = set.leaves().iter().map(ToString::to_string).collect();
    assert_eq!(leaves, [".b", ".a.z"]);
}

#[test]
fn a_recursive_difference_takes_all_below() {
    let one = set(&json!({"f:status": {"f:a": {}}, "f:spec": {"f:b": {}}}));
    let two = FieldSet::of([Path::fields(["status"])]);
    assert_eq!(one.recursive_difference(&two).to_v1(), json!({"f:spec": {"f:b": {}}}));
    assert_eq!(one.difference(&two), one);
}

#[test]
fn what_is_no_set_is_refused_with_its_words() {
    for (fields, words) in [
        (json!([]), "where a map"),
        (json!({"f:a": 1}), "where a map"),
        (json!({"x:a": {}}), "`x:a`"),
        (json!({"k:[": {}}), "cannot be read"),
        (json!({"i:-1": {}}), "cannot be read"),
    ] {
        let error = FieldSet::from_v1(&fields).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn touching_is_being_or_leading_to_a_field() {
    let set = set(&json!({"f:spec": {"f:a": {}}}));
    assert!(set.touches(&Path::fields(["spec"])));
    assert!(!set.contains(&Path::fields(["spec"])));
    assert!(set.contains(&Path::fields(["spec", "a"])));
    assert!(!set.touches(&Path::fields(["spec", "b"])));
}

fn segments() -> impl Strategy<Value = Segment> {
    prop_oneof![
        "[a-c]".prop_map(Segment::Field),
        (0_i64..3).prop_map(|port| Segment::Key([("port".to_owned(), json!(port))].into())),
        "[x-z]".prop_map(|text| Segment::Value(json!(text))),
        (0_usize..3).prop_map(Segment::Index),
    ]
}

prop_compose! {
    fn sets()(paths in prop::collection::vec(prop::collection::vec(segments(), 1..4), 0..12)) -> FieldSet {
        FieldSet::of(paths.into_iter().map(Path))
    }
}

proptest! {
    #[test]
    fn the_text_keeps_the_set(one in sets()) {
        prop_assert_eq!(FieldSet::from_v1(&one.to_v1()).unwrap(), one);
    }

    #[test]
    fn unions_and_differences_obey_their_laws(one in sets(), two in sets(), three in sets()) {
        prop_assert_eq!(one.union(&two), two.union(&one));
        prop_assert_eq!(one.union(&two).union(&three), one.union(&two.union(&three)));
        prop_assert_eq!(one.intersection(&two), two.intersection(&one));
        prop_assert_eq!(one.difference(&two).union(&one.intersection(&two)), one.clone());
        prop_assert!(one.difference(&two).intersection(&two).is_empty());
        prop_assert_eq!(one.union(&two).len(), one.len() + two.difference(&one).len());
        prop_assert_eq!(one.difference(&one), FieldSet::new());
    }

    #[test]
    fn membership_agrees_with_the_paths(one in sets(), two in sets()) {
        let both = one.union(&two);
        for path in both.paths() {
            prop_assert!(one.contains(&path) || two.contains(&path));
        }
        prop_assert_eq!(both.paths().len(), both.len());
        for path in one.recursive_difference(&two).paths() {
            prop_assert!(one.contains(&path));
            for end in 1..=path.segments().len() {
                prop_assert!(!two.contains(&Path(path.segments()[..end].to_vec())));
            }
        }
    }
}
