//! Tables of what is masked, where, and what is not.

use merge::path::Segment;
use serde_json::json;

use super::*;

fn redaction() -> Redaction {
    Redaction::new(Salt::new([7; 16]))
}

fn listing(keys: &[&str]) -> Redaction {
    redaction().with_keys(Keys::parse(keys.iter().copied()).unwrap())
}

#[test]
fn equal_values_have_equal_masks_whatever_their_spelling() {
    let shown = redaction()
        .object(&json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "b25l", "b": "dHdv"},
            "stringData": {"c": "one"}}));
    assert_eq!(shown["data"]["a"], shown["stringData"]["c"]);
    assert_ne!(shown["data"]["a"], shown["data"]["b"]);
    let text = shown["data"]["a"].as_str().unwrap();
    assert!(text.starts_with("<masked ") && text.len() == 17, "{text}");
}

#[test]
fn another_run_has_other_masks() {
    let one = redaction().mask(&json!("one"));
    assert_eq!(one, redaction().mask(&json!("one")));
    assert_ne!(one, Redaction::new(Salt::new([8; 16])).mask(&json!("one")));
    assert_ne!(redaction().mask(&json!("")), redaction().mask(&json!("one")));
    let lengths = ["", &"o".repeat(9000)].map(|it| redaction().mask(&json!(it)).len());
    assert_eq!(lengths[0], lengths[1]);
}

#[test]
fn only_secrets_and_the_copies_of_tools_are_masked() {
    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}});
    assert_eq!(redaction().object(&settings), settings);
    assert!(!redaction().hides_of(&settings));
    let namesake = json!({"apiVersion": "example.com/v1", "kind": "Secret", "data": {"a": "b"}});
    assert_eq!(redaction().object(&namesake), namesake);
    for annotation in [LAST_APPLIED, "kapp.k14s.io/original"] {
        let copied = json!({"kind": "ConfigMap", "metadata": {"annotations": {
            annotation: "{\"kind\":\"Secret\",\"stringData\":{\"a\":\"canary\"}}", "b": "c"}}});
        assert!(redaction().hides_of(&copied));
        let shown = redaction().object(&copied);
        assert!(!shown.to_string().contains("canary"), "{shown}");
        assert_eq!(shown["metadata"]["annotations"]["b"], "c");
    }
}

#[test]
fn what_is_wrong_or_wrapped_is_masked_too() {
    for object in [
        json!({"kind": "Secret", "data": "canary"}),
        json!({"kind": "Secret", "data": ["canary"], "stringData": {"a": {"b": "canary"}}}),
        json!({"kind": "List", "items": [{"kind": "Secret", "stringData": {"a": "canary"}}]}),
        json!({"kind": "List", "items": [
            {"kind": "List", "items": [{"kind": "Secret", "password": "canary"}]}]}),
        json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": 7, "b": null, "c": "canary"}}),
        json!({"kind": "Release", "spec": {"objects": [
            {"apiVersion": "v1", "kind": "Secret", "data": {"a": "canary"}}]}}),
    ] {
        let shown = redaction().object(&object).to_string();
        assert!(!shown.contains("canary"), "{shown}");
    }
    let reference = json!({"kind": "Release", "spec": {"from": [
        {"apiVersion": "v1", "kind": "Secret", "name": "db", "optional": true}]}});
    assert_eq!(redaction().object(&reference), reference);
}

#[test]
fn whatever_a_secret_holds_is_masked_however_its_field_is_spelled() {
    for (field, value) in [
        ("data", json!({"password": "aHVudGVyMg=="})),
        ("data", json!({"password": ["hunter2"]})),
        ("data", json!("hunter2")),
        ("stringData", json!({"password": "hunter2"})),
        ("stringdata", json!({"password": {"inner": "hunter2"}})),
        ("password", json!("hunter2")),
        ("immutable", json!("hunter2")),
        ("type", json!(["hunter2"])),
    ] {
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "db"}, "type": "Opaque", "immutable": true});
        secret[field] = value;
        let shown = redaction().object(&secret);
        let message = format!("{secret} is refused: \"hunter2\"");
        for text in [shown.to_string(), redaction().message(&message, [&secret])] {
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert!(shown[field].to_string().contains("<masked "), "{shown}");
        assert_eq!(shown["metadata"], secret["metadata"]);
    }
}

