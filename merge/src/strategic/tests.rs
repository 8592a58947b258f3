//! Tables and laws of strategic.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{PatchError, patch};
use crate::schema::Schemas;
use crate::{defaults, recorded};

fn deployment(pod: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": pod}}})
}

#[track_caller]
fn pods(before: Value, change: Value, after: Value) {
    let change = json!({"spec": {"template": {"spec": change}}});
    let patched = patch(&Schemas::builtin(), &deployment(before), &change).unwrap();
    assert_eq!(patched["spec"]["template"]["spec"], after, "{change}");
}

#[test]
fn keyed_lists_are_merged_by_key() {
    pods(
        json!({"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]}),
        json!({"containers": [{"name": "b", "image": "b:2"}]}),
        json!({"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:2"}]}),
    );
}

#[test]
fn what_is_new_stands_before_what_the_patch_does_not_name() {
    pods(
        json!({"containers": [{"name": "a"}, {"name": "b"}]}),
        json!({"containers": [{"name": "c"}, {"name": "b", "image": "b:2"}]}),
        json!({"containers": [{"name": "c"}, {"name": "a"}, {"name": "b", "image": "b:2"}]}),
    );
}

#[test]
fn an_entry_can_be_deleted_and_a_list_replaced() {
    let before = json!({"containers": [{"name": "a"}, {"name": "b"}]});
    pods(
        before.clone(),
        json!({"containers": [{"name": "a", "$patch": "delete"}]}),
        json!({"containers": [{"name": "b"}]}),
    );
    pods(
        before.clone(),
        json!({"containers": [{"$patch": "replace"}, {"name": "c", "image": null}]}),
        json!({"containers": [{"name": "c"}]}),
    );
    pods(before, json!({"$patch": "replace", "hostname": "x"}), json!({"hostname": "x"}));
}

#[test]
fn a_map_can_be_emptied() {
    pods(
        json!({"nodeSelector": {"a": "1"}, "hostname": "x"}),
        json!({"nodeSelector": {"$patch": "delete"}, "hostname": null}),
        json!({"nodeSelector": {}}),
    );
}

#[test]
fn lists_without_a_strategy_are_replaced() {
    pods(
        json!({"containers": [{"name": "a", "args": ["1", "2"]}], "tolerations": [{"key": "a"}]}),
        json!({"containers": [{"name": "a", "args": ["3"]}], "tolerations": [{"key": "b"}]}),
        json!({"containers": [{"name": "a", "args": ["3"]}], "tolerations": [{"key": "b"}]}),
    );
}

#[test]
fn the_order_of_entries_can_be_stated() {
    pods(
        json!({"containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}),
        json!({"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
            "containers": [{"name": "a", "image": "a:2"}]}),
        json!({"containers": [{"name": "b"}, {"name": "c"}, {"name": "a", "image": "a:2"}]}),
    );
}

#[test]
fn retained_keys_are_all_that_stays() {
    pods(
        json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
        json!({"volumes": [{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "c"}}]}),
        json!({"volumes": [{"name": "v", "configMap": {"name": "c"}}]}),
    );
}

#[test]
fn sets_of_scalars_grow_and_shrink() {
    let before = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "c", "finalizers": ["a/x", "a/y"]}});
    let grown = json!({"metadata": {"finalizers": ["a/z", "a/x"]}});
    let grown = patch(&Schemas::builtin(), &before, &grown).unwrap();
    assert_eq!(grown["metadata"]["finalizers"], json!(["a/z", "a/x", "a/y"]));
    let shrunk = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/x"]}});
    let shrunk = patch(&Schemas::builtin(), &before, &shrunk).unwrap();
    assert_eq!(shrunk["metadata"]["finalizers"], json!(["a/y"]));
}

#[test]
fn a_patch_that_means_nothing_is_refused() {
    let refused = |change: Value| {
        let live = deployment(json!({"containers": [{"name": "a"}]}));
        let change = json!({"spec": {"template": {"spec": change}}});
        patch(&Schemas::builtin(), &live, &change).unwrap_err()
    };
    assert!(matches!(
        refused(json!({"$patch": "sideways"})),
        PatchError::UnknownDirective { directive, .. } if directive == "sideways"
    ));
    assert!(matches!(refused(json!({"$retainKeys": "a"})), PatchError::BadDirective { .. }));
    assert!(matches!(
        refused(json!({"$setElementOrder/containers": [], "containers": [{"name": "a"}]})),
        PatchError::BadDirective { .. }
    ));
    assert_eq!(patch(&Schemas::builtin(), &json!([]), &json!({})), Err(PatchError::NotAMap));
}

#[test]
fn recorded_patches_give_what_the_server_gave() {
    let schemas = Schemas::builtin();
    let (mut good, mut refused) = (0, 0);
    for (name, case) in
        ["apply", "errors", "lifecycle", "lists", "watch"].into_iter().flat_map(recorded::cases)
    {
        let mut stored: BTreeMap<String, Value> = BTreeMap::new();
        for (index, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            let (request, answer) = (&step["request"], &step["response"]["body"]);
            let path = request["path"].as_str().unwrap_or_default().trim_end_matches("/status");
            let code = step["response"]["code"].as_i64().unwrap();
            let live = stored.get(path);
            if request["contentType"] == "application/strategic-merge-patch+json"
                && let Some(live) = live
                && answer["details"]["causes"].is_null()
                && code != 415
            {
                let place = format!("{name} step {index}");
                match patch(&schemas, live, &request["body"]) {
                    Ok(mut ours) => {
                        // Fields the server does not know are not the patch's business.
                        ours.as_object_mut().unwrap().remove("dta");
                        defaults::fill(&mut ours);
                        defaults::update(live, &mut ours);
                        compare(&place, ours, answer.clone(), path != request["path"]);
                        good += 1;
                    }
                    Err(error) => {
                        assert_eq!(code, 500, "{place}: {error}");
                        assert_eq!(answer["message"], error.to_string(), "{place}");
                        refused += 1;
                    }
                }
            }
            let dry = request["query"]["dryRun"].is_string();
            if !dry && answer["metadata"]["uid"].is_string() {
                let path = match request["method"].as_str() {
                    Some("POST") => {
                        format!("{path}/{}", answer["metadata"]["name"].as_str().unwrap())
                    }
                    _ => path.to_owned(),
                };
                stored.insert(path, answer.clone());
            }
            for item in answer["items"].as_array().into_iter().flatten() {
                let mut item = item.clone();
                let list_kind = answer["kind"].as_str().unwrap_or_default();
                item["kind"] = list_kind.trim_end_matches("List").into();
                item["apiVersion"] = answer["apiVersion"].clone();
                let item_path =
                    format!("{path}/{}", item["metadata"]["name"].as_str().unwrap_or_default());
                stored.insert(item_path, item);
            }
        }
    }
    println!(
        "{good} recorded strategic patches give what the server gave, {refused} are refused in its words"
    );
    assert!(good >= 25 && refused >= 2, "{good} and {refused}");
}

fn compare(place: &str, mut ours: Value, mut theirs: Value, only_status: bool) {
    if only_status {
        assert_eq!(ours["status"], theirs["status"], "{place}");
        return;
    }
    for object in [&mut ours, &mut theirs] {
        let metadata = object["metadata"].as_object_mut().unwrap();
        for field in ["managedFields", "resourceVersion"] {
            metadata.remove(field);
        }
    }
    assert_eq!(ours, theirs, "{place}");
}
