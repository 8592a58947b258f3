//! The comparison behind `cleat diff`, as values: what `-o json` prints, and what text is made from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::application::{ApplicationName, OWNED_BY, Ownership};
use engine::diff::{Blame, Comparison, ObjectDiff, Verdict};
use engine::ignore::{Examined, Rules};
use engine::plan::{self, Approvals, Inputs, Standing, Surroundings};
use engine::policy::Policy;
use engine::redact::{LAST_APPLIED, Redaction};
use merge::object::annotation;
use merge::{Manifest, ObjectId, Schemas};
use serde::Serialize;
use serde_json::{Value, json};

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
    /// Why it would do nothing about what the source does not have, or not yet about what is not ours.
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
    fn of(standing: &Standing<'_>) -> Self {
        let mut diff = standing.diff();
        if standing.vouched && !standing.comparison.surely_in_sync() {
            diff.server_mutated = standing.comparison.server_mutated();
        }
        Self {
            id: standing.manifest.id.clone(),
            origin: Some(standing.manifest.origin.to_string()),
            action: action(&diff.verdict, standing.foreign),
            reason: None,
            diff,
            live: None,
            body: None,
        }
    }

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
    desired: &[Manifest],
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
    // Files do not say whose an object is.
    let knows_owners = world.is_cluster();
    let carried = desired.iter().map(|manifest| match world.live.get(&manifest.id) {
        Some(live) if knows_owners && plan::is_ours(&inputs, &manifest.id, live) => {
            manifest.clone()
        }
        live => carrying_marks(manifest, live),
    });
    let carried: Vec<Manifest> = carried.collect();
    let inputs = Inputs { desired: &carried, ..inputs };
    let around = Surroundings::of(&inputs);
    let standings = carried.iter().map(|manifest| {
        let standing = Standing::of(&inputs, &around, manifest);
        if knows_owners { standing } else { of_files(standing) }
    });
    let standings: Vec<Standing<'_>> = standings.collect();
    let Report { mut objects, answer, mut told, .. } = each(&standings, world, ask)?;
    let mut equal = 0;
    for (found, standing) in objects.iter_mut().zip(&standings).filter(|(_, it)| it.foreign) {
        let Some(live) = standing.comparison.live else { continue };
        if found.differs() {
            found.reason = Some(whose(application, &found.id, live));
        } else {
            equal += 1;
        }
    }
    told.extend(equal_but_foreign(equal));
    objects.extend(left_over);
    Ok(Report { answer, told, ..Report::of(objects) })
}

/// Nothing of files is taken over from anybody.
fn of_files(standing: Standing<'_>) -> Standing<'_> {
    let comparison = Comparison { predecessors: &[], ..standing.comparison };
    Standing { comparison, foreign: false, ..standing }
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
    let schemas: Schemas = world.schemas(to);
    let applied = world.previous.iter().flat_map(|bundle| &bundle.objects);
    let previous: BTreeMap<&ObjectId, &Value> =
        applied.map(|manifest| (&manifest.id, manifest.body.as_ref())).collect();
    let standings = to.iter().map(|manifest| Standing {
        manifest,
        comparison: Comparison {
            live: world.live.get(&manifest.id).map(AsRef::as_ref),
            previous: previous.get(&manifest.id).copied(),
            ignore: rules,
            ..Comparison::new(&manifest.body, &schemas, redaction)
        },
        foreign: false,
        vouched: false,
    });
    let standings: Vec<Standing<'_>> = standings.collect();
    let Report { mut objects, answer, .. } = each(&standings, &world, ask)?;
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

/// What marks an object as its tool's: our mark, and the copy that `kubectl apply` keeps of what it
/// applied. Both are changed by taking an object over, and neither is a difference before that.
fn carrying_marks(manifest: &Manifest, live: Option<&Arc<Value>>) -> Manifest {
    let marked = |by| live.and_then(|live| annotation(live, by));
    let mut body = engine::application::with_mark(&manifest.body, marked(OWNED_BY));
    if let Some(copy) = marked(LAST_APPLIED)
        && let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut)
        && let Some(annotations) =
            metadata.entry("annotations").or_insert_with(|| json!({})).as_object_mut()
    {
        annotations.entry(LAST_APPLIED).or_insert_with(|| json!(copy));
    }
    Manifest { body: Arc::new(body), ..manifest.clone() }
}

/// Whose an object is that is not ours.
fn whose(application: &ApplicationName, id: &ObjectId, live: &Value) -> String {
    match application.ownership(id, live) {
        Ownership::Other(other) => format!("application {other} has it: --adopt takes it over"),
        _ => "not ours yet: apply --adopt takes it over".to_owned(),
    }
}

/// What is said of objects that only lack our mark.
fn equal_but_foreign(count: usize) -> Option<String> {
    let (objects, them) = match count {
        0 => return None,
        1 => ("1 object is as the source has it, but not ours yet".to_owned(), "it"),
        count => (format!("{count} objects are as the source has them, but not ours yet"), "them"),
    };
    Some(format!("{objects}: apply --adopt takes {them} over"))
}

/// What an apply would do about an object.
pub fn action(verdict: &Verdict, foreign: bool) -> &'static str {
    match verdict {
        Verdict::Missing => "create",
        Verdict::InSync => "unchanged",
        Verdict::Differs | Verdict::Conflict(_) | Verdict::AskServer(_) if foreign => "adopt",
        Verdict::Differs | Verdict::Conflict(_) | Verdict::AskServer(_) => "update",
    }
}

/// Compares each, and asks the server where it is to be asked.
fn each(standings: &[Standing<'_>], world: &World, ask: &SuggestArgs) -> anyhow::Result<Report> {
    let mut compared: Vec<Compared> = standings.iter().map(Compared::of).collect();
    let told = asked::settle(standings, world, &mut compared)?;
    for (found, standing) in compared.iter_mut().zip(standings) {
        if found.action != "unchanged" {
            found.body = Some(standing.comparison.outgoing());
            found.live = world.live.get(&found.id).cloned();
        }
    }
    let answer = ask.is_asked().then(|| {
        let all = standings.iter().zip(&compared);
        let examined: Vec<Examined<'_>> = all
            .filter(|(_, compared)| !compared.diff.changes.is_empty())
            .map(|(standing, Compared { id, diff, .. })| Examined {
                id,
                comparison: standing.comparison,
                diff,
            })
            .collect();
        ask.answer(&examined)
    });
    Ok(Report { answer, told, ..Report::of(compared) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use merge::Origin;

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
        let report = report.unwrap();
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
