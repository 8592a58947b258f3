//! What is kept of an application between runs, in Secrets of its namespace: the ledger, the
//! inventory, the bundles.
//!
//! One list reads everything. Each write names the resourceVersion it replaces, so of two runs the
//! newer claim of the ledger wins and the older one's next write fails: it stops, and whatever it had
//! in flight is within what the newer one reads. A run that was killed holds nothing that would have
//! to time out.

pub mod secret;
pub mod shard;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use engine::application::ApplicationName;
use engine::record::{Bundle, Inventory, Ledger, RecordError};
use http::Method;
use merge::{Digest, ErrorClass, ObjectId};
use serde_json::{Value, json};

use crate::client::{Call, Client, RequestError};
use crate::discovery::escaped;
use secret::{Kind, Writing};
use shard::Damage;

/// Why records cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The server was asked in vain.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A record cannot be understood.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A Secret is not as it was written.
    #[error(
        "the record in secret/{secret} in {namespace} is damaged: {damage}; restore it from a \
         backup, or delete it to let cleat start anew"
    )]
    Damaged {
        /// The Secret.
        secret: String,
        /// Its namespace.
        namespace: String,
        /// What is wrong.
        damage: Damage,
    },
    /// Another run claimed the application.
    #[error(
        "another run of {application} is active{}; this one stops and leaves it the field",
        holder.as_ref().map(|holder| format!(" ({holder})")).unwrap_or_default()
    )]
    Taken {
        /// The application.
        application: ApplicationName,
        /// The process that holds it, if the record tells.
        holder: Option<String>,
    },
}

impl RecordsError {
    /// Who can mend it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Request(error) => error.class(),
            Self::Record(error) => error.class(),
            Self::Damaged { .. } => ErrorClass::Config,
            Self::Taken { .. } => ErrorClass::Conflict,
        }
    }
}

/// The records of one application, as read and since written by this run.
#[derive(Debug)]
pub struct Records {
    client: Client,
    application: ApplicationName,
    /// Names this process in what it writes.
    holder: String,
    /// Every record Secret, by name: its resourceVersion and the digest of its content.
    known: BTreeMap<String, Known>,
    ledger: Ledger,
    inventory: Inventory,
    inventory_parts: usize,
    sequence: u64,
    /// The pieces of each bundle, unread until asked for.
    bundles: BTreeMap<Digest, Vec<Value>>,
    namespace_rendered: bool,
    namespace_missing: bool,
    /// The uid of the namespace, if the records made it.
    namespace_made: Option<String>,
}

#[derive(Debug, Clone)]
struct Known {
    version: String,
    content: Option<Digest>,
}

impl Records {
    /// Reads the records of an application with one list. A namespace that does not exist has none.
    pub async fn read(
        client: &Client,
        application: &ApplicationName,
        holder: &str,
    ) -> Result<Self, RecordsError> {
        let uri = format!(
            "{}?labelSelector={}",
            secrets_path(application),
            escaped(&secret::selector(application))
        );
        let what = format!("list the records of {application}");
        let list = client.call(Call::get(what, uri)).await?;
        let mut records = Self {
            client: client.clone(),
            application: application.clone(),
            holder: holder.to_owned(),
            known: BTreeMap::new(),
            ledger: Ledger::default(),
            inventory: Inventory::default(),
            inventory_parts: 1,
            sequence: 0,
            bundles: BTreeMap::new(),
            namespace_rendered: false,
            namespace_missing: false,
            namespace_made: None,
        };
        let items = list.get("items").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        records.take_in(items)?;
        Ok(records)
    }

    fn take_in(&mut self, secrets: &[Value]) -> Result<(), RecordsError> {
        let mut parts = Vec::new();
        for secret in secrets {
            let Some(name) = merge::object::name(secret) else { continue };
            let damaged = |damage| self.damaged(name, damage);
            let version = merge::object::resource_version(secret).unwrap_or_default().to_owned();
            let content = shard::opened(secret);
            match Kind::of(secret) {
                Some(Kind::Ledger) => {
                    let bytes =
                        content.clone().and_then(|it| shard::unpack(&it)).map_err(damaged)?;
                    self.ledger = Ledger::from_bytes(&bytes)?;
                }
                Some(Kind::Inventory) => {
                    let bytes =
                        content.clone().and_then(|it| shard::unpack(&it)).map_err(damaged)?;
                    let (_, total) = shard::part(secret).map_err(damaged)?;
                    let sequence = merge::object::annotation(secret, shard::SEQUENCE)
                        .and_then(|text| text.parse().ok())
                        .ok_or_else(|| damaged(Damage::Lacks("its sequence number")))?;
                    self.inventory_parts = self.inventory_parts.max(total);
                    self.sequence = self.sequence.max(sequence);
                    parts.push((sequence, Inventory::from_bytes(&bytes)?));
                }
                // A bundle is only believed when it is needed: one that a killed run left in pieces
                // must not stop its successor.
                Some(Kind::Bundle) => {
                    let render = merge::object::annotation(secret, secret::RENDER)
                        .and_then(|text| text.parse().ok());
                    if let Some(render) = render {
                        self.bundles.entry(render).or_default().push(secret.clone());
                    }
                }
                None => continue,
            }
            let content = content.ok().map(|bytes| Digest::of_bytes(&bytes));
            self.known.insert(name.to_owned(), Known { version, content });
        }
        self.inventory = shard::merged(parts);
        Ok(())
    }

    fn damaged(&self, secret: &str, damage: Damage) -> RecordsError {
        RecordsError::Damaged {
            secret: secret.to_owned(),
            namespace: self.application.namespace.clone(),
            damage,
        }
    }

