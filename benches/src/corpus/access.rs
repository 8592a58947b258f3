//! A team's namespace, and who may do what.

use std::fmt::Write as _;

use super::random::Random;
use super::{Document, Service};

/// What a team begins with.
pub(super) fn team(team: &str) -> Vec<Document> {
    let namespace = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {team}\n  labels:\n    \
         team.example.com/name: {team}\n    pod-security.kubernetes.io/enforce: restricted\n    \
         pod-security.kubernetes.io/warn: restricted\n  annotations:\n    \
         team.example.com/owner: \"{team}@example.com\"\n"
    );
    let limits = format!(
        "apiVersion: v1\nkind: LimitRange\nmetadata:\n  name: defaults\n  namespace: {team}\nspec:\n  \
         limits:\n  - type: Container\n    defaultRequest:\n      cpu: 50m\n      memory: 64Mi\n    \
         default:\n      memory: 0.5Gi\n    max:\n      cpu: \"8\"\n      memory: 16Gi\n"
    );
    vec![
        Document { file: "namespace", text: namespace },
        Document { file: "namespace", text: limits },
    ]
}

pub(super) fn service_account(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, .. } = service;
    let account = 100_000_000_000 + random.below(900_000_000_000);
    let text = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n  namespace: {team}\n  \
         labels:\n{}\n  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::{account}:role/{team}-{name}\n\
         automountServiceAccountToken: false\n",
        service.labels(4)
    );
    Document { file: "rbac", text }
}

pub(super) fn role(service: &Service, random: &mut Random) -> Vec<Document> {
    let Service { name, team, .. } = service;
    let labels = service.labels(4);
    let mut rules = String::new();
    for (group, resources) in [
        ("\"\"", "[configmaps, secrets]"),
        ("\"\"", "[pods, pods/log]"),
        ("apps", "[deployments, statefulsets]"),
        ("coordination.k8s.io", "[leases]"),
        ("batch", "[jobs, cronjobs]"),
    ] {
        if rules.is_empty() || random.percent(60) {
            let verbs = random.pick(&["[get, list, watch]", "[\"*\"]", "[get, create, update]"]);
            let _ = write!(
                rules,
                "- apiGroups: [{group}]\n  resources: {resources}\n  verbs: {verbs}\n"
            );
        }
    }
    let role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: {name}\n  \
         namespace: {team}\n  labels:\n{labels}\nrules:\n{rules}"
    );
    let binding = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: {name}\n  \
         namespace: {team}\n  labels:\n{labels}\nroleRef:\n  apiGroup: rbac.authorization.k8s.io\n  \
         kind: Role\n  name: {name}\nsubjects:\n- kind: ServiceAccount\n  name: {name}\n  namespace: {team}\n\
         - kind: Group\n  name: {team}-oncall\n  apiGroup: rbac.authorization.k8s.io\n"
    );
    vec![Document { file: "rbac", text: role }, Document { file: "rbac", text: binding }]
}

pub(super) fn cluster_role(service: &Service) -> Vec<Document> {
    let Service { name, team, .. } = service;
    let labels = service.labels(4);
    let role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {team}-{name}\n  \
         labels:\n{labels}\nrules:\n- apiGroups: [\"\"]\n  resources: [nodes, namespaces]\n  \
         verbs: [get, list, watch]\n- nonResourceURLs: [/metrics, /healthz]\n  verbs: [get]\n"
    );
    let binding = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  \
         name: {team}-{name}\n  labels:\n{labels}\nroleRef:\n  apiGroup: rbac.authorization.k8s.io\n  \
         kind: ClusterRole\n  name: {team}-{name}\nsubjects:\n- kind: ServiceAccount\n  name: {name}\n  \
         namespace: {team}\n"
    );
    vec![Document { file: "rbac", text: role }, Document { file: "rbac", text: binding }]
}
