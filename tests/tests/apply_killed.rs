//! A run that dies between any two requests is completed by the same command, at once.

#![allow(missing_docs, reason = "an integration test has no public items")]

use std::sync::Arc;
use std::time::Duration;

use engine::sync::Outcome;
use serde_json::json;
use syncer::apply::Request;
use tests::proxy::{Moment, Seen, Then};
use tests::stage::{Stage, request};
use tokio::sync::Notify;

/// Three waves that need no controller: their objects are healthy as soon as they exist.
fn settings(namespace: &str, greeting: &str) -> String {
    let object = |wave: u32| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings-{wave}, annotations: \
             {{cleat.dev/wave: '{wave}'}}}}\ndata: {{greeting: {greeting}}}\n"
        )
    };
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}}}\n");
    [namespace, object(0), object(1), object(2)].concat()
}

/// A request that waits for nothing: a bake would only make the suite slow.
fn wanted(namespace: &str, greeting: &str) -> Request {
    let mut request = request(namespace, &settings(namespace, greeting));
    request.policy.bake = Duration::ZERO;
    request
}

/// Runs until the n-th request, then drops everything: from the server's side, a kill -9.
/// False if the run ended before.
async fn killed_at(stage: &Stage, wanted: &Request, n: usize, at: Moment) -> bool {
    stage.proxy.clear();
    let kill = Arc::new(Notify::new());
    let killer = Arc::clone(&kill);
    stage.proxy.on_request(Some(Arc::new(move |seen: &Seen, moment| {
        if seen.number == n && moment == at {
            killer.notify_one();
        }
        if seen.number > n || (seen.number == n && moment == at) { Then::Drop } else { Then::Go }
    })));
    let killed = tokio::select! {
        () = kill.notified() => true,
        run = stage.apply(wanted) => {
            run.report();
            false
        }
    };
    stage.proxy.on_request(None);
    killed
}

#[tokio::test]
async fn a_run_killed_at_any_request_is_completed_by_the_next() -> anyhow::Result<()> {
    for stage in Stage::each("a kill at each request").await? {
        for at in [Moment::Before, Moment::After] {
            let side = if at == Moment::Before { "before" } else { "after" };
            let mut n = 1;
            loop {
                let namespace = format!("killed-{side}-{n}");
                let first = wanted(&namespace, "hello");
                let mut killed = killed_at(&stage, &first, n, at).await;
                let run = stage.apply(&first).await;
                assert!(
                    matches!(run.report().outcome, Outcome::Healthy { .. } | Outcome::NoChange),
                    "{} {side} {n}: {:#?}",
                    stage.server,
                    run.report()
                );
                let second = wanted(&namespace, "bye");
                killed |= killed_at(&stage, &second, n, at).await;
                stage.apply(&second).await.report();
                for wave in 0..3 {
                    let path = format!("/api/v1/namespaces/{namespace}/configmaps/settings-{wave}");
                    let object = stage.get(&path).await?;
                    assert_eq!(
                        object.pointer("/data/greeting"),
                        Some(&json!("bye")),
                        "{} {side} {n}: {object:#}",
                        stage.server
                    );
                }
                let again = stage.apply(&second).await;
                assert_eq!(
                    again.report().outcome,
                    Outcome::NoChange,
                    "{} {side} {n}: {:#?}",
                    stage.server,
                    again.notes
                );
                if !killed {
                    break;
                }
                n += 1;
            }
            assert!(n > 15, "{}: only {n} requests", stage.server);
        }
    }
    Ok(())
}

#[tokio::test]
async fn of_two_runs_at_once_one_stops_and_says_why() -> anyhow::Result<()> {
    for stage in Stage::each("two runs at once").await? {
        let yaml = settings("two-runs", "hello");
        let (one, two) = (request("two-runs", &yaml), request("two-runs", &yaml));
        let (one, two) = tokio::join!(stage.apply(&one), stage.apply(&two));
        let outcomes = [&one.report().outcome, &two.report().outcome];
        let healthy = outcomes.iter().filter(|it| matches!(it, Outcome::Healthy { .. })).count();
        assert!(healthy >= 1, "{}: {outcomes:#?}", stage.server);
        for outcome in outcomes {
            if let Outcome::Failed { because, .. } = outcome {
                assert!(because.message.contains("another run"), "{}: {because}", stage.server);
            }
        }
    }
    Ok(())
}
