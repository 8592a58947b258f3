//! The local preflight: everything that can be known to fail before the first write.

use std::collections::BTreeMap;

use merge::path::Path;
use merge::{Manifest, ObjectId, validate};
use serde_json::Value;

use super::surroundings::Surroundings;
use super::{Action, Inputs, NamespaceState, Refusal, RefusalKind as Kind, Step, order, prune};
use crate::application::Ownership;
use crate::diff::{ChangeKind, Verdict};
use crate::policy::Adoption;

/// How many fields a refusal names one by one.
const MOST_PATHS: usize = 20;

/// Two manifests of one object.
pub(super) fn duplicates(desired: &[Manifest]) -> Vec<Refusal> {
    let mut first: BTreeMap<&ObjectId, &Manifest> = BTreeMap::new();
    let mut refusals = Vec::new();
    for manifest in desired {
        if let Some(other) = first.get(&manifest.id) {
            refusals.push(Refusal {
                origin: manifest.origin.clone(),
                id: manifest.id.clone(),
                kind: Kind::Duplicate,
                why: format!("it is written twice; first at {}", other.origin),
                hint: "keep one of the two".to_owned(),
            });
        } else {
            first.insert(&manifest.id, manifest);
        }
    }
    refusals
}

/// Every reason against one step.
pub(super) fn of_step(
    inputs: &Inputs<'_>,
    around: &Surroundings<'_>,
    step: &Step,
    live: Option<&Value>,
) -> Vec<Refusal> {
    let mut found = Check { inputs, around, step, live, refusals: Vec::new() };
    found.annotations();
    let is_known = found.kind();
    found.place();
    found.adoption();
    // What is only looked at need not be right.
    if step.action != Action::Observe {
        found.deleting();
        found.conflict();
        // What a kind that nobody serves may hold is anybody's guess. What the server has as it is
        // wanted it has accepted, whatever the schemas at hand say of it.
        if is_known && step.action != Action::Unchanged && found.schema() {
            found.values();
        }
    }
    found.refusals
}

struct Check<'a> {
    inputs: &'a Inputs<'a>,
    around: &'a Surroundings<'a>,
    step: &'a Step,
    live: Option<&'a Value>,
    refusals: Vec<Refusal>,
}

