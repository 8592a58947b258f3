//! Which nodes a pod may run on: its node selector and the required terms of its node affinity.

use serde_json::Value;

use super::object;

/// Whether a pod's spec allows a node (`nodeaffinity.GetRequiredNodeAffinity`).
pub(super) fn allows(spec: &Value, node: &Value) -> bool {
    let labels = object::map(node, "/metadata/labels");
    let selected = object::map(spec, "/nodeSelector").is_none_or(|selector| {
        selector
            .iter()
            .all(|(key, wanted)| labels.and_then(|labels| labels.get(key)) == Some(wanted))
    });
    let required = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    selected
        && spec.pointer(required).is_none_or(|required| {
            object::list(required, "/nodeSelectorTerms").iter().any(|term| matches(term, node))
        })
}

fn matches(term: &Value, node: &Value) -> bool {
    let labels = object::map(node, "/metadata/labels");
    let expressions = object::list(term, "/matchExpressions");
    let fields = object::list(term, "/matchFields");
    (!expressions.is_empty() || !fields.is_empty())
        && expressions.iter().all(|requirement| {
            let value = labels.and_then(|labels| labels.get(object::text(requirement, "/key")));
            object::requirement_holds(requirement, value)
        })
        && fields.iter().all(|requirement| {
            let name = node.pointer("/metadata/name");
            let value = name.filter(|_| object::text(requirement, "/key") == "metadata.name");
            object::requirement_holds(requirement, value)
        })
}

/// The node that a pod of a DaemonSet is made for, by the affinity it was given.
pub(super) fn target(pod: &Value) -> &str {
    let node = object::text(pod, "/spec/nodeName");
    if !node.is_empty() {
        return node;
    }
    let required = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    object::list(pod, required)
        .iter()
        .flat_map(|term| object::list(term, "/matchFields"))
        .find_map(|field| object::list(field, "/values").first()?.as_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_and_required_terms_decide() {
        let node = json!({"metadata": {"name": "n1", "labels": {"disk": "ssd", "zone": "a"}}});
        let required = |term: Value| {
            json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                {"nodeSelectorTerms": [term]}}}})
        };
        for (spec, expected) in [
            (json!({}), true),
            (json!({"nodeSelector": {"disk": "ssd"}}), true),
            (json!({"nodeSelector": {"disk": "hdd"}}), false),
            (
                required(json!({"matchExpressions": [
                {"key": "zone", "operator": "In", "values": ["a", "b"]}]})),
                true,
            ),
            (
                required(json!({"matchExpressions": [
                {"key": "zone", "operator": "NotIn", "values": ["a"]}]})),
                false,
            ),
            (
                required(json!({"matchFields": [
                {"key": "metadata.name", "operator": "In", "values": ["n2"]}]})),
                false,
            ),
            (required(json!({})), false),
        ] {
            assert_eq!(allows(&spec, &node), expected, "{spec}");
        }
    }
}
