//! Making objects: `POST`, and everything that is the same when an apply makes one.

use std::sync::Arc;

use merge::{defaults, validate};
use serde_json::{Value, json};

use super::super::{Api, Subject};
use super::options::WriteOptions;
use super::{ATTEMPTS, body, drop_nulls, fields, metadata_mut, prune_for_storage, written};
use crate::answer::Answer;
use crate::clock;
use crate::custom::{self, definition, schema};
use crate::ownership;
use crate::refusal::Refusal;
use crate::store::{Expect, Key, NotCommitted};

/// Kinds that count the changes of what is wanted from their making on.
pub(super) fn has_generation(subject: &Subject<'_>) -> bool {
    let resource = &subject.resource;
    resource.custom.is_some()
        || matches!(
            (&*resource.group, &*resource.plural),
            ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets")
                | ("", "replicationcontrollers" | "podtemplates")
                | ("batch", "jobs" | "cronjobs")
                | ("networking.k8s.io", "ingresses" | "ingressclasses" | "networkpolicies")
                | ("policy", "poddisruptionbudgets")
                | ("apiextensions.k8s.io", "customresourcedefinitions")
                | ("scheduling.k8s.io", "priorityclasses")
                | ("flowcontrol.apiserver.k8s.io", _)
                | (
                    "admissionregistration.k8s.io",
                    "validatingwebhookconfigurations" | "mutatingwebhookconfigurations"
                )
        )
}

