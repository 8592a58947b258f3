//! Deployments, StatefulSets, CronJobs, and what scales and guards them.

use std::fmt::Write as _;

use super::random::Random;
use super::{Document, Service};

/// Registries that images come from.
const REGISTRY: &str = "registry.example.com";

pub(super) fn deployment(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, .. } = service;
    let replicas = if service.autoscaled {
        "  # replicas: the autoscaler decides\n".to_owned()
    } else {
        format!("  replicas: {}\n", service.replicas)
    };
    let text = format!(
        r#"# {name} of {team}. Ask #{team} before you change limits.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: {team}
  labels:
{labels}
  annotations:
    team.example.com/owner: "{team}@example.com"
    team.example.com/runbook: https://runbooks.example.com/{team}/{name}
spec:
{replicas}  revisionHistoryLimit: 3
  progressDeadlineSeconds: 300
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 25%
      maxUnavailable: 0
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
      app.kubernetes.io/instance: {name}
{template}"#,
        labels = service.labels(4),
        template = pod_template(service, random, 2, ""),
    );
    Document { file: "deployment", text }
}

pub(super) fn stateful_set(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, replicas, .. } = service;
    let size = random.pick(&["10Gi", "20Gi", "50Gi", "100Gi", "0.5Ti"]);
    let data = "      - name: data\n        mountPath: /var/lib/data\n";
    let text = format!(
        r#"apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {name}
  namespace: {team}
  labels:
{labels}
spec:
  serviceName: {name}
  replicas: {replicas}
  podManagementPolicy: OrderedReady
  updateStrategy:
    type: RollingUpdate
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
      app.kubernetes.io/instance: {name}
{template}  volumeClaimTemplates:
  - metadata:
      name: data
      labels:
        app.kubernetes.io/name: {name}
    spec:
      accessModes: ["ReadWriteOnce"]
      resources:
        requests:
          storage: {size}
"#,
        labels = service.labels(4),
        template = pod_template(service, random, 2, data),
    );
    Document { file: "statefulset", text }
}

/// `template:` of a workload: the service's container and one beside it.
fn pod_template(service: &Service, random: &mut Random, indent: usize, data: &str) -> String {
    let Service { name, team, version, port, .. } = service;
    let cpu = random.pick(&["100m", "250m", "0.5", "1", "1500m"]);
    let memory = random.pick(&["128Mi", "256Mi", "512Mi", "1Gi", "1.5Gi"]);
    let limit = random.pick(&["2Gi", "3Gi", "4096Mi"]);
    let delay = 5 + random.below(20);
    let level = random.pick(&["debug", "info", "warn"]);
    let pool = 4 + random.below(60);
    let checksum = random.hex(64);
    let mut more_env = String::new();
    for feature in ["NEW_CHECKOUT", "FAST_PATH", "SHADOW_READS", "STRICT_MODE", "TRACING"] {
        if random.percent(50) {
            let on = random.pick(&["\"true\"", "\"false\"", "'1'"]);
            let _ = write!(more_env, "      - name: FEATURE_{feature}\n        value: {on}\n");
        }
    }
    let text = format!(
        r#"template:
  metadata:
    labels:
{labels}
    annotations:
      prometheus.io/scrape: "true"
      prometheus.io/port: "9102"
      checksum/config: {checksum}
  spec:
    serviceAccountName: {name}
    terminationGracePeriodSeconds: 45
    securityContext:
      runAsNonRoot: true
      runAsUser: 10001
      fsGroup: 10001
      seccompProfile:
        type: RuntimeDefault
    topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          app.kubernetes.io/name: {name}
    affinity:
      podAntiAffinity:
        preferredDuringSchedulingIgnoredDuringExecution:
        - weight: 100
          podAffinityTerm:
            topologyKey: kubernetes.io/hostname
            labelSelector:
              matchExpressions:
              - key: app.kubernetes.io/name
                operator: In
                values: [{name}]
    initContainers:
    - name: migrate
      image: {REGISTRY}/{team}/{name}:{version}
      command: [/app/{name}, migrate, --yes]
      env:
      - name: DATABASE_PASSWORD
        valueFrom: {{secretKeyRef: {{name: {name}, key: database-password}}}}
      resources:
        requests: {{cpu: 50m, memory: 64Mi}}
    containers:
    - name: {name}
      image: {REGISTRY}/{team}/{name}:{version}
      imagePullPolicy: IfNotPresent
      args: ["serve", "--config=/etc/{name}/application.yaml", "--listen=:{port}"]
      ports:
      - name: http
        containerPort: {port}
      - name: admin
        containerPort: 9901
        protocol: TCP
      env:
      - name: POD_NAME
        valueFrom:
          fieldRef:
            fieldPath: metadata.name
      - name: GOMEMLIMIT
        valueFrom:
          resourceFieldRef:
            containerName: {name}
            resource: limits.memory
      - name: LOG_LEVEL
        value: {level}
      - name: DATABASE_POOL_SIZE
        value: "{pool}"
      - name: DATABASE_PASSWORD
        valueFrom:
          secretKeyRef:
            name: {name}
            key: database-password
      - name: HTTP_PROXY
        value: ""
{more_env}      envFrom:
      - configMapRef:
          name: {name}-settings
          optional: true
      resources:
        requests:
          cpu: {cpu}
          memory: {memory}
        limits:
          memory: {limit}
      startupProbe:
        httpGet:
          path: /healthz
          port: admin
        failureThreshold: 30
        periodSeconds: 2
      livenessProbe:
        httpGet:
          path: /healthz
          port: admin
        initialDelaySeconds: {delay}
        periodSeconds: 10
        timeoutSeconds: 3
      readinessProbe:
        httpGet:
          path: /ready
          port: http
        periodSeconds: 5
        failureThreshold: 3
      lifecycle:
        preStop:
          exec:
            # endpoints take a moment to forget us
            command: ["/bin/sh", "-c", "sleep 5"]
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
{data}      - name: config
        mountPath: /etc/{name}
        readOnly: true
      - name: tmp
        mountPath: /tmp
    - name: metrics            # statsd to Prometheus
      image: {REGISTRY}/platform/statsd-exporter:v0.26.1
      args:
      - --web.listen-address=:9102
      - --statsd.listen-udp=:9125
      ports:
      - {{name: metrics, containerPort: 9102}}
      - {{name: statsd, containerPort: 9125, protocol: UDP}}
      resources:
        requests: {{cpu: 10m, memory: 32Mi}}
        limits: {{memory: 64Mi}}
      readinessProbe:
        tcpSocket:
          port: 9102
    volumes:
    - name: config
      configMap:
        name: {name}-settings
        defaultMode: 0444
    - name: tmp
      emptyDir:
        sizeLimit: 256Mi
"#,
        labels = service.labels(6),
    );
    indented(&text, indent)
}

