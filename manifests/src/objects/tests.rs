//! Identities, lists, scopes: small streams and what is said of them.

use merge::schema::Schemas;

use crate::options::RenderOptions;
use crate::problem::Problems;
use crate::render::{FileSource, Render, render_files};

fn render(text: &str) -> Result<Render, Problems> {
    render_with(text, |_| {})
}

fn render_with(text: &str, change: impl Fn(&mut RenderOptions<'_>)) -> Result<Render, Problems> {
    let schemas = Schemas::builtin();
    let mut options = RenderOptions::new(&schemas);
    change(&mut options);
    let source = FileSource::Bytes { name: "a.yaml".to_owned(), bytes: text.as_bytes().to_vec() };
    render_files(&[source], &options)
}

fn told(text: &str) -> Vec<String> {
    match render(text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

fn names(render: &Render) -> Vec<String> {
    render.objects.iter().map(|manifest| format!("{} {}", manifest.origin, manifest.id)).collect()
}

#[test]
fn what_is_wrong_with_an_identity_is_told_with_its_line() {
    const HEAD: &str = "apiVersion: v1\nkind: ConfigMap\n";
    let long = "a".repeat(64);
    for (text, expected) in [
        ("just text\n".to_owned(), "a.yaml:1: a string stands here, where an object is expected"),
        ("- 1\n- 2\n".to_owned(), "a.yaml:1: a list stands here, where an object is expected"),
        ("kind: A\nmetadata: {name: b}\n".to_owned(), "a.yaml:1: A `b` has no apiVersion"),
        ("apiVersion: v1\nmetadata: {name: b}\n".to_owned(), "a.yaml:1: this object has no kind"),
        (
            "apiVersion: 1\nkind: A\nmetadata: {name: b}\n".to_owned(),
            "a.yaml:1: apiVersion is a number, not a string",
        ),
        (
            "apiVersion: a/b/c\nkind: A\nmetadata: {name: b}\n".to_owned(),
            "a.yaml:1: `a/b/c` is not an apiVersion, such as v1 or apps/v1",
        ),
        (
            "apiVersion: v1\nkind: on\nmetadata: {name: b}\n".to_owned(),
            "a.yaml:2: kind is a boolean, not a string",
        ),
        (
            "apiVersion: v1\nkind: A b\nmetadata: {name: b}\n".to_owned(),
            "a.yaml:2: `A b` is not the name of a kind",
        ),
        (HEAD.to_owned(), "a.yaml:1: this ConfigMap has no metadata.name"),
        (format!("{HEAD}metadata: []\n"), "a.yaml:3: metadata is a list, not a mapping"),
        (
            format!("{HEAD}metadata:\n  labels: {{}}\n"),
            "a.yaml:3: this ConfigMap has no metadata.name",
        ),
        (format!("{HEAD}metadata: {{name: ''}}\n"), "a.yaml:3: the name `` is empty"),
        (
            format!("{HEAD}metadata:\n  generateName: x-\n"),
            "a.yaml:4: this ConfigMap has a generateName and no name",
        ),
        (
            format!("{HEAD}metadata:\n  name: 123\n"),
            "a.yaml:4: metadata.name is a number, not a string",
        ),
        (
            format!("{HEAD}metadata:\n  name: A_b\n"),
            "a.yaml:4: the name `A_b` is not a DNS name: lower-case letters, digits, `-` and `.`, a letter or digit at both ends",
        ),
        (
            format!("{HEAD}metadata:\n  name: a..b\n"),
            "a.yaml:4: the name `a..b` is not a DNS name: lower-case letters, digits, `-` and `.`, a letter or digit at both ends",
        ),
        (
            format!("{HEAD}metadata:\n  name: a\n  namespace: on\n"),
            "a.yaml:5: metadata.namespace is a boolean, not a string",
        ),
        (
            format!("{HEAD}metadata:\n  name: a\n  namespace: a.b\n"),
            "a.yaml:5: the namespace `a.b` is not a DNS label: lower-case letters, digits and `-`, a letter or digit at both ends",
        ),
        (
            format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {long}\n"),
            &format!("a.yaml:4: the name `{long}` is longer than 63 characters"),
        ),
        (
            format!("{HEAD}metadata:\n  name: a\n  labels:\n    on: x\n    tier: 1\n"),
            "a.yaml:7: metadata.labels: `tier` is a number, not a string",
        ),
        (
            format!("{HEAD}metadata:\n  name: a\n  annotations: x\n"),
            "a.yaml:5: metadata.annotations is a string, not a mapping",
        ),
    ] {
        let found = told(&text);
        assert_eq!(found, [expected], "{text}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: A\n  annotations: {note: 1}\n  labels: {m: true}\n---\nkind: B\n";
    assert_eq!(
        told(text),
        [
            "a.yaml:4: the name `A` is not a DNS name: lower-case letters, digits, `-` and `.`, a letter or digit at both ends",
            "a.yaml:5: metadata.annotations: `note` is a number, not a string",
            "a.yaml:6: metadata.labels: `m` is a boolean, not a string",
            "a.yaml:8: this B has no apiVersion",
            "a.yaml:8: this B has no metadata.name",
        ]
    );
}

#[test]
fn names_of_roles_may_have_colons_and_cannot_leave_a_path() {
    let role = |name: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: \"{name}\"}}\n"
        )
    };
    assert_eq!(told(&role("system:aggregate-to-view")), [""; 0]);
    assert_eq!(told(&role("a/b")).len(), 1);
    assert_eq!(told(&role("..")).len(), 1);
}

#[test]
fn two_objects_of_one_identity_are_told_with_both_places() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n---\napiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: other}\n";
    assert_eq!(
        told(text),
        ["a.yaml:5: deployment.apps/web in shop is already defined at a.yaml:1"]
    );
    // The default namespace makes them one.
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: shop}\n";
    assert_eq!(told(text), [""; 0]);
    let problems =
        render_with(text, |options| options.namespace = Some("shop".to_owned())).unwrap_err();
    assert_eq!(problems.len(), 1);
}

