//! The Secrets that records live in: their names, labels and bodies.

use engine::application::ApplicationName;
use merge::Digest;
use serde_json::{Value, json};

use super::shard;

/// The label that names the application.
pub const APPLICATION: &str = "cleat.dev/application";
/// The label that says which record a Secret holds.
pub const RECORD: &str = "cleat.dev/record";
/// The label of everything that cleat keeps for itself.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The annotation with the process that wrote the ledger last.
pub const HOLDER: &str = "cleat.dev/holder";
/// The annotation of a bundle's pieces with the digest of its render.
pub const RENDER: &str = "cleat.dev/render";

/// Which record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The ledger: one Secret.
    Ledger,
    /// A part of the inventory.
    Inventory,
    /// A piece of a bundle.
    Bundle,
}

impl Kind {
    /// As in labels and types.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Inventory => "inventory",
            Self::Bundle => "bundle",
        }
    }

    /// The record a Secret says it holds.
    pub fn of(secret: &Value) -> Option<Self> {
        match merge::object::label(secret, RECORD)? {
            "ledger" => Some(Self::Ledger),
            "inventory" => Some(Self::Inventory),
            "bundle" => Some(Self::Bundle),
            _ => None,
        }
    }
}

/// The application's name where only 63 characters fit (`validation.LabelValueMaxLength`); a longer
/// one is cut and ends with its digest.
pub fn short_name(application: &ApplicationName) -> String {
    let name = &application.name;
    if name.len() <= 63 {
        return name.clone();
    }
    let head: String = name.chars().take(50).collect();
    format!("{head}-{}", Digest::of_bytes(name.as_bytes()).short())
}

/// The name of the ledger's Secret.
pub fn ledger_name(application: &ApplicationName) -> String {
    format!("cleat.{}.ledger", short_name(application))
}

/// The name of a part of the inventory.
pub fn inventory_name(application: &ApplicationName, part: usize) -> String {
    format!("cleat.{}.inventory-{part}", short_name(application))
}

/// The name of a piece of a bundle.
pub fn bundle_name(application: &ApplicationName, render: Digest, piece: usize) -> String {
    format!("cleat.{}.bundle-{}-{piece}", short_name(application), render.short())
}

/// The selector of all records of an application.
pub fn selector(application: &ApplicationName) -> String {
    format!("{MANAGED_BY}=cleat,{APPLICATION}={}", short_name(application))
}

/// What one Secret is to hold.
#[derive(Debug, Clone)]
pub struct Writing {
    /// Which record.
    pub kind: Kind,
    /// The Secret's name.
    pub name: String,
    /// The packed bytes.
    pub piece: Vec<u8>,
    /// `number/total`.
    pub part: String,
    /// More annotations.
    pub annotations: Vec<(&'static str, String)>,
}

impl Writing {
    /// The Secret's body. With a resource version it replaces exactly that one.
    pub fn body(&self, application: &ApplicationName, resource_version: Option<&str>) -> Value {
        let (content, digest) = shard::sealed(&self.piece);
        let mut body = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": format!("cleat.dev/{}", self.kind.as_str()),
            "metadata": {
                "name": self.name,
                "namespace": application.namespace,
                "labels": {
                    MANAGED_BY: "cleat",
                    APPLICATION: short_name(application),
                    RECORD: self.kind.as_str(),
                },
                "annotations": {shard::DIGEST: digest.to_string(), shard::PART: self.part},
            },
            "data": {shard::CONTENT: content},
        });
        let annotations = body.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut);
        if let Some(annotations) = annotations {
            for (key, value) in &self.annotations {
                annotations.insert((*key).to_owned(), Value::String(value.clone()));
            }
        }
        if let (Some(version), Some(metadata)) =
            (resource_version, body.get_mut("metadata").and_then(Value::as_object_mut))
        {
            metadata.insert("resourceVersion".to_owned(), Value::String(version.to_owned()));
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> ApplicationName {
        ApplicationName { namespace: "shop".into(), name: name.into() }
    }

    #[test]
    fn names_fit_labels_and_stay_apart() {
        assert_eq!(ledger_name(&named("web")), "cleat.web.ledger");
        assert_eq!(inventory_name(&named("web"), 1), "cleat.web.inventory-1");
        let render = Digest::of_bytes(b"x");
        assert_eq!(
            bundle_name(&named("web"), render, 0),
            format!("cleat.web.bundle-{}-0", render.short())
        );
        let (one, two) = ("a".repeat(70), format!("{}b", "a".repeat(69)));
        let (one, two) = (short_name(&named(&one)), short_name(&named(&two)));
        assert!(one.len() <= 63 && two.len() <= 63 && one != two);
    }

    #[test]
    fn a_secret_says_what_it_holds() {
        let writing = Writing {
            kind: Kind::Ledger,
            name: "cleat.web.ledger".into(),
            piece: b"abc".to_vec(),
            part: "0/1".into(),
            annotations: vec![(HOLDER, "me".into())],
        };
        let body = writing.body(&named("web"), Some("7"));
        assert_eq!(Kind::of(&body), Some(Kind::Ledger));
        assert_eq!(shard::opened(&body).unwrap(), b"abc");
        assert_eq!(merge::object::resource_version(&body), Some("7"));
        assert_eq!(merge::object::annotation(&body, HOLDER), Some("me"));
        assert_eq!(merge::object::resource_version(&writing.body(&named("web"), None)), None);
    }
}
