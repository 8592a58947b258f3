//! HorizontalPodAutoscalers between `autoscaling/v1`, which knows one CPU target, and `autoscaling/v2`
//! (`k8s.io/kubernetes/pkg/apis/autoscaling/v1/conversion.go`). What v1 cannot say travels in
//! annotations, as the server has it.

use serde_json::{Map, Value, json};

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

fn is_cpu(metric: &Value) -> bool {
    metric.pointer("/resource/name").and_then(Value::as_str) == Some("cpu")
        && metric.pointer("/resource/target/averageUtilization").is_some()
}

fn spec(object: &mut Value) -> Option<&mut Map<String, Value>> {
    object.get_mut("spec")?.as_object_mut()
}

fn annotate(object: &mut Value, key: &str, value: &Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(key.to_owned(), json!(value.to_string()));
    }
}

fn take_annotation(object: &mut Value, key: &str) -> Option<Value> {
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    let text = annotations.remove(key)?;
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    serde_json::from_str(text.as_str()?).ok()
}

pub(super) fn to_v1(object: &mut Value) {
    let Some(spec) = spec(object) else { return };
    let metrics = spec.remove("metrics");
    let behavior = spec.remove("behavior");
    let mut rest = Vec::new();
    for metric in metrics.as_ref().and_then(Value::as_array).into_iter().flatten() {
        let target = metric.pointer("/resource/target/averageUtilization");
        if let (true, Some(target)) = (is_cpu(metric), target) {
            spec.insert("targetCPUUtilizationPercentage".to_owned(), target.clone());
        } else {
            rest.push(metric.clone());
        }
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        status.remove("currentMetrics");
        status.remove("conditions");
        status.entry("currentReplicas").or_insert_with(|| json!(0));
    }
    if !rest.is_empty() {
        annotate(object, METRICS, &Value::Array(rest));
    }
    if let Some(behavior) = behavior {
        annotate(object, BEHAVIOR, &behavior);
    }
}

pub(super) fn to_v2(object: &mut Value) {
    let rest = take_annotation(object, METRICS);
    let behavior = take_annotation(object, BEHAVIOR);
    let Some(spec) = spec(object) else { return };
    let mut metrics = Vec::new();
    if let Some(target) = spec.remove("targetCPUUtilizationPercentage") {
        metrics.push(json!({"type": "Resource", "resource": {
            "name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}}));
    }
    metrics.extend(rest.and_then(|rest| rest.as_array().cloned()).into_iter().flatten());
    if !metrics.is_empty() {
        spec.insert("metrics".to_owned(), Value::Array(metrics));
    }
    if let Some(behavior) = behavior {
        spec.insert("behavior".to_owned(), behavior);
    }
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        status.entry("currentMetrics").or_insert(Value::Null);
        if status.get("currentReplicas") == Some(&json!(0)) {
            status.remove("currentReplicas");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cpu_target_survives_both_ways() {
        let metrics = json!([
            {"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 80}}},
            {"type": "Pods", "pods": {"metric": {"name": "q"}}},
        ]);
        let mut object = json!({"metadata": {"name": "web"}, "spec": {"metrics": metrics}});
        to_v1(&mut object);
        assert_eq!(object["spec"], json!({"targetCPUUtilizationPercentage": 80}));
        to_v2(&mut object);
        assert_eq!(object["spec"]["metrics"], metrics);
        assert_eq!(object["metadata"], json!({"name": "web"}));
    }
}
