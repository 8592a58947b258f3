//! Containers of every sort, and their probes.

use super::{Fields, images, set_empty, set_zero, text_of};

/// `SetDefaults_Container`, `SetDefaults_EphemeralContainer`.
pub(super) fn container(object: &mut Fields) {
    let policy = images::pull_policy(text_of(object, "image"));
    set_empty(object, "imagePullPolicy", policy);
    set_empty(object, "terminationMessagePath", "/dev/termination-log");
    set_empty(object, "terminationMessagePolicy", "File");
}

/// `SetDefaults_Probe`.
pub(super) fn probe(object: &mut Fields) {
    set_zero(object, "timeoutSeconds", 1);
    set_zero(object, "periodSeconds", 10);
    set_zero(object, "successThreshold", 1);
    set_zero(object, "failureThreshold", 3);
}

/// `SetDefaults_HTTPGetAction`.
pub(super) fn http_get(object: &mut Fields) {
    set_empty(object, "path", "/");
    set_empty(object, "scheme", "HTTP");
}
