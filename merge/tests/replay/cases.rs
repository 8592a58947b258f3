//! Recorded cases of applies and other writes, step by step: who owns what afterwards, and what is
//! refused in which words.
//!
//! Each step starts from what the server had, so one wrong answer does not make the next one wrong.
//! Steps that a server refuses for reasons that are not the merge's (422, 404, 415 …) are not judged.

use std::collections::BTreeMap;

use merge::apply::{Apply, ApplyError, apply, served_paths};
use merge::schema::Scope;
use merge::{GroupVersionKind, Schemas, defaults, managed, scale};
use serde_json::{Value, json};

use crate::normal::{comparable, differences, owners};
use crate::recorded::files;

/// Cases that read an object in another version than it was written in, where a built-in kind's
/// versions have different fields. Converting them is not the merge's.
const NEED_CONVERSION: &[&str] = &["hpa-v1-v2"];

const TIME: &str = "2024-01-01T00:00:00Z";

#[test]
fn recorded_writes_leave_the_recorded_owners() {
    let (mut cases, mut good, mut steps, mut wrong) = (0, 0, 0, Vec::new());
    for (name, text) in files("apply") {
        let case: Value = serde_json::from_str(&text).unwrap();
        let mut replay = Replay::new();
        let mut failures = Vec::new();
        for (place, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            match replay.step(step) {
                Judgement::NotJudged => {}
                Judgement::Same => steps += 1,
                Judgement::Differs(why) => failures.push(format!("{name} step {place}: {why}")),
            }
        }
        cases += 1;
        good += usize::from(failures.is_empty());
        wrong.append(&mut failures);
    }
    println!("{good} of {cases} cases, {steps} of {} steps", steps + wrong.len());
    for line in &wrong {
        println!("  {line}");
    }
    wrong.retain(|line| !NEED_CONVERSION.iter().any(|name| line.starts_with(name)));
    assert_eq!(wrong, Vec::<String>::new());
}

enum Judgement {
    NotJudged,
    Same,
    Differs(String),
}

struct Replay {
    schemas: Schemas,
    objects: BTreeMap<String, Value>,
}

/// A request's path taken apart.
struct Target {
    /// The object's path without the version and without the subresource.
    key: String,
    api_version: String,
    subresource: Option<String>,
}

fn target<'a>(path: &'a str, body: &'a Value, created: &'a Value) -> Option<Target> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let (namespace, mut rest) = match rest {
        ["namespaces", namespace, resource, rest @ ..] => {
            (*namespace, [&[*resource], rest].concat())
        }
        _ => ("", rest.to_vec()),
    };
    if rest.len() == 1 {
        let named = |object: &'a Value| object.pointer("/metadata/name")?.as_str();
        rest.push(named(body).or_else(|| named(created))?);
    }
    let subresource = rest.get(2).map(|name| (*name).to_owned());
    let api_version =
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let key = format!("{group}/{namespace}/{}/{}", rest[0], rest[1]);
    Some(Target { key, api_version, subresource })
}

impl Replay {
    fn new() -> Self {
        Self { schemas: Schemas::builtin(), objects: BTreeMap::new() }
    }

    fn step(&mut self, step: &Value) -> Judgement {
        let (request, response) = (&step["request"], &step["response"]);
        let answer = &response["body"];
        let code = response["code"].as_u64().unwrap();
        let Some(target) = target(request["path"].as_str().unwrap(), &request["body"], answer)
        else {
            return Judgement::NotJudged;
        };
        let judgement = self.judge(&target, request, answer, code);
        let dry = request.pointer("/query/dryRun").is_some();
        if code < 300 && !dry {
            self.learn(&target, request, answer);
        }
        judgement
    }

    /// Take what the server answered for what is.
    fn learn(&mut self, target: &Target, request: &Value, answer: &Value) {
        if request["method"] == "DELETE" {
            self.objects.remove(&target.key);
            if answer.pointer("/metadata/deletionTimestamp").is_some() {
                self.objects.insert(target.key.clone(), answer.clone());
            }
            return;
        }
        if target.subresource.as_deref() == Some("scale") {
            // The answer shows the scale; the parent is what our own write back makes of it.
            if let Some(parent) = self.objects.get(&target.key) {
                let manager = manager(request);
                let wrote = request["method"] != "GET";
                if let Some(parent) =
                    wrote.then(|| self.scaled(parent, request, &manager).ok()).flatten()
                {
                    self.objects.insert(target.key.clone(), parent);
                }
            }
            return;
        }
        let has_kind = answer.get("kind").is_some_and(|kind| kind != "Status");
        if has_kind && answer.get("items").is_none() && answer.pointer("/metadata/name").is_some() {
            self.objects.insert(target.key.clone(), answer.clone());
            if answer["kind"] == "CustomResourceDefinition" {
                self.schemas = self.schemas.with_definition(answer).unwrap();
            }
        }
    }

