//! Facts of blobs that are not remembered yet, and of those that read otherwise by now.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use merge::GroupVersionKind;

use super::facts::{Facts, is_json};
use super::{FileFacts, Key, RenderCache};
use crate::git::Mirror;
use crate::loader::Budget;
use crate::objects::file::{self, Scopes, Setting};
use crate::options::RenderOptions;
use crate::problem::Problem;
use crate::read::{File, Outcome, Parser, Place, Reader};

impl RenderCache {
    /// What each file comes to; blobs that are not known are read, and those whose kinds have
    /// another scope by now.
    pub(super) fn learn(
        &mut self,
        mirror: &Mirror,
        files: Vec<File>,
        options: &RenderOptions<'_>,
        problems: &mut Vec<Problem>,
    ) -> Vec<FileFacts> {
        let mut keys: Vec<(Key, Box<str>)> = Vec::with_capacity(files.len());
        let (mut missing, mut asked_for) = (Vec::new(), HashSet::new());
        for File { name, place } in files {
            let Place::Blob(oid) = place else { continue };
            let key = (oid, is_json(&name));
            if !self.facts.contains_key(&key) && asked_for.insert(key) {
                missing.push((key, File { name: name.clone(), place }));
            }
            keys.push((key, name.into()));
        }
        self.read(mirror, missing, &keys, options, problems);
        let known = |(key, path)| Some(FileFacts { facts: self.facts.get(&key)?.clone(), path });
        keys.into_iter().filter_map(known).collect()
    }

    fn read(
        &mut self,
        mirror: &Mirror,
        missing: Vec<(Key, File)>,
        keys: &[(Key, Box<str>)],
        options: &RenderOptions<'_>,
        problems: &mut Vec<Problem>,
    ) {
        let setting = Setting { limits: &options.limits, namespace: options.namespace.as_deref() };
        let parser = Parser { setting, keep_bodies: false };
        let reader =
            Reader { repository: Some(mirror.repository()), threads: options.threads, parser };
        let (missing, files): (Vec<Key>, Vec<File>) = missing.into_iter().unzip();
        let mut outcomes = reader.parse(&files, &|gvk| options.scopes.scope(gvk));
        let new: HashMap<Key, usize> = missing.iter().copied().zip(0..).collect();
        let definitions = keys.iter().flat_map(|(key, _)| match new.get(key) {
            Some(at) => {
                outcomes.get(*at).map(|it| it.parsed.definitions.as_slice()).unwrap_or_default()
            }
            None => self.facts.get(key).map(|it| &*it.definitions).unwrap_or_default(),
        });
        let defined = file::defined(definitions);
        let scopes = Scopes { known: options.scopes, defined: &defined };
        reader.settle(&files, &mut outcomes, &scopes);
        let mut learnt: Vec<(Key, File, Outcome)> =
            missing.into_iter().zip(files).zip(outcomes).map(|((k, f), o)| (k, f, o)).collect();
        // Known files whose kinds are by now of another scope.
        let mut stale = HashSet::new();
        for (key, path) in keys.iter().filter(|(key, _)| !new.contains_key(key)) {
            let mistaken = |facts: &Arc<Facts>| facts.kinds().any(|(gvk, s)| scopes.of(gvk) != s);
            if self.facts.get(key).is_some_and(mistaken) && stale.insert(*key) {
                let file = File { name: path.to_string(), place: Place::Blob(key.0) };
                let whole = Budget::new(&options.limits);
                let scope = |gvk: &GroupVersionKind| scopes.of(gvk);
                let outcome = parser.one(Some(mirror.repository()), &file, &scope, whole);
                let (mut files, mut outcomes) = ([file], [outcome]);
                reader.settle(&files, &mut outcomes, &scopes);
                for (file, outcome) in files.iter_mut().zip(outcomes) {
                    learnt.push((*key, file.clone(), outcome));
                }
            }
        }
        for (key, file, outcome) in learnt {
            if outcome.damaged {
                problems.extend(outcome.parsed.problems);
                self.facts.remove(&key);
                continue;
            }
            let facts = Facts::new(
                key.0,
                outcome.size,
                outcome.parsed,
                &file.name,
                &mut self.names,
                &self.hasher,
            );
            self.facts.insert(key, Arc::new(facts));
        }
    }
}
