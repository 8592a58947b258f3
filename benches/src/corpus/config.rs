//! ConfigMaps with the files that people put in them, and Secrets.

use std::fmt::Write as _;

use super::random::Random;
use super::workloads::indented;
use super::{Document, Service};

/// An `application.yaml` and a few plain settings.
pub(super) fn settings(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, port, .. } = service;
    let pool = 5 + random.below(50);
    let timeout = 1 + random.below(30);
    let ratio = random.below(100);
    let level = random.pick(&["DEBUG", "INFO", "WARN"]);
    let region = random.pick(&["eu-west-1", "eu-central-1", "us-east-1", "ap-south-1"]);
    let mut routes = String::new();
    for number in 0..6 + random.below(9) {
        let target = random.pick(&["catalog", "orders", "identity", "ledger", "search", "feed"]);
        let retries = random.below(5);
        let _ = write!(
            routes,
            "- match: /api/v{number}/{target}\n  upstream: http://{target}.{team}.svc:8080\n  \
             timeout: {timeout}s\n  retries: {retries}\n"
        );
    }
    let application = format!(
        "server:\n  port: {port}\n  shutdown: graceful\n  compression:\n    enabled: true\n    \
         mime-types: [application/json, text/html]\nmanagement:\n  port: 9901\n  endpoints: health,info,prometheus\n\
         datasource:\n  url: jdbc:postgresql://{name}-db.{team}.svc:5432/{name}?sslmode=require\n  \
         username: {name}\n  password: ${{DATABASE_PASSWORD}}\n  hikari:\n    maximum-pool-size: {pool}\n    \
         connection-timeout: {timeout}000\nlogging:\n  level:\n    root: {level}\n    com.example.{team}: DEBUG\n\
         tracing:\n  sampling: 0.{ratio:02}\n  endpoint: http://collector.observability.svc:4317\n\n\
         # routes that other teams serve\nroutes:\n{routes}"
    );
    let text = format!(
        r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}-settings
  namespace: {team}
  labels:
{labels}
data:
  REGION: {region}
  MAX_CONNECTIONS: "{pool}"
  MAINTENANCE: "off"
  application.yaml: |
{application}"#,
        labels = service.labels(4),
        application = indented(&application, 4),
    );
    Document { file: "config", text }
}

/// A proxy's configuration and a start script.
pub(super) fn server(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, port, .. } = service;
    let workers = 1 + random.below(8);
    let body = 1 + random.below(64);
    let mut locations = String::new();
    for path in ["/", "/static/", "/api/", "/internal/", "/ws/"] {
        if random.percent(70) {
            let expires = random.below(60);
            let _ = write!(
                locations,
                "    location {path} {{\n      proxy_pass http://backend;\n      \
                 proxy_set_header Host $host;\n      proxy_set_header X-Request-Id $request_id;\n      \
                 proxy_read_timeout {expires}s;\n    }}\n"
            );
        }
    }
    let nginx = format!(
        "worker_processes {workers};\nerror_log /dev/stderr warn;\npid /tmp/nginx.pid;\n\nevents {{\n  \
         worker_connections 4096;\n}}\n\nhttp {{\n  include mime.types;\n  default_type application/octet-stream;\n  \
         log_format json escape=json '{{\"time\":\"$time_iso8601\",\"status\":\"$status\",\"path\":\"$uri\"}}';\n  \
         access_log /dev/stdout json;\n  sendfile on;\n  keepalive_timeout 65;\n  client_max_body_size {body}m;\n\n  \
         upstream backend {{\n    server 127.0.0.1:{port} max_fails=3 fail_timeout=5s;\n    keepalive 32;\n  }}\n\n  \
         server {{\n    listen 8443 ssl;\n    server_name {name}.{team}.example.com;\n{locations}  }}\n}}\n"
    );
    let script = format!(
        "#!/bin/sh\n# started by the container; $1 is the mode\nset -eu\n\nif [ \"${{1:-serve}}\" = migrate ]; then\n  \
         exec /app/{name} migrate --yes\nfi\n\nfor file in /etc/{name}/*.yaml; do\n  \
         [ -e \"$file\" ] || continue\n  /app/{name} check --file \"$file\"\ndone\nexec /app/{name} serve\n"
    );
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}-proxy\n  namespace: {team}\n  \
         labels:\n{}\ndata:\n  nginx.conf: |\n{}  start.sh: |\n{}",
        service.labels(4),
        indented(&nginx, 4),
        indented(&script, 4)
    );
    Document { file: "config", text }
}

/// A dashboard, as JSON in YAML.
pub(super) fn dashboard(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, .. } = service;
    let mut panels = Vec::new();
    for panel in 0..4 + random.below(7) {
        let quantile = random.pick(&["0.5", "0.9", "0.99"]);
        let unit = random.pick(&["s", "reqps", "percentunit", "bytes"]);
        panels.push(format!(
            "    {{\n      \"id\": {panel},\n      \"type\": \"timeseries\",\n      \
             \"title\": \"{name} latency p{quantile}\",\n      \"fieldConfig\": {{\"defaults\": {{\"unit\": \"{unit}\"}}}},\n      \
             \"targets\": [{{\"expr\": \"histogram_quantile({quantile}, sum(rate(http_request_duration_seconds_bucket{{app=\\\"{name}\\\"}}[5m])) by (le))\"}}]\n    }}"
        ));
    }
    let json = format!(
        "{{\n  \"title\": \"{team} / {name}\",\n  \"uid\": \"{}\",\n  \"refresh\": \"30s\",\n  \"tags\": [\"{team}\"],\n  \
         \"panels\": [\n{}\n  ]\n}}\n",
        random.hex(12),
        panels.join(",\n")
    );
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}-dashboard\n  namespace: {team}\n  \
         labels:\n{}\n    grafana.example.com/dashboard: \"1\"\ndata:\n  {name}.json: |-\n{}",
        service.labels(4),
        indented(&json, 4)
    );
    Document { file: "dashboard", text }
}

pub(super) fn secret(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, .. } = service;
    let head = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: {team}\n  labels:\n{}\n\
         type: Opaque\n",
        service.labels(4)
    );
    // Hexadecimal digits in groups of four are base64 too.
    let key: String =
        (0..9).map(|_| format!("    {}\n", random.hex(64))).collect::<Vec<_>>().concat();
    let text = if random.percent(50) {
        format!(
            "{head}stringData:\n  database-password: pw-{}\n  api-token: \"tok_{}\"\n  tls.key: |\n    \
             -----BEGIN EXAMPLE KEY-----\n{key}    -----END EXAMPLE KEY-----\n",
            random.hex(24),
            random.hex(40)
        )
    } else {
        format!(
            "{head}# sealed by hand; see the runbook\ndata:\n  database-password: {}\n  api-token: {}\n  tls.key: >-\n    {}\n",
            random.hex(40),
            random.hex(48),
            random.hex(720),
        )
    };
    Document { file: "secret", text }
}
