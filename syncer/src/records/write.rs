//! Writing one Secret by compare-and-swap, and the namespace it needs.

use engine::application::OWNED_BY;
use http::Method;
use merge::{Digest, ObjectId};
use serde_json::{Value, json};

use super::secret::{self, Writing};
use super::{Known, MANAGED, Records, RecordsError, secrets_path};
use crate::client::{Call, RequestError};
use crate::discovery::escaped;

impl Records {
    /// Creates or replaces one Secret, and knows it from then on. An answer that was lost on its way
    /// is told from another run's write by what the Secret holds.
    pub(super) async fn write(&mut self, writing: &Writing) -> Result<Value, RecordsError> {
        let known = self.known.get(&writing.name).map(|known| known.version.clone());
        let body = writing.body(&self.application, known.as_deref());
        let path = secrets_path(&self.application);
        let what = format!("write secret/{} in {}", writing.name, self.application.namespace);
        let (method, uri) = match known {
            Some(_) => (Method::PUT, format!("{path}/{}{MANAGED}", escaped(&writing.name))),
            None => (Method::POST, format!("{path}{MANAGED}")),
        };
        let call = Call::send(what, method, uri, "application/json", &body).repeatable();
        if std::mem::take(&mut self.namespace_missing) {
            self.create_namespace().await?;
        }
        let mut answer = self.client.call(call.clone()).await;
        // A credential that may not list namespaces learns it here.
        let missing = |error: &RequestError| known.is_none() && error.is(404);
        if answer.as_ref().is_err_and(missing) {
            self.create_namespace().await?;
            answer = self.client.call(call).await;
        }
        let written = match answer {
            Ok(written) => written,
            Err(error) if error.is(409) || (known.is_some() && error.is(404)) => {
                self.ours_after_all(writing, &body).await?
            }
            Err(error) => return Err(error.into()),
        };
        let version = merge::object::resource_version(&written).unwrap_or_default().to_owned();
        let content = Some(Digest::of_bytes(&writing.piece));
        self.known.insert(writing.name.clone(), Known { version, content });
        Ok(written)
    }

    async fn ours_after_all(&self, writing: &Writing, body: &Value) -> Result<Value, RecordsError> {
        let taken = |holder| RecordsError::Taken { application: self.application.clone(), holder };
        let what = format!("read secret/{} in {}", writing.name, self.application.namespace);
        let uri = format!("{}/{}", secrets_path(&self.application), escaped(&writing.name));
        match self.client.call(Call::get(what, uri)).await {
            Ok(found) => {
                let same = ["/data", "/metadata/annotations"]
                    .iter()
                    .all(|pointer| found.pointer(pointer) == body.pointer(pointer));
                if same {
                    Ok(found)
                } else {
                    let holder = merge::object::annotation(&found, secret::HOLDER);
                    Err(taken(holder.map(str::to_owned)))
                }
            }
            Err(error) if error.is(404) => Err(taken(None)),
            Err(error) => Err(error.into()),
        }
    }

    async fn create_namespace(&mut self) -> Result<(), RecordsError> {
        let name = &self.application.namespace;
        let id = ObjectId {
            group: String::new(),
            kind: "Namespace".to_owned(),
            namespace: None,
            name: name.clone(),
        };
        let mut body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        if self.namespace_rendered
            && let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut)
        {
            metadata
                .insert("annotations".to_owned(), json!({OWNED_BY: self.application.mark(&id)}));
        }
        let what = format!("create namespace/{name} for the records of {}", self.application);
        let uri = format!("/api/v1/namespaces{MANAGED}");
        let call = Call::send(what, Method::POST, uri, "application/json", &body);
        match self.client.call(call).await {
            Ok(made) => {
                self.namespace_made = merge::object::uid(&made).map(str::to_owned);
                Ok(())
            }
            Err(error) if error.status().is_some_and(|it| it.reason == "AlreadyExists") => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