impl Api {
    pub(in super::super) fn create(&self, subject: &Subject<'_>) -> Result<Answer, Refusal> {
        let options = WriteOptions::read(subject)?;
        let (mut object, duplicates) = body::read(subject)?;
        body::place(subject, &mut object)?;
        let warnings = fields::decode(subject, &mut object, options.validation, duplicates)?;
        drop_nulls(subject, &mut object);
        if merge::object::resource_version(&object).is_some() {
            return Err(Refusal::bad_request(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let generate = object
            .pointer("/metadata/generateName")
            .and_then(Value::as_str)
            .filter(|base| !base.is_empty())
            .map(str::to_owned);
        let named = merge::object::name(&object).is_some();
        let stated = object;
        for _ in 0..ATTEMPTS {
            let mut object = stated.clone();
            if let (false, Some(base)) = (named, &generate)
                && let Some(metadata) = metadata_mut(&mut object)
            {
                metadata.insert("name".to_owned(), json!(self.names.generate(base)));
            }
            let name = merge::object::name(&object).unwrap_or_default().to_owned();
            self.fill_new(subject, &mut object);
            ownership::track_new(subject, &stated, &mut object, &options.manager, &clock::text());
            match self.bring_in(subject, object, &options) {
                Ok(stored) => return written(subject, 201, &stored, &warnings),
                Err(NotBrought::Taken) if !named => {}
                Err(NotBrought::Taken) => {
                    return Err(Refusal::already_exists(&subject.resource, &name));
                }
                Err(NotBrought::Refused(refusal)) => return Err(refusal),
            }
        }
        let base = generate.unwrap_or_default();
        Err(Refusal::already_exists(&subject.resource, &base))
    }

    /// Defaults of a new object: what the kind's types, strategies and schema add.
    pub(super) fn fill_new(&self, subject: &Subject<'_>, object: &mut Value) {
        if let Some(definition) = &subject.resource.custom {
            let version = &subject.resource.version;
            if definition.has_subresource(version, "status")
                && let Value::Object(map) = object
            {
                map.remove("status");
            }
            if let Some(structure) = definition.schema(version) {
                schema::prune(structure, object);
                schema::fill(structure, object);
            }
        }
        if subject.resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
            definition::fill(object);
        }
        defaults::fill(object);
    }

    /// Gives a filled-in object its uid and addresses, checks it and stores it.
    pub(super) fn bring_in(
        &self,
        subject: &Subject<'_>,
        mut object: Value,
        options: &WriteOptions,
    ) -> Result<Arc<Value>, NotBrought> {
        let name = merge::object::name(&object).unwrap_or_default().to_owned();
        let uid = self.names.uid();
        if let Some(metadata) = metadata_mut(&mut object) {
            for field in ["resourceVersion", "selfLink", "deletionTimestamp"] {
                metadata.remove(field);
            }
            metadata.remove("deletionGracePeriodSeconds");
            metadata.insert("uid".to_owned(), json!(uid));
            metadata.insert("creationTimestamp".to_owned(), json!(clock::text()));
            if has_generation(subject) {
                metadata.insert("generation".to_owned(), json!(1));
            } else {
                metadata.remove("generation");
            }
        }
        if subject.resource.is("batch", "jobs") {
            defaults::identify_job(&mut object, &uid);
        }
        let refuse = |causes: &[validate::Cause]| {
            NotBrought::Refused(Refusal::invalid(
                &subject.resource.group,
                &subject.resource.kind,
                &name,
                causes,
            ))
        };
        let lease = if subject.resource.is("", "services") {
            Some(self.addresses.allocate(None, &mut object).map_err(|cause| refuse(&[cause]))?)
        } else {
            None
        };
        let causes = check_new(subject, &object);
        prune_for_storage(subject, &mut object);
        if !causes.is_empty() {
            return Err(refuse(&causes));
        }
        let key = Key { name: name.clone(), ..subject.key_of(&name) };
        if options.dry_run {
            return self.rehearse(subject, &key, object);
        }
        let stored = self
            .store
            .put(&key, Expect::Absent, object, subject.resource.namespaced)
            .map_err(|why| NotBrought::of(subject, &name, &why))?;
        if let Some(lease) = lease {
            lease.keep();
        }
        self.after_put(&key, &stored);
        Ok(stored)
    }

    /// What a creation would meet, without entering it.
    fn rehearse(
        &self,
        subject: &Subject<'_>,
        key: &Key,
        object: Value,
    ) -> Result<Arc<Value>, NotBrought> {
        if self.store.get(key).is_some() {
            return Err(NotBrought::Taken);
        }
        if subject.resource.namespaced {
            self.store
                .check_namespace(&key.namespace)
                .map_err(|why| NotBrought::of(subject, &key.name, &why))?;
        }
        Ok(Arc::new(object))
    }
}

/// Why an object was not made.
pub(super) enum NotBrought {
    /// There is one of that name.
    Taken,
    Refused(Refusal),
}

impl NotBrought {
    fn of(subject: &Subject<'_>, name: &str, why: &NotCommitted) -> Self {
        match why {
            NotCommitted::Raced => Self::Taken,
            NotCommitted::NoNamespace => Self::Refused(Refusal::no_namespace(subject.namespace())),
            NotCommitted::Terminating => Self::Refused(Refusal::namespace_terminating(
                &subject.resource,
                name,
                subject.namespace(),
            )),
        }
    }
}

/// What is wrong with a new object.
fn check_new(subject: &Subject<'_>, object: &Value) -> Vec<validate::Cause> {
    let mut causes = validate::create(object);
    check_schema(subject, object, &mut causes);
    causes
}

/// What is wrong with an object by its definition's schema; and with a definition that is right so far,
/// by the defaults in its own.
pub(super) fn check_schema(
    subject: &Subject<'_>,
    object: &Value,
    causes: &mut Vec<validate::Cause>,
) {
    if let Some(custom) = &subject.resource.custom
        && let Some(structure) = custom.schema(&subject.resource.version)
    {
        causes.extend(schema::check(structure, object));
    }
    let is_definition = subject.resource.is("apiextensions.k8s.io", "customresourcedefinitions");
    if is_definition && causes.is_empty() {
        for (path, structure) in validate::definition_schemas(object) {
            causes.extend(custom::defaults::check(structure, &path));
        }
    }
}
