//! Reasons against a plan, each with where to look and what to do.

use std::fmt;

use merge::{ErrorClass, ObjectId, Origin};
use serde::Serialize;

/// One reason why a plan may not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Where the object was written.
    pub origin: Origin,
    /// The object.
    pub id: ObjectId,
    /// What kind of reason it is.
    pub kind: RefusalKind,
    /// Why, in a sentence. Secrets masked.
    pub why: String,
    /// What to do about it; empty where `why` leaves nothing to say.
    pub hint: String,
}

/// The kinds of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RefusalKind {
    /// Unknown fields, wrong types, bad list keys.
    Schema,
    /// Values the server does not accept.
    Invalid,
    /// A change of a field that cannot change.
    Immutable,
    /// A kind that neither the cluster nor the source defines.
    UnknownKind,
    /// A namespace that does not exist, or is being deleted.
    Namespace,
    /// An annotation that cannot be honoured: a hook, or a wave that is no number.
    Annotation,
    /// Something in an earlier wave needs something of a later one.
    WaveOrder,
    /// A live object that is not ours.
    Adoption,
    /// Fields that another manager applied.
    Conflict,
    /// The live object is being deleted.
    Deleting,
    /// Two objects of one identity.
    Duplicate,
}

/// Puts them in the order of files and lines.
pub(super) fn sort(refusals: &mut [Refusal]) {
    refusals.sort_by(|one, two| {
        let place = |it: &Refusal| (it.origin.file.clone(), it.origin.line, it.kind);
        place(one).cmp(&place(two)).then_with(|| one.why.cmp(&two.why))
    });
}

/// `app.yaml:3: deployment.apps/web in shop: …`.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.origin, self.id, self.why)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// Who can mend it.
    pub const fn class(&self) -> ErrorClass {
        match self.kind {
            RefusalKind::Adoption | RefusalKind::Conflict => ErrorClass::Conflict,
            RefusalKind::Deleting => ErrorClass::Transient,
            RefusalKind::Schema
            | RefusalKind::Invalid
            | RefusalKind::Immutable
            | RefusalKind::UnknownKind
            | RefusalKind::Namespace
            | RefusalKind::Annotation
            | RefusalKind::WaveOrder
            | RefusalKind::Duplicate => ErrorClass::User,
        }
    }
}
