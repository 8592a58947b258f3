//! Masking never leaks. A canary is put somewhere secret into some object, and is then searched for in
//! everything that could be printed, logged or recorded about that object.

#![allow(missing_docs, reason = "an integration test has no public items")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's helpers fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::application::ApplicationName;
use engine::diff::{Comparison, diff};
use engine::plan::{Approvals, Cluster, Inputs, draft};
use engine::policy::{Adoption, Policy, Preflight};
use engine::record::{Bundle, Inventory};
use engine::redact::{Keys, LAST_APPLIED, Redaction, Salt};
use http::{Method, Request, Response};
use kube::client::Body;
use merge::{Digest, Manifest, ObjectId, Origin, Schemas};
use proptest::prelude::*;
use serde_json::{Value, json};
use syncer::apply::{self, ApplyError, Sink};
use syncer::client::Client;
use syncer::clock::Clock;
use syncer::records::Records;
use tests::stage::{Stage, request};
use tokio_util::sync::CancellationToken;
use tui::diff::{Layout, Object, object, summary};
use tui::style::Style;

/// Both ends of every canary, so that a part of one is found, too. No escape changes a letter.
const HEAD: &str = "CANARYhead";
const TAIL: &str = "CANARYtail";

/// What a user would list.
const LISTED: [&str; 5] = ["*password*", "*token", "ip", "hosts", "spec.containers.args"];

fn redaction() -> Redaction {
    Redaction::new(Salt::new([7; 16])).with_keys(Keys::parse(LISTED).unwrap())
}

/// Whether a text shows a canary: as it is, or in base64 (which begins a canary anew).
fn leaks(text: &str) -> bool {
    let encoded = STANDARD.encode("CANARY");
    text.contains("CANARY") || text.contains(encoded.trim_end_matches('='))
}

/// A secret place of an object, filled. Fields of no Secret are secret because they are listed.
fn hiding(place: usize, canary: &str) -> Value {
    let config = |metadata: Value, data: Value| {
        let mut metadata = metadata;
        metadata["name"] = json!("thing");
        metadata["namespace"] = json!("shop");
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    };
    let secret = |field: &str, held: Value| {
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "thing", "namespace": "shop"}, "type": "Opaque"});
        secret[field] = held;
        secret
    };
    let widget = |spec: Value| {
        json!({"apiVersion": "example.com/v1", "kind": "Widget",
            "metadata": {"name": "thing", "namespace": "shop"}, "spec": spec})
    };
    let pod = |spec: Value| {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "thing", "namespace": "shop"}, "spec": spec})
    };
    let encoded = STANDARD.encode(canary);
    match place {
        0 => secret("stringData", json!({"k": canary})),
        1 => secret("data", json!({"k": encoded, "plain": "cGxhaW4="})),
        2 => secret("data", json!({"k": canary})),
        3 => secret("data", json!([canary])),
        4 => secret("data", json!(canary)),
        5 => secret("stringdata", json!({"k": {"deeper": [canary]}})),
        6 => secret("stringData", json!({"k": [canary, 1]})),
        7 => config(
            json!({"annotations": {LAST_APPLIED: secret("stringData", json!({"k": canary})).to_string()}}),
            json!({"a": "b"}),
        ),
        8 => config(json!({}), json!({"DB_PASSWORD": canary, "a": "b"})),
        9 => config(json!({"labels": {"api-token": canary}}), json!({"a": "b"})),
        10 => widget(json!({"auth": {"token": {"deep": [canary], "map": {"k": canary}}}})),
        11 => widget(json!({"template": secret("data", json!({"k": encoded}))})),
        12 => widget(json!({"hosts": [canary, "other"]})),
        13 => pod(json!({"containers": [{"name": "a", "image": "a",
            "env": [{"name": "PASSWORD", "value": canary}, {"name": "B", "value": "c"}]}]})),
        14 => pod(json!({"containers": [{"name": "a", "image": "a", "args": ["-x", canary]}]})),
        15 => pod(json!({"containers": [{"name": "a", "image": "a"}],
            "hostAliases": [{"ip": canary, "hostnames": ["h"]}]})),
        _ => pod(json!({"containers": [{"name": "a", "image": "a",
            "env": [{"name": "PASSWORD", "value": 7, "token": {"k": canary}}]}]})),
    }
}

const PLACES: usize = 17;