pub(super) fn cron_job(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, version, .. } = service;
    let task = random.pick(&["cleanup", "report", "reindex", "backup"]);
    let minute = random.below(60);
    let hour = random.below(24);
    let text = format!(
        r#"apiVersion: batch/v1
kind: CronJob
metadata:
  name: {name}-{task}
  namespace: {team}
  labels:
{labels}
spec:
  schedule: "{minute} {hour} * * *"   # once a day, not on the hour
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  startingDeadlineSeconds: 600
  jobTemplate:
    spec:
      backoffLimit: 2
      activeDeadlineSeconds: 3600
      ttlSecondsAfterFinished: 86400
      template:
        metadata:
          labels:
            app.kubernetes.io/name: {name}-{task}
            app.kubernetes.io/part-of: {team}
        spec:
          restartPolicy: Never
          serviceAccountName: {name}
          containers:
          - name: {task}
            image: {REGISTRY}/{team}/{name}:{version}
            command:
            - /bin/sh
            - -c
            - |
              set -eu
              echo "running {task} of {name}"
              exec /app/{name} {task} --batch-size=500 --config=/etc/{name}/application.yaml
            env:
            - name: DATABASE_PASSWORD
              valueFrom:
                secretKeyRef:
                  name: {name}
                  key: database-password
            resources:
              requests:
                cpu: 200m
                memory: 256Mi
              limits:
                cpu: "1"
                memory: 1Gi
            volumeMounts:
            - name: config
              mountPath: /etc/{name}
          volumes:
          - name: config
            configMap:
              name: {name}-settings
"#,
        labels = service.labels(4),
    );
    Document { file: "cronjob", text }
}

pub(super) fn autoscaler(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, replicas, .. } = service;
    let most = replicas + 2 + random.below(20);
    let target = 55 + random.below(30);
    let text = format!(
        r"apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {name}
  namespace: {team}
  labels:
{labels}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {name}
  minReplicas: {replicas}
  maxReplicas: {most}
  metrics:
  - type: Resource
    resource:
      name: cpu
      target:
        type: Utilization
        averageUtilization: {target}
  - type: Resource
    resource:
      name: memory
      target:
        type: AverageValue
        averageValue: 1200Mi
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 300
      policies:
      - type: Percent
        value: 20
        periodSeconds: 60
    scaleUp:
      stabilizationWindowSeconds: 0
      selectPolicy: Max
      policies:
      - type: Percent
        value: 100
        periodSeconds: 15
      - type: Pods
        value: 4
        periodSeconds: 15
",
        labels = service.labels(4),
    );
    Document { file: "autoscaling", text }
}

pub(super) fn disruption_budget(service: &Service) -> Document {
    let Service { name, team, .. } = service;
    let text = format!(
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: {name}\n  \
         namespace: {team}\n  labels:\n{}\nspec:\n  maxUnavailable: 1\n  selector:\n    \
         matchLabels:\n      app.kubernetes.io/name: {name}\n      \
         app.kubernetes.io/instance: {name}\n",
        service.labels(4)
    );
    Document { file: "autoscaling", text }
}

/// A text with so many spaces before each of its lines.
pub(super) fn indented(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines() {
        if !line.is_empty() {
            out.push_str(&pad);
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}