impl Check<'_> {
    fn refuse(&mut self, kind: Kind, why: impl AsRef<str>, hint: impl Into<String>) {
        let manifest = &self.step.manifest;
        let redaction = self.inputs.redaction;
        // What is made of names alone can stay as it is.
        let why = match kind {
            Kind::Schema | Kind::Invalid | Kind::Immutable | Kind::Annotation => redaction
                .message(why.as_ref(), [manifest.body.as_ref()].into_iter().chain(self.live)),
            _ => why.as_ref().to_owned(),
        };
        self.refusals.push(Refusal {
            origin: manifest.origin.clone(),
            id: manifest.id.clone(),
            kind,
            why,
            hint: hint.into(),
        });
    }

    fn annotations(&mut self) {
        let body = &self.step.manifest.body;
        if let Some((key, value)) = order::hook(body) {
            self.refuse(
                Kind::Annotation,
                format!("it is a hook (`{key}: {value}`), and cleat runs no hooks"),
                "take the annotation away to have it applied in its wave, or exclude the file",
            );
        }
        if let Err((key, text)) = order::wave(body) {
            self.refuse(
                Kind::Annotation,
                format!("its annotation {key} is `{text}`, which is no wave"),
                "write a whole number in quotes, such as \"1\"",
            );
        }
    }

    /// Whether the cluster will know the kind when the object is applied.
    fn kind(&mut self) -> bool {
        let manifest = &self.step.manifest;
        let gvk = &manifest.gvk;
        let served = match &self.inputs.cluster.kinds {
            Some(kinds) => kinds.contains(gvk),
            // Without a cluster nobody can say which custom kinds there are; the built-in ones are known.
            None => self.inputs.schemas.knows(gvk) || !is_builtin_group(&gvk.group),
        };
        let definition = self.around.kinds.get(gvk).copied();
        match definition {
            None if served => {}
            None => {
                let others = self.inputs.cluster.kinds.iter().flatten();
                let other = others
                    .filter(|it| it.kind == gvk.kind)
                    .map(merge::GroupVersionKind::api_version)
                    .collect::<Vec<_>>()
                    .join(", ");
                let hint = if other.is_empty() {
                    "check the spelling of apiVersion and kind, or add its definition to the source"
                        .to_owned()
                } else {
                    format!("the cluster serves {} as {other}", gvk.kind)
                };
                self.refuse(Kind::UnknownKind, format!("nothing serves the kind {gvk}"), hint);
                return false;
            }
            Some(definition) => {
                let known = self.inputs.live.contains_key(&definition.id)
                    || self.inputs.cluster.kinds.as_ref().is_some_and(|it| it.contains(gvk));
                if !known {
                    self.wave_of(definition, "its kind is defined");
                }
            }
        }
        true
    }

    /// The namespace: named, there in time, and open to new objects.
    fn place(&mut self) {
        let manifest = &self.step.manifest;
        let Some(name) = manifest.id.namespace.as_deref() else {
            if self.around.schemas.scope(&manifest.gvk) == Some(merge::schema::Scope::Namespaced) {
                self.refuse(
                    Kind::Namespace,
                    "it names no namespace",
                    "write metadata.namespace, or give a default with --namespace",
                );
            }
            return;
        };
        let namespaces = self.inputs.cluster.namespaces.as_ref();
        let state = namespaces.and_then(|all| all.get(name));
        if state == Some(&NamespaceState::Terminating) {
            self.refuse(
                Kind::Namespace,
                format!("the namespace {name} is being deleted"),
                "wait until it is gone, then apply again",
            );
            return;
        }
        let maker = self.around.namespaces.get(name).copied();
        let exists = state.is_some()
            || self.inputs.live.keys().any(|id| order::is_namespace(id) && id.name == name);
        match maker {
            Some(maker) if !exists => self.wave_of(maker, "its namespace is made"),
            None if !exists && namespaces.is_some() => self.refuse(
                Kind::Namespace,
                format!("the namespace {name} exists neither in the cluster nor in the source"),
                "add a Namespace to the source, or create it",
            ),
            _ => {}
        }
    }

    fn wave_of(&mut self, maker: &Manifest, what: &str) {
        let wave = |body: &Value| order::wave(body).unwrap_or_default();
        let (mine, theirs) = (wave(&self.step.manifest.body), wave(&maker.body));
        if theirs > mine {
            let origin = &maker.origin;
            self.refuse(
                Kind::WaveOrder,
                format!("it is in wave {mine}, but {what} only in wave {theirs}, at {origin}"),
                format!(
                    "give it {} \"{theirs}\" or later, or its maker an earlier one",
                    order::WAVE
                ),
            );
        }
    }

    fn adoption(&mut self) {
        let Some(live) = self.live else { return };
        if self.step.action != Action::Adopt || self.inputs.policy.adoption != Adoption::Refuse {
            return;
        }
        let id = &self.step.manifest.id;
        debug_assert!(!super::is_ours(self.inputs, id, live));
        let whose = match self.inputs.application.ownership(id, live) {
            Ownership::Other(application) => format!("belongs to application {application}"),
            _ => "is not part of this application".to_owned(),
        };
        let mut managers: Vec<String> = merge::managed::entries(live)
            .into_iter()
            .map(|entry| format!("{} ({})", entry.manager, entry.operation.as_str()))
            .collect();
        managers.sort();
        managers.dedup();
        let managers = if managers.is_empty() {
            String::new()
        } else {
            format!("; it is managed by {}", managers.join(", "))
        };
        let diff = &self.step.diff;
        let set = diff.changes.iter().filter(|change| change.kind == ChangeKind::Set);
        let would = [
            listed("would change", set.map(|change| &change.path)),
            listed("would remove", diff.removed()),
        ];
        let would: Vec<String> = would.into_iter().flatten().collect();
        let would = if would.is_empty() {
            String::new()
        } else {
            format!("; taking it over {}", would.join(", and "))
        };
        self.refuse(
            Kind::Adoption,
            format!("it exists already and {whose}{managers}{would}"),
            "take it over with --adopt, only compare it with --adoption observe, or take it out of \
             the source",
        );
    }

    fn deleting(&mut self) {
        let Some(live) = self.live.filter(|live| prune::is_deleting(live)) else { return };
        let finalizers = live
            .pointer("/metadata/finalizers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let waits = if finalizers.is_empty() {
            String::new()
        } else {
            format!(", waiting for {finalizers}")
        };
        self.refuse(
            Kind::Deleting,
            format!("the live object is being deleted{waits}"),
            "wait until it is gone, then apply again",
        );
    }

    fn conflict(&mut self) {
        let Verdict::Conflict(contested) = &self.step.diff.verdict else { return };
        for one in contested {
            self.refuse(
                Kind::Conflict,
                format!("{} was applied by {}", one.path, one.holder),
                format!(
                    "take the field out of the source, or have {} let go of it",
                    one.holder.manager
                ),
            );
        }
    }

    /// Whether the body fits its schema; values are judged only then.
    fn schema(&mut self) -> bool {
        if let Some(why) = self.around.unreadable.get(&self.step.manifest.id) {
            self.refuse(Kind::Schema, why, "mend the definition's schema");
            return false;
        }
        let problems = self.around.schemas.check(&self.step.outgoing);
        for problem in &problems {
            self.refuse(Kind::Schema, format!("{}: {}", problem.path, problem.message), "");
        }
        problems.is_empty()
    }

    fn values(&mut self) {
        let Some(predicted) = self.step.diff.predicted.clone() else { return };
        let predicted = predicted.expose();
        let Some(live) = self.live else {
            for cause in validate::create(predicted) {
                self.refuse(Kind::Invalid, format!("{}: {}", cause.field, cause.message), "");
            }
            return;
        };
        let immutable = validate::immutable(live, predicted);
        for cause in &immutable {
            self.refuse(
                Kind::Immutable,
                format!("{}: {}", cause.field, cause.message),
                "the field cannot change: put it back, or delete the object or give it a new name",
            );
        }
        for cause in validate::update(live, predicted) {
            if !immutable.contains(&cause) {
                self.refuse(Kind::Invalid, format!("{}: {}", cause.field, cause.message), "");
            }
        }
    }
}