/// The object as a server might have it: with who holds what, list keys in clear.
fn lived_in(mut object: Value, canary: &str, manager: &str) -> Value {
    let keyed = json!({"f:spec": {
        "f:hosts": {format!("v:{}", json!(canary)): {}},
        "f:hostAliases": {format!("k:{}", json!({"ip": canary})): {".": {}, "f:ip": {}}}}});
    object["metadata"]["uid"] = json!("u");
    object["metadata"]["resourceVersion"] = json!("1");
    object["metadata"]["managedFields"] = json!([{"manager": manager, "operation": "Apply",
        "apiVersion": object["apiVersion"], "time": "2026-03-01T09:00:00Z", "fieldsV1": keyed}]);
    object
}

fn manifest(body: &Value) -> Manifest {
    Manifest::new(body.clone(), Origin { file: "a.yaml".to_owned(), line: 1 }).unwrap()
}

/// Everything that can be said about a comparison and a plan, by what says it.
fn everything(
    desired: &Value,
    live: Option<&Value>,
    previous: Option<&Value>,
) -> Vec<(String, String)> {
    let (schemas, redaction) = (Schemas::builtin(), redaction());
    let comparison =
        Comparison { live, previous, ..Comparison::new(desired, &schemas, &redaction) };
    let found = diff(&comparison);
    let id = ObjectId::of(desired).unwrap();
    let mut told = vec![
        ("JSON of the diff".to_owned(), serde_json::to_string(&found).unwrap()),
        ("debug of the diff".to_owned(), format!("{found:?}")),
    ];
    let body = comparison.outgoing();
    let shown = Object {
        action: "update",
        id: &id,
        origin: Some("a.yaml:1"),
        reason: None,
        live,
        body: Some(&body),
        diff: &found,
    };
    for (layout, width) in
        [(Layout::Unified, None), (Layout::SideBySide, None), (Layout::SideBySide, Some(9_999))]
    {
        for colour in [false, true] {
            let style = Style { colour, context: usize::MAX, width, now: None };
            let text = object(&shown, &redaction, &manifests::emit::yaml, layout, style).unwrap();
            told.push((format!("{layout:?} {width:?}"), text));
        }
    }
    told.push(("summary".to_owned(), summary::table(&[shown], Style::default())));
    let application = ApplicationName { namespace: "shop".to_owned(), name: "shop".to_owned() };
    let lives: BTreeMap<ObjectId, Arc<Value>> =
        live.into_iter().map(|live| (id.clone(), Arc::new(live.clone()))).collect();
    let bundle = previous.map(|previous| Bundle {
        digest: Digest::of(previous),
        revision: None,
        objects: vec![manifest(previous)],
    });
    for adoption in [Adoption::Refuse, Adoption::Adopt, Adoption::Observe] {
        let drafted = draft(&Inputs {
            desired: &[application.marked(&manifest(desired))],
            live: &lives,
            cluster: &Cluster::default(),
            inventory: &Inventory::default(),
            previous: bundle.as_ref(),
            schemas: &schemas,
            policy: &Policy { adoption, ..Policy::default() },
            application: &application,
            approvals: &Approvals::default(),
            revoked: &BTreeSet::new(),
            redaction: &redaction,
            read_at: None,
        });
        let plan = drafted.plan();
        told.push(("plan".to_owned(), tui::outline::plan(plan, true, Style::default())));
        told.push(("JSON of the plan".to_owned(), serde_json::to_string(plan).unwrap()));
        let refusals = serde_json::to_string(drafted.refusals()).unwrap();
        told.push(("refusals".to_owned(), refusals));
    }
    for whole in [Some(desired), live].into_iter().flatten() {
        let shown = redaction.object(whole);
        told.push(("YAML".to_owned(), manifests::emit::yaml(&shown).unwrap()));
    }
    told
}

/// How a server might say it.
fn echoes(object: &Value, canary: &str) -> Vec<String> {
    let escaped = json!(canary).to_string();
    let percent = canary.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
    vec![
        format!("admission webhook \"nosy\" denied the request: {object}"),
        format!("denied: {}", json!(object.to_string())),
        format!("data[k]: Invalid value: {escaped}: must be shorter"),
        format!("got {canary:?}, which is {canary}"),
        format!("base64 {} {}", STANDARD.encode(canary), escaped.trim_matches('"')),
        format!("http://host/?q={percent}"),
    ]
}

