//! Custom resources, and the definitions they need.

use std::fmt::Write as _;

use super::random::Random;
use super::{Document, Service};

/// The definitions of both kinds.
pub(super) fn definitions() -> Vec<Document> {
    let queue = DEFINITION_OF_QUEUES.to_owned();
    let database = DEFINITION_OF_DATABASES.to_owned();
    vec![Document { file: "queues", text: queue }, Document { file: "databases", text: database }]
}

pub(super) fn queue(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, .. } = service;
    let partitions = 1 + random.below(64);
    let mut consumers = String::new();
    for _ in 0..=random.below(4) {
        let group = random.hex(4);
        let lag = random.below(10_000);
        let _ = write!(
            consumers,
            "  - group: {name}-{group}\n    maxLag: {lag}\n    deadLetter:\n      queue: {name}-dead\n      after: 5\n"
        );
    }
    let text = format!(
        "apiVersion: messaging.example.com/v1\nkind: Queue\nmetadata:\n  name: {name}-events\n  \
         namespace: {team}\n  labels:\n{}\nspec:\n  partitions: {partitions}\n  replication: 3\n  \
         retention: 168h\n  storage: 0.5Ti\n  settings:\n    cleanup.policy: compact,delete\n    \
         compression.type: zstd\n    min.insync.replicas: \"2\"\n  consumers:\n{consumers}",
        service.labels(4)
    );
    Document { file: "queue", text }
}

pub(super) fn database(service: &Service, random: &mut Random) -> Document {
    let Service { name, team, .. } = service;
    let storage = random.pick(&["20Gi", "100Gi", "1Ti"]);
    let connections = 50 + random.below(400);
    let text = format!(
        "apiVersion: data.example.com/v1alpha1\nkind: Database\nmetadata:\n  name: {name}-db\n  \
         namespace: {team}\n  labels:\n{}\nspec:\n  engine: postgresql\n  version: \"16.4\"\n  \
         storage: {storage}\n  highAvailability: yes\n  parameters:\n    max_connections: \"{connections}\"\n    \
         shared_buffers: 2GB\n    log_min_duration_statement: 250ms\n    wal_level: logical\n  users:\n  \
         - name: {name}\n    grants: [read, write]\n  - name: {name}-readonly\n    grants: [read]\n  backup:\n    \
         schedule: 17 2 * * *\n    retention: 14d\n    bucket: s3://{team}-backups/{name}\n",
        service.labels(4)
    );
    Document { file: "database", text }
}

const DEFINITION_OF_QUEUES: &str = r"# Queues, run by the platform team's operator.
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: queues.messaging.example.com
spec:
  group: messaging.example.com
  scope: Namespaced
  names:
    kind: Queue
    plural: queues
    singular: queue
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [partitions]
            properties:
              partitions:
                type: integer
                minimum: 1
                maximum: 512
              replication:
                type: integer
                default: 3
              retention:
                type: string
              storage:
                type: string
              settings:
                type: object
                additionalProperties:
                  type: string
              consumers:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [group]
                items:
                  type: object
                  required: [group]
                  properties:
                    group:
                      type: string
                    maxLag:
                      type: integer
                    startFrom:
                      type: string
                      default: latest
                    deadLetter:
                      type: object
                      properties:
                        queue: {type: string}
                        after: {type: integer}
          status:
            type: object
            x-kubernetes-preserve-unknown-fields: true
";

const DEFINITION_OF_DATABASES: &str = r"apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: databases.data.example.com
spec:
  group: data.example.com
  scope: Namespaced
  names:
    kind: Database
    plural: databases
    singular: database
    shortNames: [db]
  versions:
  - name: v1alpha1
    served: true
    storage: true
    subresources:
      status: {}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              engine:
                type: string
                enum: [postgresql, mysql]
              version:
                type: string
              storage:
                type: string
              highAvailability:
                type: boolean
                default: false
              parameters:
                type: object
                x-kubernetes-map-type: atomic
                additionalProperties:
                  type: string
              users:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties:
                    name: {type: string}
                    grants:
                      type: array
                      x-kubernetes-list-type: set
                      items: {type: string}
              backup:
                type: object
                properties:
                  schedule: {type: string}
                  retention: {type: string}
                  bucket: {type: string}
          status:
            type: object
            x-kubernetes-preserve-unknown-fields: true
";
