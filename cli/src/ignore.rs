//! The flags of ignoreDifferences: which file has the rules, and which rules would hide what differs.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use engine::diff::ObjectDiff;
use engine::ignore::{Examined, Hidden, Rules, Suggestion, suggest};
use manifests::Limits;
use merge::ObjectId;
use serde::Serialize;
use serde_json::{Value, json};

use crate::shell::Shell;

/// What is left alone.
#[derive(Debug, Clone, clap::Args)]
pub struct IgnoreArgs {
    /// Leave alone what these rules name: Argo CD's ignoreDifferences, as a list or inside an
    /// Application
    #[arg(long = "ignore-differences", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl IgnoreArgs {
    /// The rules of the file; none without one.
    pub fn rules(&self) -> anyhow::Result<Rules> {
        let Some(file) = &self.file else { return Ok(Rules::default()) };
        let bytes =
            std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        parse(file, &bytes)
    }
}

fn parse(file: &Path, bytes: &[u8]) -> anyhow::Result<Rules> {
    let name = file.display().to_string();
    let limits = Limits::default();
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if size > limits.file_bytes {
        bail!("{name} has {size} bytes, and {} are the most that are read", limits.file_bytes);
    }
    let documents = manifests::parse_stream(&name, bytes, &limits).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let starred =
            String::from_utf8_lossy(bytes).lines().any(|line| line.trim_end().ends_with(": *"));
        let hint = if starred { "\nin YAML a lone * is quoted: group: \"*\"" } else { "" };
        anyhow!("{}{hint}", lines.join("\n"))
    })?;
    let lists: Vec<&Value> = documents.iter().filter_map(list).collect();
    if lists.is_empty() {
        bail!(
            "{name} has no rules: a list of them is expected, or a document with ignoreDifferences or \
             spec.ignoreDifferences, such as an Application"
        );
    }
    // The rules of several documents are counted through.
    let mut all = Vec::new();
    for list in lists {
        match list {
            Value::Null => {}
            Value::Array(rules) => all.extend(rules.iter().cloned()),
            _ => bail!("{name}: ignoreDifferences is no list"),
        }
    }
    Rules::parse(&Value::Array(all)).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(|error| format!("{name}: {error}")).collect();
        anyhow!("{}", lines.join("\n"))
    })
}

/// The rules of a document.
fn list(document: &Value) -> Option<&Value> {
    if document.is_array() {
        return Some(document);
    }
    let own = document.get("ignoreDifferences");
    own.or_else(|| document.get("spec")?.get("ignoreDifferences"))
}

/// Says which rules could not be heeded, and why.
pub fn warn_of_unheeded<'a>(
    shell: &mut Shell,
    diffs: impl IntoIterator<Item = (&'a ObjectId, &'a ObjectDiff)>,
) {
    for (id, diff) in diffs {
        for why in &diff.unheeded {
            shell.warn(&format!("{id}: ignoreDifferences {why}"));
        }
    }
}

/// What is asked about hiding.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SuggestArgs {
    /// Print the narrowest rules of ignoreDifferences that hide what differs, or of it a field
    /// (.spec.replicas) or an object (deployment/web)
    #[arg(long = "suggest-ignore", value_name = "PATH|OBJECT", num_args = 0..=1,
          default_missing_value = "", conflicts_with_all = ["summary", "side_by_side"])]
    asked: Option<String>,
}

impl SuggestArgs {
    /// Whether rules are asked for instead of differences.
    pub const fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// The rules for what is asked about.
    pub fn answer(&self, objects: &[Examined<'_>]) -> Answer {
        let asked = self.asked.as_deref().unwrap_or_default();
        let mut answer = Answer::default();
        for object in objects {
            let all = asked.is_empty() || names(asked, object.id);
            let changes = object.diff.changes.iter().map(|change| &change.path);
            let is_meant = |path: &String| all || path.starts_with(asked);
            let wanted: Vec<_> =
                changes.filter(|path| is_meant(&path.to_string())).cloned().collect();
            let suggestions = suggest(object, &wanted, objects);
            for path in wanted {
                if !suggestions.iter().any(|it| it.hides.contains(&path)) {
                    answer.cannot_hide.push(Hidden { id: object.id.clone(), path });
                }
            }
            answer.suggestions.extend(suggestions);
        }
        answer
    }
}

/// Whether an object is meant: `deployment/web`, `deployment.apps/web`.
fn names(asked: &str, id: &ObjectId) -> bool {
    let Some((kind, name)) = asked.split_once('/') else { return false };
    let kind = kind.to_lowercase();
    let own = id.kind.to_lowercase();
    name == id.name && (kind == own || kind == format!("{own}.{}", id.group))
}

/// Rules that hide what differs.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    suggestions: Vec<Suggestion>,
    /// What no rule hides, as our own mark.
    cannot_hide: Vec<Hidden>,
}