#[test]
fn what_only_means_to_be_a_secret_is_masked_as_one() {
    for (version, kind) in [
        ("v1", "secret"),
        ("v1", "SECRET"),
        ("v1", "Secrets"),
        ("v1", " Secret "),
        ("core/v1", "Secret"),
        ("/v1", "Secret"),
    ] {
        let object = json!({"apiVersion": version, "kind": kind,
            "metadata": {"name": "db"}, "stringData": {"a": "canary"}});
        let shown = redaction().object(&object);
        assert!(!shown.to_string().contains("canary"), "{shown}");
    }
    let other = json!({"apiVersion": "example.com/v1", "kind": "Secret", "spec": {"path": "db"}});
    assert_eq!(redaction().object(&other), other, "another group's kind of that name");
}

#[test]
fn listed_fields_are_masked_in_every_object() {
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "token", "annotations": {"example.com/token": "canary"}},
        "spec": {"dbPassword": "canary", "auth": {"token": {"a": "canary", "b": ["canary", 1]}},
            "containers": [{"name": "web", "env": [
                {"name": "DB_PASSWORD", "value": "canary"},
                {"name": "HOST", "value": "db"},
                {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}},
            ], "args": ["canary"]}]}});
    let keys = ["*password*", "*token", "spec.containers.args"];
    let shown = listing(&keys).object(&object);
    assert!(!shown.to_string().contains("canary"), "{shown}");
    assert_eq!(shown["metadata"]["name"], "token", "a name is no secret");
    let env = &shown["spec"]["containers"][0]["env"];
    assert_eq!(env[1], json!({"name": "HOST", "value": "db"}));
    assert_eq!(env[0]["name"], "DB_PASSWORD");
    assert_eq!(env[2]["valueFrom"]["secretKeyRef"]["key"], "token", "a reference is no value");
    assert!(shown["spec"]["auth"]["token"]["b"].is_string(), "how long a list is, is hidden");
    assert_eq!(redaction().object(&object), object);
}

#[test]
fn a_star_masks_all_but_what_names_the_object() {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "b", "labels": {"c": "canary"}},
        "data": {"d": "canary"}});
    let shown = listing(&["*"]).object(&object);
    assert!(!shown.to_string().contains("canary"), "{shown}");
    for field in ["/kind", "/metadata/name", "/metadata/namespace"] {
        assert_eq!(shown.pointer(field), object.pointer(field));
    }
}

#[test]
fn a_path_ends_where_it_would_name_a_value() {
    let entry = |name: &str, value: &str| {
        Segment::Key([(name.to_owned(), json!(value))].into_iter().collect())
    };
    let field = Segment::field;
    let path = |segments: Vec<Segment>| Path(segments);
    let redaction = listing(&["tokens", "ip", "*password*"]);
    for (whole, shown) in [
        (path(vec![field("tokens"), Segment::Value(json!("canary"))]), ".tokens"),
        (path(vec![field("hosts"), entry("ip", "canary"), field("name")]), ".hosts"),
        (
            path(vec![field("env"), entry("name", "DB_PASSWORD"), field("value"), field("canary")]),
            ".env[name=\"DB_PASSWORD\"].value",
        ),
        (path(vec![field("env"), entry("name", "HOST")]), ".env[name=\"HOST\"]"),
        (path(vec![field("data"), field("password"), field("canary")]), ".data.password"),
    ] {
        assert_eq!(redaction.path(&whole).to_string(), shown);
    }
}

