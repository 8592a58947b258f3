//! A claim that waits for its first consumer does not hold up the wave that brings the consumer.

#![allow(missing_docs, reason = "an integration test has no public items")]

use engine::health::Status;
use engine::sync::{NoteKind, Outcome};
use serde_json::json;
use tests::stage::{ON_DEMAND, Stage, request};

/// A claim in the first wave; its class makes no volume before a pod uses it.
fn claim(namespace: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data}}
spec:
  storageClassName: {ON_DEMAND}
  accessModes: [ReadWriteOnce]
  resources: {{requests: {{storage: 1Gi}}}}
"
    )
}

/// The Deployment that uses the claim, in the second wave.
const READER: &str = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reader, annotations: {cleat.dev/wave: '1'}}
spec:
  selector: {matchLabels: {app: reader}}
  template:
    metadata: {labels: {app: reader}}
    spec:
      containers: [{name: reader, image: 'registry.example/reader:1'}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
";

#[tokio::test]
async fn a_claim_of_an_earlier_wave_is_bound_when_its_deployment_comes() -> anyhow::Result<()> {
    for stage in Stage::each("a claim before its consumer").await? {
        let path = "/api/v1/namespaces/claims/persistentvolumeclaims/data";
        let unused = request("claims", &claim("claims"));
        let run = stage.apply(&unused).await;
        assert!(matches!(run.report().outcome, Outcome::Healthy { .. }), "{:#?}", run.report());
        let data = stage.get(path).await?;
        assert_eq!(data.pointer("/status/phase"), Some(&json!("Pending")), "{}", stage.server);

        let used = request("claims", &[claim("claims").as_str(), READER].concat());
        let run = stage.apply(&used).await;
        assert!(matches!(run.report().outcome, Outcome::Healthy { .. }), "{:#?}", run.report());
        let data = stage.get(path).await?;
        assert_eq!(data.pointer("/status/phase"), Some(&json!("Bound")), "{}", stage.server);
        let again = stage.apply(&used).await;
        assert_eq!(again.report().outcome, Outcome::NoChange, "{}", stage.server);
    }
    Ok(())
}

#[tokio::test]
async fn a_claim_and_its_deployment_come_up_in_one_sync() -> anyhow::Result<()> {
    for stage in Stage::each("a claim and its consumer").await? {
        let wanted = request("consumer", &[claim("consumer").as_str(), READER].concat());
        let run = stage.apply(&wanted).await;
        assert!(matches!(run.report().outcome, Outcome::Healthy { .. }), "{:#?}", run.report());
        let opened = |wave| {
            run.notes
                .iter()
                .position(|note| note.kind == NoteKind::WaveHealthy && note.wave == Some(wave))
        };
        assert!(opened(0) < opened(1) && opened(0).is_some(), "{:#?}", run.notes);
        let before = run.notes.iter().take(opened(0).unwrap_or_default());
        let judged = before.filter(|note| note.object.as_ref().is_some_and(|it| it.name == "data"));
        let judged: Vec<Status> = judged.filter_map(|note| note.health).collect();
        assert_eq!(judged.last(), Some(&Status::Suspended), "{}: {:#?}", stage.server, run.notes);
        let path = "/api/v1/namespaces/consumer/persistentvolumeclaims/data";
        let data = stage.get(path).await?;
        assert_eq!(data.pointer("/status/phase"), Some(&json!("Bound")), "{}", stage.server);
    }
    Ok(())
}
