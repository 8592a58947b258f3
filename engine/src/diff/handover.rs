//! Ownership that is put right before an apply, so that the apply can remove what it has to.
//!
//! An apply removes a field only if our manager applied it and nobody else owns it. That is not so
//! where
//! * an object is adopted: what its predecessors declared is theirs, and is migrated to us;
//! * another manager's update has taken a field that Git drops later: it is taken back;
//! * somebody has cleared managedFields: our entry is put back from what we applied last.
//!
//! Each is a change of managedFields alone. No value changes before the apply, so an old one never
//! comes back, and a run that dies in between leaves the object as it was.

use jiff::Timestamp;
use merge::GroupVersionKind;
use merge::apply::{self, ApplyError};
use merge::fields::FieldSet;
use merge::managed::{self, HandedOver, Migration, Operation, Takeover, migrate};
use merge::path::Path;
use serde::Serialize;
use serde_json::{Value, json};

use super::body::replicas;
use super::{Comparison, Holder, changes, shape};
use crate::ignore::Selection;

/// What becomes of an object's ownership before it is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Handover {
    /// Whose fields become ours, on adoption. Their entries go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub migrated: Vec<Holder>,
    /// Fields that Git dropped after somebody else had taken them.
    #[serde(serialize_with = "super::as_texts", skip_serializing_if = "Vec::is_empty")]
    pub reclaimed: Vec<Path>,
    /// Whether managedFields had been cleared.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub restored: bool,
    /// managedFields as they are to be.
    #[serde(skip)]
    pub managed_fields: Vec<Value>,
}

/// A live object whose ownership is being put right.
pub(super) struct Claim<'a> {
    comparison: &'a Comparison<'a>,
    /// The live object with the ownership that the apply will meet.
    pub live: Value,
    handover: Handover,
    /// What is not ours to remove.
    left_alone: &'a Selection,
}

impl<'a> Claim<'a> {
    /// Takes over from predecessors, and puts our entry back where all entries were cleared.
    pub fn of(
        comparison: &'a Comparison<'a>,
        live: &Value,
        body: &Value,
        left_alone: &'a Selection,
    ) -> Self {
        let mut claim = Self {
            comparison,
            left_alone,
            live: live.clone(),
            handover: Handover {
                migrated: Vec::new(),
                reclaimed: Vec::new(),
                restored: false,
                managed_fields: managed_fields(live).to_vec(),
            },
        };
        if claim.handover.managed_fields.is_empty() {
            claim.restore(body);
        }
        if !claim.handover.restored && !comparison.predecessors.is_empty() {
            claim.migrate(body);
        }
        if comparison.leaves_replicas() {
            claim.let_go(&FieldSet::of([replicas()]));
        }
        claim
    }

