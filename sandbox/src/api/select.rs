//! Label and field selectors, parsed with the server's own complaints
//! (`k8s.io/apimachinery/pkg/labels` and `fields`).

use serde_json::Value;

use crate::refusal::Refusal;
use crate::registry::Resource;

/// What a list or a watch chooses.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<FieldTerm>,
    /// A watch or a list of one object by its path.
    pub(crate) namespace: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    Absent,
    Greater,
    Less,
}

#[derive(Debug, Clone, PartialEq)]
struct FieldTerm {
    path: String,
    equal: bool,
    value: String,
}

impl Selector {
    pub(crate) fn parse(
        resource: &Resource,
        labels: Option<&str>,
        fields: Option<&str>,
        namespace: Option<&str>,
    ) -> Result<Self, Refusal> {
        let labels = Parser::new(labels.unwrap_or_default()).parse()?;
        let fields = parse_fields(resource, fields.unwrap_or_default())?;
        Ok(Self { labels, fields, namespace: namespace.map(str::to_owned) })
    }

    /// Adds what the path itself chooses.
    pub(crate) fn and_name(&mut self, name: &str) {
        self.fields.push(FieldTerm {
            path: "metadata.name".to_owned(),
            equal: true,
            value: name.to_owned(),
        });
    }

    /// Whether it chooses everything of its namespace.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is chosen.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let in_namespace = self
            .namespace
            .as_deref()
            .is_none_or(|namespace| merge::object::namespace(object) == Some(namespace));
        in_namespace
            && self.labels.iter().all(|requirement| requirement.matches(object))
            && self
                .fields
                .iter()
                .all(|term| (field(object, &term.path) == term.value) == term.equal)
    }
}

impl Requirement {
    fn matches(&self, object: &Value) -> bool {
        let label = merge::object::label(object, &self.key);
        let among = |label: &str| self.values.iter().any(|value| value == label);
        let compare = |label: &str, wanted: std::cmp::Ordering| {
            let bound = self.values.first().and_then(|value| value.parse::<i64>().ok());
            let label = label.parse::<i64>().ok();
            matches!((label, bound), (Some(label), Some(bound)) if label.cmp(&bound) == wanted)
        };
        match self.operator {
            Operator::In => label.is_some_and(among),
            Operator::NotIn => !label.is_some_and(among),
            Operator::Exists => label.is_some(),
            Operator::Absent => label.is_none(),
            Operator::Greater => label.is_some_and(|it| compare(it, std::cmp::Ordering::Greater)),
            Operator::Less => label.is_some_and(|it| compare(it, std::cmp::Ordering::Less)),
        }
    }
}

/// A field as selectors compare it: text, and for what is absent the zero value's text.
fn field(object: &Value, path: &str) -> String {
    let pointer = format!("/{}", path.replace('.', "/"));
    match object.pointer(&pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => match path {
            "spec.unschedulable" | "spec.hostNetwork" => "false".to_owned(),
            "status.successful" | "status.replicas" => "0".to_owned(),
            _ => String::new(),
        },
        Some(other) => other.to_string(),
    }
}

/// The fields a kind may be chosen by, besides its name and namespace.
fn known_fields(resource: &Resource) -> &'static [&'static str] {
    match (&*resource.group, &*resource.plural) {
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "secrets") => &["type"],
        ("", "namespaces") => &["status.phase"],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "replicationcontrollers") | ("apps", "replicasets") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        ("certificates.k8s.io", _) => &["spec.signerName"],
        _ => &[],
    }
}

fn parse_fields(resource: &Resource, text: &str) -> Result<Vec<FieldTerm>, Refusal> {
    let mut terms = Vec::new();
    for term in text.split(',').filter(|term| !term.is_empty()) {
        let parsed = [("!=", false), ("==", true), ("=", true)].iter().find_map(|(sign, equal)| {
            term.split_once(sign).map(|(path, value)| FieldTerm {
                path: path.to_owned(),
                equal: *equal,
                value: value.to_owned(),
            })
        });
        let Some(parsed) = parsed else {
            return Err(Refusal::bad_request(format!(
                "invalid selector: '{text}'; can't understand '{term}'"
            )));
        };
        let path = parsed.path.as_str();
        let everywhere = matches!(path, "metadata.name" | "metadata.namespace");
        if !everywhere && !known_fields(resource).contains(&path) {
            return Err(unknown_field(resource, path));
        }
        terms.push(parsed);
    }
    Ok(terms)
}

