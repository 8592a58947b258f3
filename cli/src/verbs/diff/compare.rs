//! The comparison behind `cleat diff`, as values: what `-o json` prints, and what text is made from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::application::{ApplicationName, OWNED_BY};
use engine::diff::{Blame, Comparison, ObjectDiff, Verdict, diff};
use engine::ignore::{Examined, Rules};
use engine::plan::{self, Approvals, Inputs};
use engine::policy::Policy;
use engine::redact::Redaction;
use merge::object::annotation;
use merge::{Manifest, ObjectId, Schemas};
use serde::Serialize;
use serde_json::Value;

use super::asked;
use crate::ignore::{Answer, SuggestArgs};
use crate::world::World;

/// What `-o json` prints.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether an apply would change anything.
    pub differs: bool,
    /// Every object, in the order of the source; what the source does not have comes last.
    pub objects: Vec<Compared>,
    /// The rules that would hide what differs, where they are asked for.
    #[serde(skip)]
    pub answer: Option<Answer>,
    /// What is to be said about asking the server, where it was asked.
    #[serde(skip)]
    pub told: Vec<String>,
}

/// One object of a comparison.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// Which.
    pub id: ObjectId,
    /// Where it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What an apply would do.
    pub action: &'static str,
    /// Why it would do nothing about what the source does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What differs.
    #[serde(flatten)]
    pub diff: ObjectDiff,
    /// The live object, where there is something to show of it.
    #[serde(skip)]
    pub live: Option<Arc<Value>>,
    /// What would be sent, likewise.
    #[serde(skip)]
    pub body: Option<Value>,
}

impl Compared {
    /// Whether an apply would change anything here.
    pub fn differs(&self) -> bool {
        !matches!(self.action, "unchanged" | "kept")
    }
}

impl Report {
    fn of(objects: Vec<Compared>) -> Self {
        let differs = objects.iter().any(Compared::differs);
        Self { differs, objects, answer: None, told: Vec::new() }
    }
}

/// Compares with a cluster, or with files that stand for one. What the source does not have any more
/// is treated as a plan treats it: kept unless pruning is asked for, and what a plan withholds even
/// then.
pub fn with_world(
    desired: &mut [Manifest],
    world: &World,
    application: &ApplicationName,
    redaction: &Redaction,
    policy: &Policy,
    ask: &SuggestArgs,
) -> anyhow::Result<Report> {
    let inputs = Inputs {
        desired,
        live: &world.live,
        cluster: &world.cluster,
        inventory: &world.inventory,
        previous: world.previous.as_ref(),
        schemas: &world.schemas(desired),
        policy,
        application,
        approvals: &Approvals::default(),
        revoked: &BTreeSet::new(),
        redaction,
        read_at: world.read_at,
    };
    let (prunes, withheld) = plan::left_over(&inputs);
    let of = |id: ObjectId, action: &'static str, reason: Option<String>| Compared {
        live: world.live.get(&id).filter(|_| action == "prune").cloned(),
        id,
        origin: None,
        action,
        reason,
        diff: ObjectDiff::unchanged(),
        body: None,
    };
    let gone = prunes.into_iter().map(|it| of(it.id, "prune", None));
    let kept = withheld.into_iter().map(|it| of(it.id, "kept", Some(it.reason.to_string())));
    let left_over: Vec<Compared> = gone.chain(kept).collect();
    for manifest in desired.iter_mut().filter(|it| !world.vouched.contains(&it.id)) {
        carry_mark(manifest, &world.live);
    }
    let Report { mut objects, answer, told, .. } =
        each(desired, world, redaction, &policy.ignore, ask)?;
    objects.extend(left_over);
    Ok(Report { answer, told, ..Report::of(objects) })
}

/// Compares two revisions. Nobody wrote what only might have been applied, so nobody is answerable.
pub fn revisions(
    from: Vec<Manifest>,
    to: &[Manifest],
    redaction: &Redaction,
    rules: &Rules,
    ask: &SuggestArgs,
) -> anyhow::Result<Report> {
    let world = World::of_applied(from);
    let Report { mut objects, answer, .. } = each(to, &world, redaction, rules, ask)?;
    for change in objects.iter_mut().flat_map(|object| &mut object.diff.changes) {
        change.blame = Blame::Nobody;
    }
    let wanted: BTreeSet<&ObjectId> = to.iter().map(|manifest| &manifest.id).collect();
    let gone = world.live.iter().filter(|(id, _)| !wanted.contains(id));
    objects.extend(gone.map(|(id, live)| Compared {
        id: id.clone(),
        origin: None,
        action: "remove",
        reason: None,
        diff: ObjectDiff::unchanged(),
        live: Some(Arc::clone(live)),
        body: None,
    }));
    Ok(Report { answer, ..Report::of(objects) })
}

