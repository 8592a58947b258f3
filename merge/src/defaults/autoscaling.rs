//! Horizontal pod autoscalers, in both versions.

use serde_json::{Value, json};

use super::{Fields, list_is_empty, map_at, map_of, set_absent};

const CPU_UTILIZATION: i64 = 80;

/// `SetDefaults_HorizontalPodAutoscaler` of v1. The target comes from the stored version, v2, where no
/// metric at all means CPU at 80 %; other metrics travel in an annotation.
pub(super) fn version_one(object: &mut Fields) {
    let other_metrics = map_of(object, "metadata")
        .and_then(|metadata| map_of(metadata, "annotations"))
        .is_some_and(|annotations| {
            annotations.contains_key("autoscaling.alpha.kubernetes.io/metrics")
        });
    if let Some(spec) = map_at(object, "spec") {
        set_absent(spec, "minReplicas", 1);
        if !other_metrics {
            set_absent(spec, "targetCPUUtilizationPercentage", CPU_UTILIZATION);
        }
    }
}

/// `SetDefaults_HorizontalPodAutoscaler` of v2.
pub(super) fn version_two(object: &mut Fields) {
    let Some(spec) = map_at(object, "spec") else { return };
    set_absent(spec, "minReplicas", 1);
    if list_is_empty(spec, "metrics") {
        let target = json!({"type": "Utilization", "averageUtilization": CPU_UTILIZATION});
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
        spec.insert("metrics".to_owned(), json!([metric]));
    }
    if let Some(behavior) = map_at(spec, "behavior") {
        let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
        let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
        scaling_rules(
            behavior,
            "scaleUp",
            json!({"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [pods, percent.clone()]}),
        );
        scaling_rules(behavior, "scaleDown", json!({"selectPolicy": "Max", "policies": [percent]}));
    }
}

/// `GenerateHPAScaleUpRules` and `GenerateHPAScaleDownRules`: what is set wins, field by field.
fn scaling_rules(behavior: &mut Fields, direction: &str, defaults: Value) {
    set_absent(behavior, direction, json!({}));
    if let (Some(rules), Value::Object(defaults)) = (map_at(behavior, direction), defaults) {
        for (name, value) in defaults {
            set_absent(rules, &name, value);
        }
    }
}
