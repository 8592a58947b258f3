//! The OpenAPI v3 documents of the built-in groups, as they were recorded from a real server.
//! Each is a gzip of one JSON document; `tests/recorded/discovery/openapi-v3` is where they come from.

/// Path below `/openapi/v3/`, and the gzipped document.
pub(crate) const DOCUMENTS: &[(&str, &[u8])] = &[
    ("api", include_bytes!("data/openapi/api.json.gz")),
    ("api/v1", include_bytes!("data/openapi/api__v1.json.gz")),
    ("apis", include_bytes!("data/openapi/apis.json.gz")),
    (
        "apis/admissionregistration.k8s.io",
        include_bytes!("data/openapi/apis__admissionregistration.k8s.io.json.gz"),
    ),
    (
        "apis/admissionregistration.k8s.io/v1",
        include_bytes!("data/openapi/apis__admissionregistration.k8s.io__v1.json.gz"),
    ),
    (
        "apis/apiextensions.k8s.io",
        include_bytes!("data/openapi/apis__apiextensions.k8s.io.json.gz"),
    ),
    (
        "apis/apiextensions.k8s.io/v1",
        include_bytes!("data/openapi/apis__apiextensions.k8s.io__v1.json.gz"),
    ),
    (
        "apis/apiregistration.k8s.io",
        include_bytes!("data/openapi/apis__apiregistration.k8s.io.json.gz"),
    ),
    (
        "apis/apiregistration.k8s.io/v1",
        include_bytes!("data/openapi/apis__apiregistration.k8s.io__v1.json.gz"),
    ),
    ("apis/apps", include_bytes!("data/openapi/apis__apps.json.gz")),
    ("apis/apps/v1", include_bytes!("data/openapi/apis__apps__v1.json.gz")),
    (
        "apis/authentication.k8s.io",
        include_bytes!("data/openapi/apis__authentication.k8s.io.json.gz"),
    ),
    (
        "apis/authentication.k8s.io/v1",
        include_bytes!("data/openapi/apis__authentication.k8s.io__v1.json.gz"),
    ),
    (
        "apis/authorization.k8s.io",
        include_bytes!("data/openapi/apis__authorization.k8s.io.json.gz"),
    ),
    (
        "apis/authorization.k8s.io/v1",
        include_bytes!("data/openapi/apis__authorization.k8s.io__v1.json.gz"),
    ),
    ("apis/autoscaling", include_bytes!("data/openapi/apis__autoscaling.json.gz")),
    ("apis/autoscaling/v1", include_bytes!("data/openapi/apis__autoscaling__v1.json.gz")),
    ("apis/autoscaling/v2", include_bytes!("data/openapi/apis__autoscaling__v2.json.gz")),
    ("apis/batch", include_bytes!("data/openapi/apis__batch.json.gz")),
    ("apis/batch/v1", include_bytes!("data/openapi/apis__batch__v1.json.gz")),
    ("apis/certificates.k8s.io", include_bytes!("data/openapi/apis__certificates.k8s.io.json.gz")),
    (
        "apis/certificates.k8s.io/v1",
        include_bytes!("data/openapi/apis__certificates.k8s.io__v1.json.gz"),
    ),
    ("apis/coordination.k8s.io", include_bytes!("data/openapi/apis__coordination.k8s.io.json.gz")),
    (
        "apis/coordination.k8s.io/v1",
        include_bytes!("data/openapi/apis__coordination.k8s.io__v1.json.gz"),
    ),
    ("apis/discovery.k8s.io", include_bytes!("data/openapi/apis__discovery.k8s.io.json.gz")),
    ("apis/discovery.k8s.io/v1", include_bytes!("data/openapi/apis__discovery.k8s.io__v1.json.gz")),
    ("apis/events.k8s.io", include_bytes!("data/openapi/apis__events.k8s.io.json.gz")),
    ("apis/events.k8s.io/v1", include_bytes!("data/openapi/apis__events.k8s.io__v1.json.gz")),
    (
        "apis/flowcontrol.apiserver.k8s.io",
        include_bytes!("data/openapi/apis__flowcontrol.apiserver.k8s.io.json.gz"),
    ),
    (
        "apis/flowcontrol.apiserver.k8s.io/v1beta2",
        include_bytes!("data/openapi/apis__flowcontrol.apiserver.k8s.io__v1beta2.json.gz"),
    ),
    (
        "apis/flowcontrol.apiserver.k8s.io/v1beta3",
        include_bytes!("data/openapi/apis__flowcontrol.apiserver.k8s.io__v1beta3.json.gz"),
    ),
    ("apis/networking.k8s.io", include_bytes!("data/openapi/apis__networking.k8s.io.json.gz")),
    (
        "apis/networking.k8s.io/v1",
        include_bytes!("data/openapi/apis__networking.k8s.io__v1.json.gz"),
    ),
    ("apis/node.k8s.io", include_bytes!("data/openapi/apis__node.k8s.io.json.gz")),
    ("apis/node.k8s.io/v1", include_bytes!("data/openapi/apis__node.k8s.io__v1.json.gz")),
    ("apis/policy", include_bytes!("data/openapi/apis__policy.json.gz")),
    ("apis/policy/v1", include_bytes!("data/openapi/apis__policy__v1.json.gz")),
    (
        "apis/rbac.authorization.k8s.io",
        include_bytes!("data/openapi/apis__rbac.authorization.k8s.io.json.gz"),
    ),
    (
        "apis/rbac.authorization.k8s.io/v1",
        include_bytes!("data/openapi/apis__rbac.authorization.k8s.io__v1.json.gz"),
    ),
    ("apis/scheduling.k8s.io", include_bytes!("data/openapi/apis__scheduling.k8s.io.json.gz")),
    (
        "apis/scheduling.k8s.io/v1",
        include_bytes!("data/openapi/apis__scheduling.k8s.io__v1.json.gz"),
    ),
    ("apis/storage.k8s.io", include_bytes!("data/openapi/apis__storage.k8s.io.json.gz")),
    ("apis/storage.k8s.io/v1", include_bytes!("data/openapi/apis__storage.k8s.io__v1.json.gz")),
    ("logs", include_bytes!("data/openapi/logs.json.gz")),
    ("openid/v1/jwks", include_bytes!("data/openapi/openid__v1__jwks.json.gz")),
    ("version", include_bytes!("data/openapi/version.json.gz")),
];
