//! Every recorded refusal of a built-in kind against ours, and every recorded success against silence.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Cause, create, immutable, update};
use crate::apply::{Apply, apply};
use crate::schema::Schemas;
use crate::{builtin, defaults, recorded};

fn cause(value: &Value) -> (String, String, String) {
    let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("field"), abridged(&text("message")))
}

/// What a server spells out as Go structs and diffs stops at the type or at the first line.
fn abridged(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    for spelled in ["core.PodTemplateSpec{", "[]apiextensions."] {
        if let Some(start) = line.find(spelled) {
            let end = line.rfind("}: ").map_or(line.len(), |end| end + 1);
            return format!("{}{}…}}{}", &line[..start], spelled, &line[end..]);
        }
    }
    line.to_owned()
}

/// Two causes may come in any order where the server walks a map.
fn same(ours: &[Cause], theirs: &Value) -> bool {
    let mut ours: Vec<_> = ours
        .iter()
        .map(|cause| (cause.reason.to_owned(), cause.field.clone(), abridged(&cause.message)))
        .collect();
    let mut theirs: Vec<_> = theirs.as_array().into_iter().flatten().map(cause).collect();
    ours.sort();
    theirs.sort();
    ours == theirs
}

/// What the server stores, by the path it is reached at.
type Stored = BTreeMap<String, Value>;

/// What a request asks to be stored, with the object it replaces; `None` for requests that are no
/// writes of a built-in object, or that fail before validation.
fn asked(schemas: &Schemas, request: &Value, stored: &Stored) -> Option<(Option<Value>, Value)> {
    let path = request["path"].as_str()?;
    let mut body = match request["bodyText"].as_str() {
        Some(text) => serde_json::from_str(text).ok()?,
        None => request["body"].clone(),
    };
    if path.ends_with("/configmaps") {
        if !body.is_object() {
            body = json!({});
        }
        body["apiVersion"] = "v1".into();
        body["kind"] = "ConfigMap".into();
    }
    let kind = request["contentType"].as_str().unwrap_or("application/json");
    let old = stored.get(path).cloned();
    let mut new = match request["method"].as_str()? {
        "POST" => body.clone(),
        "PUT" => {
            let mut new = body.clone();
            if new["metadata"]["uid"].is_null() {
                new["metadata"]["uid"] = old.as_ref()?["metadata"]["uid"].clone();
            }
            new
        }
        "PATCH" if kind == "application/merge-patch+json" => {
            let mut new = old.clone()?;
            merge_patch(&mut new, &body);
            new
        }
        "PATCH" if kind == "application/apply-patch+yaml" && body.is_object() => {
            let name = path.rsplit('/').next()?;
            body["metadata"]["name"] = name.into();
            let query = &request["query"];
            let manager = query["fieldManager"].as_str()?;
            let request = Apply {
                live: old.as_ref(),
                body: &body,
                manager,
                force: query["force"] == "true",
                subresource: None,
                time: "2024-01-01T00:00:00Z",
            };
            apply(schemas, &request, &|_| {}).ok()?
        }
        _ => return None,
    };
    builtin::type_of(&new)?;
    defaults::fill(&mut new);
    if let Some(old) = &old {
        defaults::update(old, &mut new);
    }
    Some((old, new))
}

fn merge_patch(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(name);
        } else {
            merge_patch(&mut target[name], value);
        }
    }
}

fn remember(request: &Value, answer: &Value, stored: &mut Stored) {
    let Some(path) = request["path"].as_str() else { return };
    if request["query"]["dryRun"].is_string() || !answer["metadata"]["uid"].is_string() {
        return;
    }
    let path = if request["method"] == "POST" {
        format!("{path}/{}", answer["metadata"]["name"].as_str().unwrap_or_default())
    } else {
        path.trim_end_matches("/status").to_owned()
    };
    let mut object = answer.clone();
    if object["kind"] == "CustomResourceDefinition" {
        // What is not recorded: the server says so a moment later.
        object["status"]["conditions"] = json!([{"type": "Established", "status": "True"}]);
    }
    stored.insert(path, object);
}

fn judge(old: Option<&Value>, new: &Value) -> Vec<Cause> {
    old.map_or_else(|| create(new), |old| update(old, new))
}

/// Refusals that are not ours to give, by the field they name and a part of their words, and why.
const NOT_OURS: [(&str, &str, &str); 5] = [
    ("spec.ports[0].nodePort", "provided port is", "only the allocator of ports knows"),
    ("spec.clusterIPs", "failed to allocate IP", "only the allocator of addresses knows"),
    (
        "spec.validation.openAPIV3Schema.",
        "",
        "whether a schema is structural is judged with schemas",
    ),
    ("metadata.name", "Bad_45pgv", "the server makes up a name before it looks at the prefix"),
    ("patch", "", "about the patch, not about the object"),
];