impl Answer {
    /// As a file that `--ignore-differences` reads, or that is pasted into an Application. What is to
    /// be known of each rule stands above it.
    pub fn text(&self) -> anyhow::Result<String> {
        let mut out = String::new();
        if !self.suggestions.is_empty() {
            out.push_str("ignoreDifferences:\n");
        }
        for suggestion in &self.suggestions {
            out.push_str(&comment(&suggestion.id.to_string()));
            for path in &suggestion.hides {
                out.push_str(&comment(&format!("  hides {path}")));
            }
            for also in &suggestion.also_hides {
                out.push_str(&comment(&format!("  and also {} of {}", also.path, also.id)));
            }
            if suggestion.also_hides.is_empty() {
                out.push_str(&comment("  and nothing else now"));
            }
            out.push_str(&manifests::emit::yaml(&json!([suggestion.rule]))?);
        }
        if self.suggestions.is_empty() && self.cannot_hide.is_empty() {
            out.push_str("# nothing that is asked about differs\n");
        }
        for Hidden { id, path } in &self.cannot_hide {
            out.push_str(&comment(&format!("{path} of {id} is hidden by no rule")));
        }
        Ok(out)
    }
}

/// A line of a comment, whatever a name holds.
fn comment(text: &str) -> String {
    let shown: String = text
        .chars()
        .flat_map(|letter| {
            let shown = if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') {
                letter.escape_default().collect::<String>()
            } else {
                letter.to_string()
            };
            shown.chars().collect::<Vec<char>>()
        })
        .collect();
    format!("# {shown}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Result<Rules, String> {
        parse(Path::new("rules.yaml"), text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn rules_are_found_wherever_argo_cd_has_them() {
        let list = "- kind: Service\n  jsonPointers: [/spec/clusterIP]\n";
        let indented = "  - kind: Service\n    jsonPointers: [/spec/clusterIP]\n";
        let expected = rules(list).unwrap();
        assert!(!expected.is_empty());
        for text in [
            format!("ignoreDifferences:\n{list}"),
            format!(
                "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  project: default\n  ignoreDifferences:\n{indented}"
            ),
            format!("kind: Application\nspec: {{}}\n---\nspec:\n  ignoreDifferences:\n{indented}"),
            "[{\"kind\": \"Service\", \"jsonPointers\": [\"/spec/clusterIP\"]}]".to_owned(),
        ] {
            assert_eq!(rules(&text).as_ref(), Ok(&expected), "{text}");
        }
        assert!(rules("spec: {ignoreDifferences: []}").unwrap().is_empty());
        assert!(rules("spec: {ignoreDifferences: null}").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_with_file_and_rule() {
        for (text, why) in [
            ("kind: Application\nspec: {}\n", "rules.yaml has no rules"),
            ("ignoreDifferences: 7\n", "is no list"),
            (
                "- kind: Service\n- jsonPointers: [/a]\n",
                "rules.yaml: ignoreDifferences rule 2: missing field `kind`",
            ),
            (
                "- kind: Service\n  jqPathExpression: [.a]\n",
                "rule 1: unknown field `jqPathExpression`, expected one of",
            ),
            (
                "- kind: Service\n  jsonPointers: [spec]\n",
                "rule 1: jsonPointers `spec`: a pointer begins with `/`",
            ),
            (
                "- kind: Service\n  jqPathExpressions: ['.a | foo']\n",
                "rule 1: jqPathExpressions `.a | foo`: `foo` is not known",
            ),
            (
                "- kind: Service\n  managedFieldsManagers: [cleat]\n",
                "rule 1: managedFieldsManagers has `cleat`",
            ),
            ("- kind: 'Serv[ice'\n", "rule 1: kind `Serv[ice` is no pattern"),
            (
                "- kind: Service\n  name: 'web-*'\n",
                "rule 1: name `web-*` is compared letter by letter",
            ),
            ("- group: *\n  kind: *\n", "in YAML a lone * is quoted"),
        ] {
            let error = rules(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        let two = rules("- kind: A\n  jsonPointers: [a, b]\n- kind: [1]\n").unwrap_err();
        assert_eq!(two.lines().count(), 3, "everything at once: {two}");
    }

    #[test]
    fn a_comment_stays_on_its_line() {
        assert_eq!(comment("a\nb\u{2028}c\u{7}"), "# a\\nb\\u{2028}c\\u{7}\n");
    }

    #[test]
    fn an_object_is_meant_by_kind_and_name() {
        let id = ObjectId {
            group: "apps".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: Some("shop".to_owned()),
            name: "web".to_owned(),
        };
        for (asked, meant) in [
            ("deployment/web", true),
            ("Deployment.apps/web", true),
            ("deployment/api", false),
            ("deployment.batch/web", false),
            (".spec.replicas", false),
            ("web", false),
        ] {
            assert_eq!(names(asked, &id), meant, "{asked}");
        }
    }
}