/// Our mark is put on by the apply, so it is no difference that a source does not have it, nor that
/// the cluster does not: whose an object is, the plan says.
fn carry_mark(manifest: &mut Manifest, live: &BTreeMap<ObjectId, Arc<Value>>) {
    let mark = live.get(&manifest.id).and_then(|live| annotation(live, OWNED_BY));
    manifest.body = Arc::new(engine::application::with_mark(&manifest.body, mark));
}

/// What an apply would do about an object.
pub fn action(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Missing => "create",
        Verdict::InSync => "unchanged",
        Verdict::Differs | Verdict::Conflict(_) | Verdict::AskServer(_) => "update",
    }
}

/// Compares each, and asks the server where it is to be asked.
fn each(
    desired: &[Manifest],
    world: &World,
    redaction: &Redaction,
    rules: &Rules,
    ask: &SuggestArgs,
) -> anyhow::Result<Report> {
    let schemas: Schemas = world.schemas(desired);
    let applied = world.previous.iter().flat_map(|bundle| &bundle.objects);
    let previous: BTreeMap<&ObjectId, &Value> =
        applied.map(|manifest| (&manifest.id, manifest.body.as_ref())).collect();
    let comparison = |manifest| Comparison {
        live: live(world, manifest).map(AsRef::as_ref),
        previous: previous.get(&manifest.id).copied(),
        ignore: rules,
        read_at: world.read_at,
        ..Comparison::new(&manifest.body, &schemas, redaction)
    };
    let comparisons: Vec<Comparison<'_>> = desired.iter().map(comparison).collect();
    let compared = desired.iter().zip(&comparisons).map(|(manifest, comparison)| {
        let vouched = world.vouched.contains(&manifest.id);
        let diff = if vouched { ObjectDiff::unchanged() } else { diff(comparison) };
        Compared {
            id: manifest.id.clone(),
            origin: Some(manifest.origin.to_string()),
            action: action(&diff.verdict),
            reason: None,
            diff,
            live: None,
            body: None,
        }
    });
    let mut compared: Vec<Compared> = compared.collect();
    let told = asked::settle(desired, &comparisons, world, &mut compared)?;
    for ((found, comparison), manifest) in compared.iter_mut().zip(&comparisons).zip(desired) {
        if found.action != "unchanged" {
            found.body = Some(comparison.outgoing());
            found.live = live(world, manifest).cloned();
        }
    }
    let answer = ask.is_asked().then(|| {
        let all = comparisons.iter().zip(&compared);
        let examined: Vec<Examined<'_>> = all
            .filter(|(_, compared)| !compared.diff.changes.is_empty())
            .map(|(comparison, Compared { id, diff, .. })| Examined {
                id,
                comparison: *comparison,
                diff,
            })
            .collect();
        ask.answer(&examined)
    });
    Ok(Report { answer, told, ..Report::of(compared) })
}

fn live<'a>(world: &'a World, manifest: &Manifest) -> Option<&'a Arc<Value>> {
    world.live.get(&manifest.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use merge::Origin;
    use serde_json::json;

    fn map(name: &str, value: &str) -> Manifest {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "shop"}, "data": {"a": value}});
        Manifest::new(body, Origin { file: "a.yaml".to_owned(), line: 1 }).unwrap()
    }

    #[test]
    fn nothing_is_kept_to_be_shown_of_what_is_unchanged() {
        let from = (0..1_000).map(|n| map(&n.to_string(), "1")).collect();
        let to: Vec<Manifest> =
            (1..1_001).map(|n| map(&n.to_string(), if n == 7 { "2" } else { "1" })).collect();
        let ask = SuggestArgs::default();
        let report = revisions(from, &to, &crate::shell::redaction(), &Rules::default(), &ask);
        assert!(report.differs);
        let shown: Vec<(&str, &str)> = report
            .objects
            .iter()
            .filter(|it| it.live.is_some() || it.body.is_some())
            .map(|it| (it.action, it.id.name.as_str()))
            .collect();
        assert_eq!(shown, [("update", "7"), ("create", "1000"), ("remove", "0")]);
    }
}