    /// The ledger as last read or written; the default one when there is none.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The inventory as last read or written.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The bundle of a render; `None` when there is none.
    pub fn bundle(&self, render: Digest) -> Result<Option<Bundle>, RecordsError> {
        let Some(pieces) = self.bundles.get(&render) else { return Ok(None) };
        let bytes = shard::joined(pieces).map_err(|damage| {
            self.damaged(&secret::bundle_name(&self.application, render, 0), damage)
        })?;
        Ok(Some(Bundle::from_bytes(&bytes)?))
    }

    /// Writes a bundle, unless a readable one of the same render is there.
    pub async fn write_bundle(&mut self, bundle: &Bundle) -> Result<(), RecordsError> {
        if matches!(self.bundle(bundle.digest), Ok(Some(_))) {
            return Ok(());
        }
        // What a killed run left of it may be cut differently.
        self.delete_bundle(bundle.digest).await?;
        let packed = shard::pack(&bundle.to_bytes()?);
        let pieces = shard::pieces(&packed);
        let mut written = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            let writing = Writing {
                kind: Kind::Bundle,
                name: secret::bundle_name(&self.application, bundle.digest, number),
                piece: piece.to_vec(),
                part: format!("{number}/{}", pieces.len()),
                annotations: vec![(secret::RENDER, bundle.digest.to_string())],
            };
            written.push(self.write(&writing).await?);
        }
        self.bundles.insert(bundle.digest, written);
        Ok(())
    }

    /// Writes the parts of the inventory that changed.
    pub async fn write_inventory(&mut self, inventory: &Inventory) -> Result<(), RecordsError> {
        if *inventory == self.inventory && self.sequence > 0 {
            return Ok(());
        }
        let parts = shard::inventory_parts(inventory, self.inventory_parts, shard::LIMIT)?;
        let total = parts.len();
        self.sequence += 1;
        // The highest first: when the count grows, entries stand in their new part before they leave
        // the old one.
        for (number, piece) in parts.into_iter().enumerate().rev() {
            let name = secret::inventory_name(&self.application, number);
            let known = self.known.get(&name);
            let same = known.is_some_and(|it| it.content == Some(Digest::of_bytes(&piece)));
            if same && total == self.inventory_parts {
                continue;
            }
            let writing = Writing {
                kind: Kind::Inventory,
                name,
                piece,
                part: format!("{number}/{total}"),
                annotations: vec![(shard::SEQUENCE, self.sequence.to_string())],
            };
            self.write(&writing).await?;
        }
        self.inventory_parts = total;
        self.inventory = inventory.clone();
        Ok(())
    }

    /// Writes the ledger: the claim of this run, by compare-and-swap.
    pub async fn write_ledger(&mut self, ledger: &Ledger) -> Result<(), RecordsError> {
        let name = secret::ledger_name(&self.application);
        if *ledger == self.ledger && self.known.contains_key(&name) {
            return Ok(());
        }
        let writing = Writing {
            kind: Kind::Ledger,
            name,
            piece: shard::pack(&ledger.to_bytes()?),
            part: "0/1".to_owned(),
            annotations: vec![(secret::HOLDER, self.holder.clone())],
        };
        self.write(&writing).await?;
        self.ledger = ledger.clone();
        Ok(())
    }

    /// Deletes every bundle but those named.
    pub async fn forget_bundles(&mut self, keep: &BTreeSet<Digest>) -> Result<(), RecordsError> {
        let old: Vec<Digest> =
            self.bundles.keys().filter(|render| !keep.contains(render)).copied().collect();
        for render in old {
            self.delete_bundle(render).await?;
        }
        Ok(())
    }

    async fn delete_bundle(&mut self, render: Digest) -> Result<(), RecordsError> {
        for piece in self.bundles.remove(&render).unwrap_or_default() {
            let Some(name) = merge::object::name(&piece) else { continue };
            let preconditions = json!({
                "uid": merge::object::uid(&piece),
                "resourceVersion": merge::object::resource_version(&piece),
            });
            let call = Call::send(
                format!("delete secret/{name} in {}", self.application.namespace),
                Method::DELETE,
                format!("{}/{}", secrets_path(&self.application), escaped(name)),
                "application/json",
                &json!({"apiVersion": "v1", "kind": "DeleteOptions",
                        "preconditions": preconditions}),
            );
            match self.client.call(call.repeatable()).await {
                Ok(_) => {}
                // Gone already, or another run wants it: either way it is not ours to delete.
                Err(error) if error.is(404) || error.is(409) => {}
                Err(error) => return Err(error.into()),
            }
            self.known.remove(name);
        }
        Ok(())
    }

    /// Says what is known of the records' namespace. If it is known to be missing, it is created before
    /// the first write; if the render has it, with the mark by which the plan sees it as the
    /// application's own.
    pub fn expect_namespace(&mut self, rendered: bool, missing: bool) {
        self.namespace_rendered = rendered;
        self.namespace_missing = missing;
    }

    /// The uid of an object that this run made for the records, after the plan that would create it.
    pub fn made(&self, id: &ObjectId) -> Option<&str> {
        let is_namespace = id.kind == "Namespace" && id.group.is_empty();
        let is_it = is_namespace && id.name == self.application.namespace;
        self.namespace_made.as_deref().filter(|_| is_it)
    }
}

/// Our bookkeeping is no part of what `cleat` applies.
const MANAGED: &str = "?fieldManager=cleat-records";

fn secrets_path(application: &ApplicationName) -> String {
    format!("/api/v1/namespaces/{}/secrets", escaped(&application.namespace))
}
