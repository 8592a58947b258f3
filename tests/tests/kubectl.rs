//! The real kubectl against the sandbox on a port.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test's helpers fail by panicking, and its figures are printed"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use sandbox::{Cluster, Options, Server};
use tests::kubectl::Kubectl;

/// A sandbox, and a kubectl that talks to it.
struct Stage {
    kubectl: Kubectl,
    cluster: Cluster,
    _server: Server,
}

impl std::ops::Deref for Stage {
    type Target = Kubectl;

    fn deref(&self) -> &Kubectl {
        &self.kubectl
    }
}

impl Stage {
    /// `None` if there is no kubectl.
    async fn set() -> Option<Self> {
        let cluster = Cluster::new(&Options::default());
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = cluster.serve(loopback).await.unwrap();
        let kubectl = Kubectl::find(&server.kubeconfig())?;
        Some(Self { kubectl, cluster, _server: server })
    }
}

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  labels: {app: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: registry.example/app:1.0
        ports: [{containerPort: 80}]
";

const WIDGETS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns:
    - {name: Size, type: integer, jsonPath: .spec.size}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer, description: How big it is}
";

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_reads_writes_and_describes() {
    let Some(stage) = Stage::set().await else { return };
    assert!(stage.ok("version", "").contains("Server Version: v1.28.7"));
    stage.ok("create namespace shop", "");

    // Both kinds of apply, and what they leave.
    let applied = stage.ok("apply --server-side -f -", DEPLOYMENT);
    assert_eq!(applied, "deployment.apps/web serverside-applied\n");
    let service = "---\n{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, \
                   spec: {selector: {app: web}, ports: [{port: 80}]}}";
    assert_eq!(stage.ok("apply -f -", service), "service/web created\n");
    assert_eq!(stage.ok("apply -f -", service), "service/web unchanged\n");
    let other = service.replace("port: 80", "port: 81");
    assert_eq!(stage.ok("apply -f -", &other), "service/web configured\n");

    // Tables, wide and narrow, selected, in all namespaces.
    let wide = stage.ok("get deployments -n shop -o wide", "");
    let mut rows = wide.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    let head = "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR";
    assert_eq!(rows.next().unwrap().join(" "), head);
    let row = rows.next().unwrap();
    assert_eq!(row[..2], ["web", "0/2"]);
    assert_eq!(row[5..], ["app", "registry.example/app:1.0", "app=web"]);
    let services = stage.ok("get services -A", "");
    assert!(services.contains("81/TCP"), "{services}");
    assert_eq!(stage.ok("get deployments -n shop -l app=none -o name", ""), "");
    let yaml = stage.ok("get deployment web -n shop -o yaml --show-managed-fields", "");
    assert!(yaml.contains("operation: Apply"), "{yaml}");

    let node = "---\n{apiVersion: v1, kind: Node, metadata: {name: bare, labels: \
                {node-role.kubernetes.io/worker: ''}}, spec: {unschedulable: true}}";
    stage.ok("create -f -", node);
    let nodes = stage.ok("get nodes", "");
    let rows: Vec<Vec<&str>> = nodes.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]);
    assert_eq!(rows[1][..3], ["bare", "Unknown,SchedulingDisabled", "worker"]);

    // Small changes.
    stage.ok("label deployment web -n shop tier=front", "");
    stage.ok("annotate deployment web -n shop example.com/note=hello", "");
    assert_eq!(stage.ok("get deployments -A -l tier=front -o name", ""), "deployment.apps/web\n");
    stage.ok("scale deployment web -n shop --replicas=3", "");
    let replicas = stage.ok("get deployment web -n shop -o jsonpath={.spec.replicas}", "");
    assert_eq!(replicas, "3");
    let conflict = stage.run("apply --server-side -f -", DEPLOYMENT);
    let conflict = String::from_utf8(conflict.stderr).unwrap();
    assert!(conflict.contains("conflict"), "{conflict}");

    // Reading in words.
    let described = stage.ok("describe deployment web -n shop", "");
    assert!(described.contains("Replicas:               3 desired"), "{described}");
    let pod = "---\n{apiVersion: v1, kind: Pod, metadata: {name: one, namespace: shop}, \
               spec: {containers: [{name: app, image: registry.example/app:1.0}]}}";
    stage.ok("create -f -", pod);
    let described = stage.ok("describe pod one -n shop", "");
    assert!(described.contains("Image:        registry.example/app:1.0"), "{described}");
    let resources = stage.ok("api-resources", "");
    assert!(resources.contains("deployments"), "{resources}");
    let explained = stage.ok("explain deployment.spec.replicas", "");
    assert!(explained.contains("replicas <integer>"), "{explained}");

    // Refusals are the server's.
    let refused = stage.fails("get deployment none -n shop");
    assert!(refused.contains("deployments.apps \"none\" not found"), "{refused}");
    assert!(stage.fails("create namespace shop").contains("already exists"));

    // Going away, with what is owned.
    stage.ok("delete deployment web -n shop", "");
    stage.ok("delete namespace shop", "");
    assert!(stage.fails("get namespace shop").contains("not found"));
    assert!(stage.cluster.requests().iter().all(|request| request.code != Some(500)));
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_waits_watches_and_learns_definitions() {
    let Some(stage) = Stage::set().await else { return };
    stage.ok("create namespace shop", "");

    stage.ok("apply --server-side -f -", WIDGETS);
    stage.ok("wait --for condition=established --timeout=10s crd/widgets.example.com", "");
    let widget = "---\n{apiVersion: example.com/v1, kind: Widget, \
                  metadata: {name: one, namespace: shop}, spec: {size: 3}}";
    assert_eq!(stage.ok("apply -f -", widget), "widget.example.com/one created\n");
    let table = stage.ok("get wd -n shop", "");
    let row = table.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(row[..2], ["one", "3"], "{table}");
    let explained = stage.ok("explain widget.spec.size", "");
    assert!(explained.contains("How big it is"), "{explained}");
    let wrong = widget.replace("size: 3", "colour: 3");
    let strict = stage.run("create -f -", &wrong);
    let strict = String::from_utf8(strict.stderr).unwrap();
    assert!(strict.contains("unknown field \"spec.colour\""), "{strict}");

    // A watch ends when kubectl has seen what it waits for.
    stage.ok("create configmap settings -n shop --from-literal=a=1", "");
    let mut watch = stage
        .command("get configmaps -n shop -w -o name --request-timeout=20s")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = {
        use std::io::BufRead;
        let mut lines = std::io::BufReader::new(watch.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        stage.ok("create configmap second -n shop --from-literal=a=1", "");
        [first, lines.next().unwrap().unwrap()]
    };
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert_eq!(lines, ["configmap/settings", "configmap/second"]);

    stage.ok("delete configmap second -n shop --wait=true", "");
    stage.ok("wait --for=delete configmap/second -n shop --timeout=10s", "");
    stage.ok("delete crd widgets.example.com", "");
    // Whether kubectl still remembers the kind or not, the server serves it no more.
    let gone = stage.fails("get widgets -n shop");
    let words = ["doesn't have a resource type", "could not find the requested resource"];
    assert!(words.iter().any(|word| gone.contains(word)), "{gone}");
}