#[test]
fn lists_are_unfolded_and_their_items_know_their_lines() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a, namespace: ns}\n- apiVersion: v1\n  kind: ConfigMapList\n  items:\n  - metadata: {name: b, namespace: ns}\n  - metadata: {name: c, namespace: ns}\n---\napiVersion: v1\nkind: ConfigMapList\nitems: []\n";
    assert_eq!(
        names(&render(text).unwrap()),
        [
            "a.yaml:4 configmap/a in ns",
            "a.yaml:10 configmap/b in ns",
            "a.yaml:11 configmap/c in ns"
        ]
    );
    let bad = "apiVersion: v1\nkind: List\nitems:\n- metadata: {name: a}\n- 7\n";
    assert_eq!(
        told(bad),
        [
            "a.yaml:4: object `a` has no apiVersion",
            "a.yaml:4: this object has no kind",
            "a.yaml:5: a number stands here, where an object is expected",
        ]
    );
    let kind_of_its_own =
        "apiVersion: example.com/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {items: []}\n";
    assert_eq!(names(&render(kind_of_its_own).unwrap()), ["a.yaml:1 allowlist.example.com/a"]);
}

#[test]
fn the_default_namespace_is_for_namespaced_objects_that_name_none() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: own}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: c}\n---\napiVersion: example.com/v1\nkind: Unheard\nmetadata: {name: d}\n---\napiVersion: example.com/v1\nkind: Unheard\nmetadata: {name: e}\n";
    let render = render_with(text, |options| options.namespace = Some("shop".to_owned())).unwrap();
    assert_eq!(
        names(&render),
        [
            "a.yaml:1 configmap/a in shop",
            "a.yaml:5 configmap/b in own",
            "a.yaml:9 namespace/c",
            "a.yaml:13 unheard.example.com/d",
            "a.yaml:17 unheard.example.com/e",
        ]
    );
    assert_eq!(render.objects[0].body["metadata"]["namespace"], "shop");
    let warnings: Vec<String> = render.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["a.yaml:13: example.com/v1 Unheard is neither a known kind nor defined by this source"]
    );
}

#[test]
fn a_namespace_on_a_cluster_scoped_kind_is_dropped_with_a_warning() {
    let text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  namespace: b\n";
    let render = render(text).unwrap();
    assert_eq!(names(&render), ["a.yaml:1 namespace/a"]);
    assert_eq!(render.objects[0].body["metadata"], serde_json::json!({"name": "a"}));
    assert_eq!(
        render.warnings[0].to_string(),
        "a.yaml:5: Namespace is not namespaced: its namespace `b` is dropped"
    );
}

#[test]
fn kinds_that_the_source_defines_have_the_scope_it_says() {
    let definition = |scope: &str| {
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: shops.example.com}}\nspec:\n  group: example.com\n  scope: {scope}\n  names: {{kind: Shop, plural: shops}}\n---\napiVersion: example.com/v1\nkind: Shop\nmetadata: {{name: a}}\n"
        )
    };
    let place = |scope: &str| {
        let set = |options: &mut RenderOptions<'_>| options.namespace = Some("n".to_owned());
        let render = render_with(&definition(scope), set).unwrap();
        assert_eq!(render.warnings, []);
        render.objects[1].id.namespace.clone()
    };
    assert_eq!(place("Namespaced").as_deref(), Some("n"));
    assert_eq!(place("Cluster"), None);
}

#[test]
fn the_digest_is_of_what_is_rendered_and_not_of_how_it_is_written() {
    let one = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: \"1\", b: \"2\"}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n";
    let other = "# moved\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\ndata:\n  b: \"2\"\n  a: \"1\"\n";
    let changed = one.replace("\"2\"", "\"3\"");
    let digest = |text: &str| render(text).unwrap().digest;
    assert_eq!(digest(one), digest(other));
    assert_ne!(digest(one), digest(&changed));
    // Ledgers hold it, so it stays what it is: sorted lines of identity and digest.
    let lines: String = ["a", "b"]
        .iter()
        .zip(render(one).unwrap().objects)
        .fold(String::new(), |lines, (name, object)| {
            format!("{lines} ConfigMap  {name} {}\n", object.digest)
        });
    assert_eq!(digest(one), merge::Digest::of_bytes(lines.as_bytes()));
}

#[test]
fn more_objects_than_allowed_are_refused_at_the_first_too_many() {
    let documents: Vec<String> = (0..4)
        .map(|n| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a{n}}}\n"))
        .collect();
    let problems =
        render_with(&documents.concat(), |options| options.limits.objects = 3).unwrap_err();
    assert_eq!(problems.to_string(), "a.yaml:14: the source has more than 3 objects");
}