#[test]
fn messages_do_not_quote_secrets() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"},
        "data": {"a": "Y2FuYXJ5", "b": ""}, "stringData": {"c": "with \"quotes\" in it",
        "d": "postgres://me:hunter2@db/x", "e": "one line\nsecond canary", "f": "abc"}});
    for message in [
        "Invalid value: \"canary\": no",
        "Invalid value: \"Y2FuYXJ5\": no",
        "Invalid value: \"with \\\"quotes\\\" in it\": no",
        "the password hunter2 is weak",
        "xcanaryy",
        "line 2 is `second canary`",
        "\\ncanary",
        "?p=one%20line%0Asecond%20canary",
        "b25lIGxpbmUKc2Vjb25kIGNhbmFyeQ",
        "abc is too short",
        "map[f:abc]",
    ] {
        let told = redaction().message(message, [&secret]);
        assert!(told.contains("<masked "), "{told}");
        for quoted in ["canary", "Y2Fu", "quotes", "hunter2", "abc", "b25l"] {
            assert!(!told.contains(quoted), "{message}: {told}");
        }
    }
    let settings = json!({"kind": "ConfigMap", "data": {"a": "canary"}});
    assert_eq!(redaction().message("canary", [&settings]), "canary");
}

#[test]
fn a_message_still_says_what_it_is_about() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "shop-db", "namespace": "shop"},
        "stringData": {"username": "shop", "password": "invalid", "short": "a", "number": 7,
            "on": true}});
    for unmasked in [
        "cannot apply secret/shop-db in shop: Secret \"shop-db\" is invalid",
        "the namespace shop is being deleted",
        "secrets \"shop\" is forbidden: a quota of 7 in namespace \"shop\"",
        "a true word about username in data[username]: expected a string, got a map",
        "it is written twice; first at shop.yaml, line 7",
    ] {
        let told = redaction().message(unmasked, [&secret]);
        assert_eq!(told, unmasked);
    }
    for (message, quoted) in [
        ("data[username]: Invalid value: \"shop\": must be longer", "shop"),
        ("Secret \"shop\" is invalid: username=shop", "=shop"),
        ("map[username:shop password:invalid]", "shop"),
        ("the password \"invalid\" is in a list", "invalid"),
        ("the value 'a' is short", "'a'"),
        ("got {Value:7}", "Value:7"),
        ("stringData.on: expected string, got: true", "true"),
    ] {
        let told = redaction().message(message, [&secret]);
        assert!(told.contains("<masked ") && !told.contains(quoted), "{told}");
    }
}

#[test]
fn messages_are_masked_by_listed_fields_and_by_copies_too() {
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web",
        "annotations": {LAST_APPLIED:
            "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"data\":{\"a\":\"Y2FuYXJ5\"}}"}},
        "spec": {"env": [{"name": "TOKEN", "value": "t0k3n-of-mine"}]}});
    let told = listing(&["token"]).message("got canary and t0k3n-of-mine for web", [&object]);
    assert!(!told.contains("canary") && !told.contains("t0k3n"), "{told}");
    assert!(told.ends_with("for web"), "{told}");
}

#[test]
fn what_looks_like_a_mask_hides_nothing_from_masking() {
    let secret = json!({"kind": "Secret", "stringData": {"a": "hunter2", "b": "masked"}});
    let told = redaction().message("<masked hunter2> <masked hunter2 x>", [&secret]);
    assert!(!told.contains("hunter2"), "{told}");
    let once = redaction().message("\"hunter2\"", [&secret]);
    assert_eq!(redaction().message(&once, [&secret]), once, "a mask stays as it is");
}

#[test]
fn a_guarded_value_says_nothing_of_itself() {
    let guarded = Redacted::new("canary");
    let told = format!("{guarded} {guarded:?} {}", json!(guarded));
    assert!(!told.contains("canary"), "{told}");
    assert_eq!(*guarded.expose(), "canary");
}