/// Some paths in words; `None` if there are none.
fn listed<'p>(what: &str, paths: impl Iterator<Item = &'p Path>) -> Option<String> {
    let paths: Vec<String> = paths.map(ToString::to_string).collect();
    let more = paths.len().saturating_sub(MOST_PATHS);
    let first = paths.get(..MOST_PATHS).unwrap_or(&paths).join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!paths.is_empty()).then(|| format!("{what} {first}{more}"))
}

/// Groups whose kinds come with every server: those without a dot, and these. Other groups under
/// `k8s.io` are those of definitions that Kubernetes' own projects write.
fn is_builtin_group(group: &str) -> bool {
    !group.contains('.')
        || matches!(
            group,
            "admissionregistration.k8s.io"
                | "apiextensions.k8s.io"
                | "apiregistration.k8s.io"
                | "authentication.k8s.io"
                | "authorization.k8s.io"
                | "certificates.k8s.io"
                | "coordination.k8s.io"
                | "discovery.k8s.io"
                | "events.k8s.io"
                | "flowcontrol.apiserver.k8s.io"
                | "networking.k8s.io"
                | "node.k8s.io"
                | "rbac.authorization.k8s.io"
                | "resource.k8s.io"
                | "scheduling.k8s.io"
                | "storage.k8s.io"
        )
}
