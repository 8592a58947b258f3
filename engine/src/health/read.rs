//! Reading untyped objects: absent, null and mistyped fields all read as "not there".

use jiff::Timestamp;
use serde_json::Value;

/// The value at a path of field names.
pub(super) fn at<'a>(object: &'a Value, path: &[&str]) -> Option<&'a Value> {
    let found = path.iter().try_fold(object, |value, field| value.get(field))?;
    (!found.is_null()).then_some(found)
}

/// A text that is not empty.
pub(super) fn text<'a>(object: &'a Value, path: &[&str]) -> Option<&'a str> {
    at(object, path)?.as_str().filter(|text| !text.is_empty())
}

/// A number.
pub(super) fn number(object: &Value, path: &[&str]) -> Option<i64> {
    at(object, path)?.as_i64()
}

/// A count of a status. Kubernetes leaves zeros out, so what is absent is zero.
pub(super) fn count(object: &Value, path: &[&str]) -> i64 {
    number(object, path).unwrap_or_default()
}

/// Whether a field is `true`.
pub(super) fn is_true(object: &Value, path: &[&str]) -> bool {
    at(object, path).and_then(Value::as_bool) == Some(true)
}

/// The entries of a list; none if it is not there.
pub(super) fn list<'a>(object: &'a Value, path: &[&str]) -> &'a [Value] {
    at(object, path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A time as Kubernetes writes it.
pub(super) fn time(object: &Value, path: &[&str]) -> Option<Timestamp> {
    text(object, path)?.parse().ok()
}

/// How many pods a workload asks for. The server fills in 1 (`SetDefaults_Deployment` and its kin).
pub(super) fn wanted_replicas(object: &Value) -> i64 {
    number(object, &["spec", "replicas"]).unwrap_or(1)
}

/// The address a load balancer gave.
pub(super) fn balanced(object: &Value) -> Option<&str> {
    let first = list(object, &["status", "loadBalancer", "ingress"]).first()?;
    text(first, &["ip"]).or_else(|| text(first, &["hostname"]))
}
