//! What answers an API call: a table from what the call is about to the handler of it.

pub(crate) mod debug;

mod call;
mod discovery;
mod openapi;
mod openapi_v2;
mod output;
mod read;
mod review;
mod select;
mod table;
mod watch;
mod write;

use std::sync::{Arc, PoisonError, RwLock};

pub(crate) use call::{Call, Target};

use crate::answer::Answer;
use crate::cluster::Options;
use crate::names::Names;
use crate::refusal::Refusal;
use crate::registry::{GroupResource, Registry, Resource};
use crate::request::Verb;
use crate::store::{Key, Store};

/// The media type of a server-side apply.
pub(crate) const APPLY: &str = "application/apply-patch+yaml";

/// The server behind a cluster.
pub(crate) struct Api {
    pub(crate) store: Store,
    registry: RwLock<Arc<Registry>>,
    pub(crate) names: Names,
    pub(crate) addresses: crate::address::Addresses,
    /// Whether garbage is collected and namespaces are emptied here.
    controllers: bool,
}

/// A call about a resource that is served.
pub(crate) struct Subject<'a> {
    pub(crate) call: &'a Call,
    pub(crate) target: &'a Target,
    pub(crate) resource: Arc<Resource>,
    pub(crate) registry: Arc<Registry>,
}

impl Subject<'_> {
    /// The name the path gives; empty if it gives none.
    pub(crate) fn name(&self) -> &str {
        self.target.name.as_deref().unwrap_or_default()
    }

    /// The namespace the path gives; empty if it gives none.
    pub(crate) fn namespace(&self) -> &str {
        self.target.namespace.as_deref().unwrap_or_default()
    }

    /// Where the object the path names is stored.
    pub(crate) fn key(&self) -> Key {
        self.key_of(self.name())
    }

    pub(crate) fn key_of(&self, name: &str) -> Key {
        Key {
            resource: self.resource.storage.clone(),
            namespace: self.namespace().to_owned(),
            name: name.to_owned(),
        }
    }

    pub(crate) fn not_found(&self) -> Refusal {
        Refusal::not_found(&self.resource, &self.resource.plural, self.name())
    }
}

impl Api {
    pub(crate) fn new(options: &Options) -> Self {
        let api = Self {
            store: Store::new(options.history),
            registry: RwLock::new(Arc::new(Registry::builtin())),
            names: Names::new(options.seed),
            addresses: crate::address::Addresses::default(),
            controllers: options.controllers,
        };
        api.bootstrap();
        api
    }

    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves exactly the definitions that are stored now.
    pub(crate) fn reload_definitions(&self) {
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        let listing = self.store.list(&definitions(), None);
        let found = listing.objects.iter().filter_map(crate::custom::Definition::read);
        *registry = Arc::new(Registry::with_definitions(found.map(Arc::new).collect()));
    }

    pub(crate) fn answer(&self, call: &Call) -> Answer {
        let registry = self.registry();
        match &call.target {
            None => self.answer_other(call, &registry).into(),
            Some(target) => self.answer_resource(call, target, registry).into(),
        }
    }

    fn answer_other(&self, call: &Call, registry: &Registry) -> Result<Answer, Refusal> {
        match call.path.as_str() {
            "/openapi/v2" => Ok(openapi_v2::answer(call)),
            "/healthz" | "/livez" | "/readyz" => Ok(Answer::text(200, "ok")),
            path if path == "/openapi/v3" || path.starts_with("/openapi/v3/") => {
                openapi::answer(call, registry)
            }
            _ => discovery::answer(call, registry),
        }
    }

    fn answer_resource(
        &self,
        call: &Call,
        target: &Target,
        registry: Arc<Registry>,
    ) -> Result<Answer, Refusal> {
        let resource = registry.get(&target.group, &target.version, &target.plural).cloned();
        let missing = || {
            if Registry::is_builtin_group(&target.group) {
                Refusal::no_resource()
            } else {
                Refusal::page_not_found()
            }
        };
        let resource = resource.ok_or_else(missing)?;
        // A cluster-scoped resource below a namespace, or a namespaced object outside one, is no path.
        let misplaced = if resource.namespaced {
            target.namespace.is_none() && (target.name.is_some())
        } else {
            target.namespace.is_some()
        };
        if misplaced {
            return Err(missing());
        }
        let subject = Subject { call, target, resource, registry };
        let verb = call.verb();
        if let Some(name) = &target.subresource {
            let Some(subresource) = subject.resource.subresource(name) else {
                // A definition's paths are one handler's, which knows the object first.
                return Err(match subject.resource.custom {
                    Some(_) => subject.not_found(),
                    None => Refusal::no_resource(),
                });
            };
            return self.answer_subresource(&subject, subresource, verb);
        }
        let wanted = if verb == Verb::Apply { "patch".to_owned() } else { verb.to_string() };
        let on_object = matches!(verb, Verb::Update | Verb::Patch | Verb::Apply);
        let on_collection = matches!(verb, Verb::List | Verb::Create | Verb::DeleteCollection)
            || (verb == Verb::Watch && target.name.is_none());
        if !subject.resource.allows(&wanted)
            || (on_collection && target.name.is_some())
            || (on_object && target.name.is_none())
        {
            return Err(Refusal::method_not_allowed());
        }
        if target.namespace.is_none()
            && subject.resource.namespaced
            && verb == Verb::DeleteCollection
        {
            return Err(Refusal::method_not_allowed());
        }
        if let Some(answer) = review::answer(&subject)? {
            return Ok(answer);
        }
        match verb {
            Verb::Get => self.get(&subject),
            Verb::List => self.list(&subject),
            Verb::Watch => self.watch(&subject),
            Verb::Create => self.create(&subject),
            Verb::Update => self.update(&subject),
            Verb::Patch => self.patch(&subject),
            Verb::Apply => self.apply(&subject),
            Verb::Delete => self.delete(&subject),
            Verb::DeleteCollection => self.delete_collection(&subject),
            Verb::Other => Err(Refusal::method_not_allowed()),
        }
    }
}

/// Where definitions are stored.
pub(crate) fn definitions() -> GroupResource {
    GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions")
}
