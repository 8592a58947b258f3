//! Many objects of many kinds, for tests that count what they cost.

use std::fmt::Write as _;

/// Manifests of seven kinds in one namespace, named `o0` and so on.
pub fn manifests(namespace: &str, count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let meta = format!("metadata: {{name: o{number}, namespace: {namespace}}}");
        let workload = "spec:\n  selector: {matchLabels: {app: o}}\n  template:\n    metadata: {labels: {app: o}}\n    \
                        spec:\n      containers: [{name: app, image: \"registry.example/app:1.0\"}]\n";
        let body = match number % 10 {
            0..=3 => format!(
                "apiVersion: v1\nkind: ConfigMap\n{meta}\ndata: {{key: \"{number}\", more: value}}\n"
            ),
            4 => {
                format!("apiVersion: v1\nkind: Secret\n{meta}\nstringData: {{key: \"{number}\"}}\n")
            }
            5 => format!("apiVersion: v1\nkind: ServiceAccount\n{meta}\n"),
            6 => format!(
                "apiVersion: v1\nkind: Service\n{meta}\nspec: {{selector: {{app: o}}, ports: [{{port: 80}}]}}\n"
            ),
            7 => format!(
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n{meta}\nrules: [{{apiGroups: [\"\"], resources: [pods], verbs: [get]}}]\n"
            ),
            8 => format!("apiVersion: apps/v1\nkind: Deployment\n{meta}\n{workload}")
                .replace("matchLabels: {app: o}", &format!("matchLabels: {{app: o{number}}}"))
                .replace("labels: {app: o}", &format!("labels: {{app: o{number}}}")),
            _ => format!(
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\n{meta}\nspec: {{defaultBackend: {{service: {{name: o6, port: {{number: 80}}}}}}}}\n"
            ),
        };
        let _ = write!(text, "---\n{body}");
    }
    text
}
