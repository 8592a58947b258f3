//! Services, Ingresses and NetworkPolicies.

use std::fmt::Write as _;

use super::random::Random;
use super::{Document, Service};

pub(super) fn service(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, .. } = service;
    let affinity = if random.percent(20) {
        "  sessionAffinity: ClientIP\n  sessionAffinityConfig:\n    clientIP:\n      timeoutSeconds: 3600\n"
    } else {
        ""
    };
    let text = format!(
        r#"apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: {team}
  labels:
{labels}
  annotations:
    service.example.com/tier: "{tier}"
spec:
  type: ClusterIP
{affinity}  selector:
    app.kubernetes.io/name: {name}
    app.kubernetes.io/instance: {name}
  ports:
  - name: http
    port: 80
    targetPort: http
    appProtocol: http
  - name: admin
    port: 9901
    targetPort: admin
    protocol: TCP
  - {{name: metrics, port: 9102, targetPort: metrics}}
"#,
        labels = service.labels(4),
        tier = random.below(4),
    );
    Document { file: "service", text }
}

pub(super) fn headless_service(service: &Service) -> Document {
    let Service { name, team, .. } = service;
    let text = format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  namespace: {team}\n  labels:\n{}\n\
         spec:\n  clusterIP: None   # peers find each other by name\n  publishNotReadyAddresses: true\n  \
         selector:\n    app.kubernetes.io/name: {name}\n    app.kubernetes.io/instance: {name}\n  ports:\n  \
         - name: http\n    port: {}\n  - name: admin\n    port: 9901\n",
        service.labels(4),
        service.port,
    );
    Document { file: "service", text }
}

pub(super) fn ingress(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, .. } = service;
    let size = random.pick(&["1m", "8m", "32m", "100m"]);
    let text = format!(
        r#"apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {name}
  namespace: {team}
  labels:
{labels}
  annotations:
    cert-manager.io/cluster-issuer: letsencrypt
    nginx.ingress.kubernetes.io/proxy-body-size: {size}
    nginx.ingress.kubernetes.io/proxy-read-timeout: "60"
    nginx.ingress.kubernetes.io/configuration-snippet: |
      more_set_headers "X-Frame-Options: DENY";
      more_set_headers "X-Content-Type-Options: nosniff";
spec:
  ingressClassName: nginx
  tls:
  - hosts: [{name}.{team}.example.com]
    secretName: {name}-tls
  rules:
  - host: {name}.{team}.example.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: {name}
            port:
              name: http
      - path: /metrics
        pathType: Exact
        backend:
          service:
            name: {name}
            port:
              number: 9102
"#,
        labels = service.labels(4),
    );
    Document { file: "ingress", text }
}

pub(super) fn policy(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, port, .. } = service;
    let mut peers = String::new();
    for _ in 0..=random.below(3) {
        let peer = random.pick(&["gateway", "orders", "checkout", "reports", "feed"]);
        let _ = write!(
            peers,
            "    - podSelector:\n        matchLabels:\n          app.kubernetes.io/name: {peer}\n"
        );
    }
    let text = format!(
        r"apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {name}
  namespace: {team}
  labels:
{labels}
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: {name}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
{peers}    ports:
    - port: {port}
  - from:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: observability
    ports:
    - port: 9102
      protocol: TCP
  egress:
  - to:
    - namespaceSelector: {{}}
      podSelector:
        matchLabels:
          k8s-app: kube-dns
    ports:
    - {{port: 53, protocol: UDP}}
    - {{port: 53, protocol: TCP}}
  - to:
    - ipBlock:
        cidr: 10.0.0.0/8
        except:
        - 10.250.0.0/16
",
        labels = service.labels(4),
    );
    Document { file: "network", text }
}