/// Whether a refusal is about the object and not about the request's own parameters.
fn is_about_the_object(status: &Value) -> bool {
    let kind = status["details"]["kind"].as_str().unwrap_or_default();
    !kind.is_empty() && !kind.ends_with("Options")
}

#[test]
fn recorded_refusals_are_given_in_the_servers_words() {
    let schemas = Schemas::builtin();
    let (mut good, mut all, mut silent) = (0, 0, 0);
    let mut failures = Vec::new();
    let mut excepted = Vec::new();
    for (name, case) in ["apply", "errors", "lifecycle"].into_iter().flat_map(recorded::cases) {
        let mut stored = Stored::new();
        for (index, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            let (request, answer) = (&step["request"], &step["response"]["body"]);
            let code = step["response"]["code"].as_i64().unwrap();
            let place = format!("{name} step {index}");
            let refused = code == 422 && is_about_the_object(answer);
            let accepted = code == 200 || code == 201;
            let on_object = !is_subresource(request["path"].as_str().unwrap());
            if on_object && let Some((old, new)) = asked(&schemas, request, &stored) {
                let causes = judge(old.as_ref(), &new);
                let theirs = &answer["details"]["causes"];
                let exception = NOT_OURS.iter().find(|(field, words, _)| {
                    let mut causes = theirs.as_array().into_iter().flatten().map(cause);
                    causes.any(|cause| cause.1.starts_with(field) && cause.2.contains(words))
                });
                match (refused, exception) {
                    (true, Some((_, _, reason))) => excepted.push(format!("{place}: {reason}")),
                    (true, None) => {
                        all += 1;
                        good += usize::from(same(&causes, theirs));
                        if !same(&causes, theirs) {
                            failures
                                .push(format!("{place}:\n  ours   {causes:?}\n  theirs {theirs}"));
                        }
                    }
                    _ if accepted && !causes.is_empty() => {
                        failures.push(format!("{place}: refused {causes:?}"));
                    }
                    _ => silent += usize::from(accepted),
                }
            } else if refused && on_object && answer["details"]["kind"] != "Widget" {
                failures.push(format!("{place}: not replayed: {}", answer["details"]["causes"]));
            }
            if accepted {
                remember(request, answer, &mut stored);
            }
        }
    }
    println!(
        "{good} of {all} recorded refusals are given in the server's words, and {silent} accepted writes let through"
    );
    println!("not ours to give: {excepted:#?}");
    assert!(all > 45 && silent > 600, "{all} refusals and {silent} accepted writes were found");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// `/api/v1/namespaces/x/configmaps/y` has six parts after the root, a group adds one.
fn is_subresource(path: &str) -> bool {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let prefix = if parts[0] == "api" { 2 } else { 3 };
    let namespaced = parts.get(prefix) == Some(&"namespaces") && parts.len() > prefix + 2;
    parts.len() > prefix + if namespaced { 4 } else { 2 }
}

#[test]
fn predicted_objects_are_judged_as_the_server_judged_them() {
    let schemas = Schemas::builtin();
    let (mut good, mut all, mut silent) = (0, 0, 0);
    for (name, case) in recorded::predictions() {
        let live = &case["live"];
        if builtin::type_of(live).is_none() {
            continue;
        }
        if case["code"] == 200 {
            let mut predicted = case["predicted"].clone();
            defaults::update(live, &mut predicted);
            assert_eq!(update(live, &predicted), [], "{name}");
            assert_eq!(immutable(live, &predicted), [], "{name}");
            silent += 1;
            continue;
        }
        let request = Apply {
            live: Some(live),
            body: &case["desired"],
            manager: "cleat",
            force: true,
            subresource: None,
            time: "2024-01-01T00:00:00Z",
        };
        let Ok(mut new) = apply(&schemas, &request, &|_| {}) else { continue };
        defaults::fill(&mut new);
        defaults::update(live, &mut new);
        let causes = update(live, &new);
        let theirs = &case["error"]["details"]["causes"];
        assert!(same(&causes, theirs), "{name}:\n  ours   {causes:?}\n  theirs {theirs}");
        all += 1;
        good += 1;
    }
    println!(
        "{good} of {all} refused predictions are given in the server's words, and {silent} accepted let through"
    );
    assert!(all >= 5 && silent > 450, "{all} refused and {silent} accepted were found");
}