    fn set(&mut self, entries: Vec<Value>) {
        if let Some(metadata) = self.live.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("managedFields".to_owned(), Value::Array(entries.clone()));
        }
        self.handover.managed_fields = entries;
    }

    /// Takes fields that the body leaves out back out of what was handed over to us: the apply would
    /// remove them.
    fn let_go(&mut self, fields: &FieldSet) {
        if self.handover.migrated.is_empty() && !self.handover.restored {
            return;
        }
        let entries = self.handover.managed_fields.iter().map(|entry| {
            let held = entry.get("fieldsV1").and_then(|held| FieldSet::from_v1(held).ok());
            match held.filter(|_| self.is_ours(entry)) {
                Some(held) => with_fields(entry, &held.difference(fields)),
                None => entry.clone(),
            }
        });
        self.set(entries.collect());
    }

    fn is_ours(&self, entry: &Value) -> bool {
        let is = |field: &str, text: &str| {
            entry.get(field).and_then(Value::as_str).unwrap_or_default() == text
        };
        is("manager", self.comparison.manager)
            && is("operation", Operation::Apply.as_str())
            && is("subresource", "")
    }

    fn migrate(&mut self, body: &Value) {
        let comparison = self.comparison;
        let takeover =
            Takeover { manager: comparison.manager, predecessors: comparison.predecessors };
        let time = comparison.time();
        let migration = migrate(comparison.schemas, &self.live, body, &takeover, &time);
        let Some(Migration { managed_fields, handed_over }) = migration else { return };
        let before = managed::entries(&self.live);
        let time_of = |one: &HandedOver| {
            before
                .iter()
                .filter(|entry| entry.subresource.is_none())
                .find(|entry| (&entry.manager, entry.operation) == (&one.manager, one.operation))
                .and_then(|entry| entry.time.clone())
        };
        let holder = |one: &HandedOver| Holder {
            manager: one.manager.clone(),
            operation: one.operation.as_str().to_owned(),
            subresource: None,
            time: time_of(one),
        };
        self.handover.migrated = handed_over.iter().map(holder).collect();
        self.set(managed_fields);
    }

    /// Without any entry the server would give everything to a manager of its own, and we could never
    /// remove anything again.
    fn restore(&mut self, body: &Value) {
        let Some(previous) = self.previous(body) else { return };
        let had = self.comparison.declared_before(&previous);
        // What is left alone and not sent would be removed, once it is ours again.
        let lost = |it: &Path| self.left_alone.covers(it).is_some() && it.find(body).is_none();
        let there = |it: &Path| it.find(&self.live).is_some() && !lost(it);
        let had = FieldSet::of(had.paths().into_iter().filter(there));
        if !had.is_empty() {
            self.set(vec![self.entry(&had, body)]);
            self.handover.restored = true;
        }
    }

    /// Takes back what Git dropped, what an apply alone would leave, and what no other manager
    /// declares. Gives the object as the apply makes it then; `None` if nothing has to be taken back.
    pub fn reclaim(&mut self, body: &Value, plain: &Value) -> Result<Option<Value>, ApplyError> {
        let dropped = self.dropped(body, plain)?;
        if dropped.is_empty() {
            return Ok(None);
        }
        let entries = self.with_ours(&dropped, body);
        if entries == self.handover.managed_fields {
            return Ok(None);
        }
        let before = self.handover.managed_fields.clone();
        self.set(entries);
        let removed = self.comparison.apply(Some(&self.live), body, true)?;
        let comparable = |object: &Value| changes::comparable(self.comparison.schemas, object);
        if comparable(&removed) == comparable(plain) {
            // A value that comes back by itself, as a default does, need not be taken.
            self.set(before);
            return Ok(None);
        }
        self.handover.reclaimed = dropped.leaves();
        Ok(Some(removed))
    }

    fn dropped(&self, body: &Value, plain: &Value) -> Result<FieldSet, ApplyError> {
        let comparison = self.comparison;
        if comparison.previous == Some(comparison.desired) {
            return Ok(FieldSet::new());
        }
        let Some(previous) = self.previous(body) else { return Ok(FieldSet::new()) };
        // More than the body has: replicas that are left to an autoscaler are wanted all the same.
        let wanted = comparison.declared(&comparison.sent(comparison.desired))?;
        let declared = managed::entries(&self.live)
            .into_iter()
            .filter(|entry| entry.operation == Operation::Apply)
            .filter(|entry| entry.manager != comparison.manager)
            .fold(FieldSet::new(), |all, entry| all.union(&entry.fields));
        let candidates =
            comparison.declared_before(&previous).difference(&wanted).difference(&declared);
        let stays = |path: &Path| path.find(&self.live).is_some() && path.find(plain).is_some();
        let scaled = |path: &Path| comparison.autoscaled && *path == replicas();
        let paths = candidates.paths().into_iter().filter(|it| stays(it) && !scaled(it));
        let paths = paths.filter(|it| self.left_alone.covers(it).is_none());
        Ok(FieldSet::of(paths))
    }

    /// What we applied last, if it is of the version that we apply in.
    fn previous(&self, body: &Value) -> Option<Value> {
        let same = |it: &Value| GroupVersionKind::of(it) == GroupVersionKind::of(body);
        self.comparison.previously_sent().filter(same)
    }

    /// The entries with these fields in ours, and out of those of managers who did not declare them.
    fn with_ours(&self, fields: &FieldSet, body: &Value) -> Vec<Value> {
        let mut found = false;
        let mut entries = Vec::new();
        for entry in &self.handover.managed_fields {
            let ours = self.is_ours(entry);
            let updated = entry.get("operation").and_then(Value::as_str);
            let updated = updated == Some(Operation::Update.as_str());
            let held = entry.get("fieldsV1").and_then(|held| FieldSet::from_v1(held).ok());
            let new = match held {
                Some(held) if ours => held.union(fields),
                Some(held) if updated => held.difference(fields),
                _ => {
                    entries.push(entry.clone());
                    continue;
                }
            };
            found |= ours;
            if !new.is_empty() {
                entries.push(with_fields(entry, &new));
            }
        }
        if !found && !fields.is_empty() {
            entries.push(self.entry(fields, body));
        }
        entries
    }

    fn entry(&self, fields: &FieldSet, body: &Value) -> Value {
        json!({
            "manager": self.comparison.manager,
            "operation": Operation::Apply.as_str(),
            "apiVersion": body.get("apiVersion"),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields.to_v1(),
            "time": self.comparison.time(),
        })
    }

    /// The live object as the apply meets it, and what makes it so, if anything has to.
    pub fn settled(self) -> (Value, Option<Handover>) {
        let Handover { migrated, reclaimed, restored, .. } = &self.handover;
        let any = !migrated.is_empty() || !reclaimed.is_empty() || *restored;
        (self.live, any.then_some(self.handover))
    }
}

/// Unless it reads the same, an entry with other fields.
fn with_fields(entry: &Value, fields: &FieldSet) -> Value {
    let mut entry = entry.clone();
    let held = entry.get("fieldsV1").and_then(|held| FieldSet::from_v1(held).ok());
    if held.as_ref() != Some(fields)
        && let Some(map) = entry.as_object_mut()
    {
        map.insert("fieldsV1".to_owned(), fields.to_v1());
    }
    entry
}

fn managed_fields(object: &Value) -> &[Value] {
    let listed = merge::object::metadata(object).and_then(|it| it.get("managedFields"));
    listed.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

impl Comparison<'_> {
    /// The time of an entry that is written anew, as managedFields spell it.
    fn time(&self) -> String {
        let read_at = self.read_at.unwrap_or(Timestamp::UNIX_EPOCH);
        read_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The fields that an apply of a body, in the form in which it is sent, would make ours.
    fn declared(&self, body: &Value) -> Result<FieldSet, ApplyError> {
        apply::declared(self.schemas, body)
    }

    /// The fields that an apply of what we sent before made ours. Where its schema has changed since,
    /// those that can still be read by it: a live object cannot hold the others.
    fn declared_before(&self, previous: &Value) -> FieldSet {
        self.declared(previous).unwrap_or_else(|_| {
            let read = shape::fitting(shape::root(self.schemas, previous), previous);
            let declared = read.and_then(|read| self.declared(&read).ok());
            declared.unwrap_or_default()
        })
    }
}

#[cfg(test)]
mod tests;