    fn live(&self, target: &Target) -> Option<Value> {
        let mut live = self.objects.get(&target.key)?.clone();
        if target.subresource.as_deref() != Some("scale") {
            live["apiVersion"] = json!(target.api_version);
        }
        Some(live)
    }

    fn judge(&self, target: &Target, request: &Value, answer: &Value, code: u64) -> Judgement {
        let live = self.live(target);
        let kind = request["contentType"].as_str().unwrap_or_default();
        match request["method"].as_str().unwrap() {
            "PATCH" if kind == "application/apply-patch+yaml" => {
                self.apply(target, live.as_ref(), request, answer, code)
            }
            "POST" | "PUT" | "PATCH" if code < 300 => {
                self.write(target, live.as_ref(), request, answer)
            }
            _ => Judgement::NotJudged,
        }
    }

    fn apply(
        &self,
        target: &Target,
        live: Option<&Value>,
        request: &Value,
        answer: &Value,
        code: u64,
    ) -> Judgement {
        let wanted = &request["body"];
        let about_numbers =
            answer["message"].as_str().is_some_and(|text| text.contains("ParseUint"));
        if !wanted.is_object() || !matches!(code, 200 | 201 | 409 | 500) || about_numbers {
            return Judgement::NotJudged;
        }
        if target.subresource.as_deref() == Some("scale") {
            let Some(parent) = live else {
                return Judgement::NotJudged;
            };
            let got = self.scaled(parent, request, &manager(request));
            return match got {
                Ok(_) if code < 300 => Judgement::Same,
                Ok(_) => Judgement::Differs("applied".to_owned()),
                Err(error) => judge_error(&error, answer, code),
            };
        }
        let force = request.pointer("/query/force") == Some(&json!("true"));
        let manager = manager(request);
        let subresource = target.subresource.as_deref();
        let apply_request =
            Apply { live, body: wanted, manager: &manager, force, subresource, time: TIME };
        let finish = |object: &mut Value| {
            defaults::fill(object);
            if let Some(live) = live {
                defaults::update(live, object);
            }
        };
        match apply(&self.schemas, &apply_request, &finish) {
            Ok(mut got) if code < 300 => {
                complete(&self.schemas, live.is_none(), &mut got, answer);
                compare(&got, answer)
            }
            Ok(_)
                if answer["reason"] == "Conflict"
                    && answer.pointer("/details/causes").is_none() =>
            {
                Judgement::NotJudged
            }
            Ok(_) => Judgement::Differs(format!("applied, recorded {code} {}", answer["message"])),
            Err(error) => judge_error(&error, answer, code),
        }
    }

    /// The parent after a write to its scale.
    fn scaled(&self, parent: &Value, request: &Value, manager: &str) -> Result<Value, ApplyError> {
        let view = scale::of(parent).unwrap();
        let wanted = &request["body"];
        let new = if request["contentType"] == "application/apply-patch+yaml" {
            let force = request.pointer("/query/force") == Some(&json!("true"));
            let apply_request = Apply {
                live: Some(&view),
                body: wanted,
                manager,
                force,
                subresource: Some("scale"),
                time: TIME,
            };
            apply(&self.schemas, &apply_request, &|_| {})?
        } else {
            let mut new = view.clone();
            new["spec"]["replicas"] = wanted["spec"]["replicas"].clone();
            managed::update(&self.schemas, Some(&view), &mut new, manager, Some("scale"), TIME);
            new
        };
        Ok(scale::written_back(parent, &new))
    }