fn unknown_field(resource: &Resource, path: &str) -> Refusal {
    if resource.custom.is_some() {
        return Refusal::bad_request(format!("field label not supported: {path}"));
    }
    if known_fields(resource).is_empty() {
        return Refusal::bad_request(format!(
            "\"{path}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        ));
    }
    Refusal::bad_request(format!("field label not supported: {path}"))
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(&'static str),
    End,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Sign(sign) => sign,
            Self::End => "",
        }
    }
}

/// A recursive-descent reading of `a=b,c in (d,e),!f`.
struct Parser {
    tokens: std::vec::IntoIter<Token>,
    next: Token,
}

impl Parser {
    fn new(text: &str) -> Self {
        let mut tokens = tokens(text).into_iter();
        let next = tokens.next().unwrap_or(Token::End);
        Self { tokens, next }
    }

    fn take(&mut self) -> Token {
        let next = self.tokens.next().unwrap_or(Token::End);
        std::mem::replace(&mut self.next, next)
    }

    fn parse(mut self) -> Result<Vec<Requirement>, Refusal> {
        let mut requirements = Vec::new();
        loop {
            match &self.next {
                Token::End => return Ok(requirements),
                Token::Word(_) | Token::Sign("!") => {
                    let requirement = self.requirement().map_err(|why| match why {
                        Complaint::Requirement(why) => {
                            Refusal::bad_request(format!("unable to parse requirement: {why}"))
                        }
                    })?;
                    requirements.push(requirement);
                    match self.take() {
                        Token::End => return Ok(requirements),
                        Token::Sign(",") => {
                            if !matches!(self.next, Token::Word(_) | Token::Sign("!")) {
                                let found = self.next.text();
                                return Err(Refusal::bad_request(format!(
                                    "found '{found}', expected: identifier after ','"
                                )));
                            }
                        }
                        other => {
                            return Err(Refusal::bad_request(format!(
                                "found '{}', expected: ',' or 'end of string'",
                                other.text()
                            )));
                        }
                    }
                }
                other => {
                    return Err(Refusal::bad_request(format!(
                        "found '{}', expected: !, identifier, or 'end of string'",
                        other.text()
                    )));
                }
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, Complaint> {
        if self.next == Token::Sign("!") {
            self.take();
            let key = self.key()?;
            return Ok(Requirement { key, operator: Operator::Absent, values: Vec::new() });
        }
        let key = self.key()?;
        let operator = match &self.next {
            Token::End | Token::Sign(",") => {
                return Ok(Requirement { key, operator: Operator::Exists, values: Vec::new() });
            }
            Token::Sign("=" | "==") => Operator::In,
            Token::Sign("!=") => Operator::NotIn,
            Token::Sign(">") => Operator::Greater,
            Token::Sign("<") => Operator::Less,
            Token::Word(word) if word == "in" => Operator::In,
            Token::Word(word) if word == "notin" => Operator::NotIn,
            other => {
                return Err(Complaint::Requirement(format!(
                    "found '{}', expected: in, notin, =, ==, !=, gt, lt",
                    other.text()
                )));
            }
        };
        let listed = matches!(self.take(), Token::Word(_));
        let values = if listed { self.listed()? } else { vec![self.exact()?] };
        Ok(Requirement { key, operator, values })
    }

    fn key(&mut self) -> Result<String, Complaint> {
        match self.take() {
            Token::Word(word) => Ok(word),
            other => Err(Complaint::Requirement(format!(
                "found '{}', expected: identifier",
                other.text()
            ))),
        }
    }

    fn exact(&mut self) -> Result<String, Complaint> {
        match &self.next {
            Token::End | Token::Sign(",") => Ok(String::new()),
            Token::Word(_) => self.key(),
            other => Err(Complaint::Requirement(format!(
                "found '{}', expected: identifier",
                other.text()
            ))),
        }
    }

    fn listed(&mut self) -> Result<Vec<String>, Complaint> {
        let opening = self.take();
        if opening != Token::Sign("(") {
            return Err(Complaint::Requirement(format!(
                "found '{}' expected: '('",
                opening.text()
            )));
        }
        let mut values = Vec::new();
        loop {
            match self.take() {
                Token::Sign(")") => return Ok(values),
                Token::Sign(",") => values.push(String::new()),
                Token::Word(word) => {
                    values.push(word);
                    match self.take() {
                        Token::Sign(",") => {}
                        Token::Sign(")") => return Ok(values),
                        other => {
                            return Err(Complaint::Requirement(format!(
                                "found '{}', expected: ',' or ')'",
                                other.text()
                            )));
                        }
                    }
                }
                other => {
                    return Err(Complaint::Requirement(format!(
                        "found '{}', expected: ',', ')' or identifier",
                        other.text()
                    )));
                }
            }
        }
    }
}

enum Complaint {
    Requirement(String),
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(letter) = rest.chars().next() {
        let sign = ["==", "!=", "=", "!", "(", ")", ",", "<", ">"]
            .into_iter()
            .find(|sign| rest.starts_with(sign));
        if let Some(sign) = sign {
            tokens.push(Token::Sign(sign));
            rest = rest.get(sign.len()..).unwrap_or_default();
        } else {
            let is_end = |letter: char| letter.is_whitespace() || "=!(),<>".contains(letter);
            let end = rest.find(is_end).unwrap_or(rest.len()).max(letter.len_utf8());
            tokens.push(Token::Word(rest.get(..end).unwrap_or_default().to_owned()));
            rest = rest.get(end..).unwrap_or_default();
        }
        rest = rest.trim_start();
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chooses(selector: &str, labels: Value) -> bool {
        let labels_of = Parser::new(selector).parse().unwrap();
        let selector = Selector { labels: labels_of, ..Selector::default() };
        selector.matches(&json!({"metadata": {"labels": labels}}))
    }

    #[test]
    fn label_selectors_choose() {
        let web = || json!({"app": "web", "tier": "front", "rank": "5"});
        for (selector, expected) in [
            ("", true),
            ("app=web", true),
            ("app==web,tier in (front, back)", true),
            ("app!=web", false),
            ("none!=web", true),
            ("tier notin (front)", false),
            ("app", true),
            ("!app", false),
            ("!none", true),
            ("rank>4", true),
            ("rank<4", false),
            ("app=", false),
        ] {
            assert_eq!(chooses(selector, web()), expected, "{selector}");
        }
    }

    #[test]
    fn complaints_are_the_servers() {
        for (selector, complaint) in [
            ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("=x", "found '=', expected: !, identifier, or 'end of string'"),
            ("a=not ok!", "found 'ok', expected: ',' or 'end of string'"),
        ] {
            assert_eq!(Parser::new(selector).parse().unwrap_err().message, complaint);
        }
    }
}
