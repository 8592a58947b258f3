//! What is told of an object without telling its secrets.
//!
//! A server's message may quote anything: an admission webhook that echoes what it refuses, a
//! container that dies with its token on its lips. So whatever comes from outside about an object is
//! masked by that object, as it is wanted, as it was and as it is, before it becomes an event: nothing
//! else of a run reaches notes, the ledger or a log.

use engine::gate::Observation;
use engine::sync::Failure;
use merge::ObjectId;
use serde_json::Value;

use super::drive::{Drive, failed};
use super::prepare::observation;
use crate::client::RequestError;

impl Drive<'_> {
    /// A failed request about an object, as the machine takes it.
    pub(super) fn failure(&self, id: &ObjectId, error: RequestError) -> Failure {
        failed(&error.masked(&self.request.redaction, self.forms_of(id)))
    }

    /// An object as it is known to be now, if it exists.
    pub(super) fn observation(&self, id: &ObjectId) -> Option<Observation> {
        let mut seen = observation(&self.prepared.live, id)?;
        if !seen.health.status.is_well() {
            let forms: Vec<&Value> = self.forms_of(id).collect();
            let mask = |text: &mut String| {
                *text = self.request.redaction.message(text, forms.iter().copied());
            };
            mask(&mut seen.health.message);
            seen.health.trouble.iter_mut().for_each(|trouble| mask(&mut trouble.message));
        }
        Some(seen)
    }

    /// Every form of an object that a message may quote.
    fn forms_of(&self, id: &ObjectId) -> impl Iterator<Item = &Value> {
        let prepared = &self.prepared;
        let bundles = [Some(&prepared.bundle), prepared.previous.as_ref()];
        let wanted = bundles.into_iter().flatten().flat_map(|bundle| &bundle.objects);
        let wanted = wanted.filter(move |manifest| manifest.id == *id).map(|it| it.body.as_ref());
        wanted.chain(prepared.live.objects.get(id).map(AsRef::as_ref))
    }
}