    fn write(
        &self,
        target: &Target,
        live: Option<&Value>,
        request: &Value,
        answer: &Value,
    ) -> Judgement {
        let subresource = target.subresource.as_deref();
        let created = request["method"] == "POST";
        let known = matches!(subresource, None | Some("status"));
        if !known || answer["kind"] == "Status" || (live.is_none() && !created) {
            return Judgement::NotJudged;
        }
        let mut new = if request["method"] == "PATCH" { answer } else { &request["body"] }.clone();
        if !new.is_object() {
            return Judgement::NotJudged;
        }
        let operations = request["body"].as_array();
        let cleared = operations.into_iter().flatten().find_map(|operation| {
            (operation["path"] == "/metadata/managedFields").then(|| operation["value"].clone())
        });
        new["apiVersion"] = json!(target.api_version);
        new["kind"] = answer["kind"].clone();
        self.schemas.settle_custom(&mut new);
        if request["method"] == "PATCH" {
            let before = live.unwrap()["metadata"].get("managedFields").cloned();
            new["metadata"]["managedFields"] = cleared.or(before).unwrap_or(Value::Null);
        } else if subresource.is_none() {
            let stated = new["metadata"].get("managedFields").cloned();
            defaults::fill(&mut new);
            if let Some(stated) = stated {
                new["metadata"]["managedFields"] = stated;
            }
        }
        let before = if created { None } else { live };
        let manager = manager(request);
        managed::update(&self.schemas, before, &mut new, &manager, subresource, TIME);
        compare_owners(&new, answer)
    }
}

fn manager(request: &Value) -> String {
    let named = request.pointer("/query/fieldManager").and_then(Value::as_str);
    let agent = request.pointer("/headers/User-Agent").and_then(Value::as_str);
    let agent = agent.and_then(|agent| agent.split('/').next());
    named.or(agent).unwrap_or("record").to_owned()
}

fn compare_owners(got: &Value, want: &Value) -> Judgement {
    let (got, want) = (owners(got), owners(want));
    if got == want {
        return Judgement::Same;
    }
    let only = |one: &[Value], two: &[Value]| -> Vec<String> {
        one.iter().filter(|entry| !two.contains(entry)).map(Value::to_string).collect()
    };
    Judgement::Differs(format!(
        "owners:\n      got  {:?}\n      want {:?}",
        only(&got, &want),
        only(&want, &got)
    ))
}

fn compare(got: &Value, want: &Value) -> Judgement {
    let (got, want) = comparable(got, want);
    match differences(&got, &want).as_slice() {
        [] => Judgement::Same,
        lines => Judgement::Differs(lines.join("\n      ")),
    }
}

/// What the server does before anything is compared: it gives a new object the namespace of the
/// request's path, and a new Job what it is known by; what lives in no namespace loses it.
fn complete(schemas: &Schemas, is_new: bool, got: &mut Value, answer: &Value) {
    let scope = GroupVersionKind::of(got).and_then(|gvk| schemas.scope(&gvk));
    if scope == Some(Scope::Cluster) {
        got["metadata"].as_object_mut().unwrap().remove("namespace");
    } else if is_new {
        got["metadata"]["namespace"] = answer["metadata"]["namespace"].clone();
    }
    if is_new && got["kind"] == "Job" {
        got["metadata"]["uid"] = answer["metadata"]["uid"].clone();
        defaults::identify_job(got, answer["metadata"]["uid"].as_str().unwrap());
        defaults::fill(got);
    }
}

/// One line of the recorded message, or all of ours: a server stops at the first unknown field of a
/// map, and which that is is chance.
fn same_words(got: &str, want: &str) -> bool {
    let lines = |text: &str| -> Vec<String> {
        text.replace("errors:\n  ", "").split("\n  ").map(str::to_owned).collect()
    };
    let head = got.split("): ").next();
    let tails = |text: &str| lines(text.split_once("): ").map_or("", |(_, tail)| tail));
    got == want
        || (want.contains("field not declared")
            && head == want.split("): ").next()
            && tails(want).iter().all(|line| tails(got).contains(line)))
}

fn judge_error(error: &ApplyError, answer: &Value, code: u64) -> Judgement {
    let message = answer["message"].as_str().unwrap_or_default();
    if u64::from(error.code()) != code || !same_words(&error.to_string(), message) {
        return Judgement::Differs(format!(
            "refused with {} {error}\n      want {code} {}",
            error.code(),
            answer["message"]
        ));
    }
    if let ApplyError::Conflicts(conflicts) = error {
        let causes: Vec<Value> = conflicts
            .iter()
            .zip(served_paths(conflicts))
            .map(|(conflict, path)| {
                json!({"reason": "FieldManagerConflict", "message": conflict.message(),
                    "field": path.to_string()})
            })
            .collect();
        let recorded = answer["details"]["causes"].as_array().unwrap();
        // A server lists the managers in any order.
        if recorded.len() != causes.len() || causes.iter().any(|cause| !recorded.contains(cause)) {
            return Judgement::Differs(format!("causes: {causes:?}"));
        }
    }
    Judgement::Same
}
