//! Role bindings and admission webhooks.

use serde_json::Map;

use super::{Fields, map_made, set_absent, set_empty, text_of};

const RBAC: &str = "rbac.authorization.k8s.io";

/// `SetDefaults_RoleBinding`, `SetDefaults_ClusterRoleBinding`.
pub(super) fn binding(object: &mut Fields) {
    if let Some(role) = map_made(object, "roleRef") {
        set_empty(role, "apiGroup", RBAC);
    }
}

/// `SetDefaults_Subject`: users and groups have a group, service accounts have none.
pub(super) fn subject(object: &mut Fields) {
    if matches!(text_of(object, "kind"), "User" | "Group") {
        set_empty(object, "apiGroup", RBAC);
    }
}

/// `SetDefaults_ValidatingWebhook` and what the mutating one shares with it.
pub(super) fn webhook(object: &mut Fields) {
    set_absent(object, "failurePolicy", "Fail");
    set_absent(object, "matchPolicy", "Equivalent");
    set_absent(object, "namespaceSelector", Map::new());
    set_absent(object, "objectSelector", Map::new());
    set_absent(object, "timeoutSeconds", 10);
}