fn a_canary() -> impl Strategy<Value = String> {
    // Quotes, ends of lines, markup, percents, wide letters: what escapes differ about.
    "[a-z0-9 \"'\\\\<>&%/+=\n\tß日é{}:,.$-]{0,24}"
        .prop_map(|middle| format!("{HEAD}{middle}{TAIL}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_that_is_said_shows_a_secret(
        one in a_canary(),
        two in a_canary(),
        place in 0..PLACES,
        shape in 0..6_usize,
        ours in any::<bool>(),
    ) {
        let manager = if ours { "cleat" } else { "other" };
        let desired = hiding(place, &one);
        let live = lived_in(hiding(place, &two), &two, manager);
        // The canary may also have been there and be gone, or be new.
        let mut without = hiding(place, "plain");
        if shape == 4 && let Some(fields) = without.as_object_mut() {
            fields.retain(|field, _| ["apiVersion", "kind", "metadata"].contains(&field.as_str()));
        }
        let told = match shape {
            0 => everything(&desired, None, None),
            1 => everything(&desired, Some(&live), None),
            2 => everything(&desired, Some(&live), Some(&hiding(place, &two))),
            3 | 4 => everything(&without, Some(&live), Some(&desired)),
            _ => everything(&desired, Some(&lived_in(without, &two, manager)), Some(&live)),
        };
        prop_assert!(leaks(&desired.to_string()), "the canary is there to be found");
        for (what, text) in told {
            prop_assert!(!leaks(&text), "{what} of place {place}: {text}");
        }
        for echo in echoes(&desired, &one) {
            let told = redaction().message(&echo, [&desired]);
            prop_assert!(!leaks(&told), "{echo}\n{told}");
        }
    }
}

/// Takes notes of everything a run tells.
struct Everything(String);

impl Sink for Everything {
    fn planned(&mut self, plan: &engine::plan::Plan) {
        self.0.push_str(&serde_json::to_string(plan).unwrap());
    }

    fn note(&mut self, note: &engine::sync::Note) {
        let _ = writeln!(self.0, "{note}\n{}", serde_json::to_string(note).unwrap());
    }
}

/// A server with a webhook that echoes every Secret of an application that it is asked to admit.
fn nosy(server: kube::Client) -> Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let server = server.clone();
        async move {
            let path = request.uri().path().to_owned();
            let is_theirs = path.contains("/secrets/") && !path.contains("/secrets/cleat.");
            if request.method() != Method::PATCH || !is_theirs {
                return server.send(request).await.map_err(std::io::Error::other);
            }
            let body = request.into_body().collect_bytes().await.map_err(std::io::Error::other)?;
            let echo = String::from_utf8_lossy(&body);
            let status = json!({"kind": "Status", "code": 400, "reason": "BadRequest",
                "message": format!("admission webhook \"nosy\" denied the request: {echo}"),
                "details": {"causes": [{"field": "data", "message": echo}]}});
            let body = Body::from(status.to_string().into_bytes());
            Response::builder().status(400).body(body).map_err(std::io::Error::other)
        }
    });
    Client::over(kube::Client::new(service, "default"), "nosy")
}

const SHOP: &str = "
apiVersion: v1
kind: Secret
metadata: {name: db}
stringData: {password: \"CANARYhead <b>&\\\"c\\\" CANARYtail\"}
";

#[tokio::test(flavor = "multi_thread")]
async fn what_a_webhook_echoes_reaches_no_error_note_or_record() -> anyhow::Result<()> {
    for preflight in [Preflight::Server, Preflight::Local] {
        let stage = Stage::sandbox().await?;
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
        stage.create("/api/v1/namespaces", &namespace).await?;
        let client = nosy(stage.direct.clone());
        let mut wanted = request("shop", SHOP);
        wanted.policy.preflight = preflight;
        let mut told = Everything(String::new());
        let interrupt = CancellationToken::new();
        let ended = apply::run(&wanted, &client, &Clock::system(), &mut told, &interrupt).await;
        match &ended {
            Err(ApplyError::Preflight(refused)) => {
                assert_eq!(preflight, Preflight::Server);
                let _ = write!(told.0, "{refused:?}");
            }
            Err(other) => {
                let _ = write!(told.0, "{other:?}");
            }
            Ok(report) => {
                assert_eq!(preflight, Preflight::Local);
                told.0.push_str(&serde_json::to_string(report)?);
            }
        }
        if let Err(error) = &ended {
            for (problem, _) in error.problems() {
                told.0.push_str(&problem);
            }
        }
        let records = Records::read(&client, &wanted.application, "a test").await?;
        told.0.push_str(&serde_json::to_string(records.ledger())?);
        assert!(told.0.contains("nosy"), "the refusal is told: {}", told.0);
        assert!(told.0.contains("<masked "), "{}", told.0);
        assert!(!leaks(&told.0), "{}", told.0);
    }
    Ok(())
}
