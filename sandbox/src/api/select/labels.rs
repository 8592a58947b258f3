//! Label selectors: `a=b,c in (d,e),!f`.

use serde_json::Value;

use crate::refusal::Refusal;

/// One condition on the labels of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Requirement {
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

impl Requirement {
    pub(super) fn matches(&self, object: &Value) -> bool {
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

/// Reads a selector; an empty one has no conditions.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, Refusal> {
    Parser::new(text).parse()
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
                    let requirement = self.requirement().map_err(|why| {
                        Refusal::bad_request(format!("unable to parse requirement: {why}"))
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
                other @ Token::Sign(_) => {
                    return Err(Refusal::bad_request(format!(
                        "found '{}', expected: !, identifier, or 'end of string'",
                        other.text()
                    )));
                }
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
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
                return Err(format!(
                    "found '{}', expected: in, notin, =, ==, !=, gt, lt",
                    other.text()
                ));
            }
        };
        let listed = matches!(self.take(), Token::Word(_));
        let values = if listed { self.listed()? } else { vec![self.exact()?] };
        Ok(Requirement { key, operator, values })
    }

    fn key(&mut self) -> Result<String, String> {
        match self.take() {
            Token::Word(word) => Ok(word),
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    fn exact(&mut self) -> Result<String, String> {
        match &self.next {
            Token::End | Token::Sign(",") => Ok(String::new()),
            Token::Word(_) => self.key(),
            other @ Token::Sign(_) => {
                Err(format!("found '{}', expected: identifier", other.text()))
            }
        }
    }

    fn listed(&mut self) -> Result<Vec<String>, String> {
        let opening = self.take();
        if opening != Token::Sign("(") {
            return Err(format!("found '{}' expected: '('", opening.text()));
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
                            return Err(format!("found '{}', expected: ',' or ')'", other.text()));
                        }
                    }
                }
                other => {
                    return Err(format!(
                        "found '{}', expected: ',', ')' or identifier",
                        other.text()
                    ));
                }
            }
        }
    }
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
        let object = json!({"metadata": {"labels": labels}});
        parse(selector).unwrap().iter().all(|requirement| requirement.matches(&object))
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
            assert_eq!(parse(selector).unwrap_err().message, complaint);
        }
    }
}
