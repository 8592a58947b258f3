//! Sending a case's requests to a server, one after the other, over HTTP.
//!
//! Requests hold placeholders for what the recorded server gave out (a uid, a version); what the
//! replayed server gave out instead is learnt from its answers and put in their place.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::normal::Normal;
use super::{Case, Request, Response, words};

/// A step whose answer is not the recorded one.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The step, from 0.
    pub step: usize,
    /// What differs, for people: paths with the recorded value and the answered one.
    pub what: String,
}

/// Replays a case against a fresh server; what differs is returned, step by step.
pub async fn run(addr: SocketAddr, case: &Case) -> anyhow::Result<Vec<Difference>> {
    let answers = answers(addr, case).await?;
    Ok(compare(case, &answers))
}

/// The answers of a server to a case's requests.
pub async fn answers(addr: SocketAddr, case: &Case) -> anyhow::Result<Vec<Response>> {
    let stream = tokio::net::TcpStream::connect(addr).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut learnt = BTreeMap::new();
    let mut answers = Vec::new();
    for (index, step) in case.steps.iter().enumerate() {
        let answer = send(&mut sender, addr, &step.request, &learnt)
            .await
            .with_context(|| format!("{}: step {index}", case.name))?;
        if let (Some(recorded), Some(answered)) = (&step.response.body, &answer.body) {
            learn(recorded, answered, &mut learnt);
        }
        answers.push(answer);
    }
    drop(sender);
    connection.await??;
    Ok(answers)
}

/// Compares answers with the recorded ones.
pub fn compare(case: &Case, answers: &[Response]) -> Vec<Difference> {
    let recorded: Vec<Response> = case.steps.iter().map(|step| step.response.clone()).collect();
    let recorded = Normal::run(&recorded);
    let answered = Normal::run(answers);
    let mut differences = Vec::new();
    for (step, (recorded, answered)) in recorded.iter().zip(&answered).enumerate() {
        let mut lines = Vec::new();
        if recorded.code != answered.code {
            lines.push(format!("code: recorded {}, answered {}", recorded.code, answered.code));
        }
        let null = Value::Null;
        let of = |response: &Response| response.body.clone();
        differ(
            &of(recorded).unwrap_or(null.clone()),
            &of(answered).unwrap_or(null),
            "",
            &mut lines,
        );
        if recorded.body_text != answered.body_text {
            lines.push(format!(
                "text: recorded {:?}, answered {:?}",
                recorded.body_text, answered.body_text
            ));
        }
        if !lines.is_empty() {
            differences.push(Difference { step, what: lines.join("\n") });
        }
    }
    differences
}

async fn send(
    sender: &mut SendRequest<Full<Bytes>>,
    addr: SocketAddr,
    request: &Request,
    learnt: &BTreeMap<String, String>,
) -> anyhow::Result<Response> {
    let query: Vec<String> = request
        .query
        .iter()
        .flat_map(|(name, value)| match value {
            Value::Array(list) => list.iter().map(|one| (name, one)).collect(),
            one => vec![(name, one)],
        })
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let text = learnt.get(&text).cloned().unwrap_or(text);
            format!("{name}={}", encode(&text))
        })
        .collect();
    let uri = if query.is_empty() {
        request.path.clone()
    } else {
        format!("{}?{}", request.path, query.join("&"))
    };
    let body = match (&request.body, &request.body_text) {
        (Some(body), _) => {
            let mut body = body.clone();
            substitute(&mut body, learnt);
            body.to_string()
        }
        (None, Some(text)) => text.clone(),
        (None, None) => String::new(),
    };
    let mut builder = http::Request::builder()
        .method(request.method.as_str())
        .uri(uri)
        .header("host", addr.to_string());
    if let Some(content_type) = &request.content_type {
        builder = builder.header("content-type", content_type);
    }
    if !request.headers.keys().any(|name| name.eq_ignore_ascii_case("user-agent")) {
        // What the recorder called itself: it names the manager where a request does not.
        builder = builder.header("user-agent", "record");
    }
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    sender.ready().await?;
    let response = sender.send_request(builder.body(Full::new(Bytes::from(body)))?).await?;
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await?.to_bytes();
    Ok(match serde_json::from_slice(&bytes) {
        Ok(body) => Response { code, body: Some(body), body_text: None },
        Err(_) if bytes.is_empty() => Response { code, body: None, body_text: None },
        Err(_) => Response {
            code,
            body: None,
            body_text: Some(String::from_utf8_lossy(&bytes).into_owned()),
        },
    })
}

/// Notes what stands where the recording has a value that a server gives out.
fn learn(recorded: &Value, answered: &Value, learnt: &mut BTreeMap<String, String>) {
    match (recorded, answered) {
        (Value::Object(recorded), Value::Object(answered)) => {
            for (key, recorded) in recorded {
                let Some(answered) = answered.get(key) else { continue };
                let given_out = matches!(key.as_str(), "uid" | "resourceVersion" | "clusterIP");
                match (recorded.as_str(), answered.as_str()) {
                    (Some(recorded), Some(answered)) if given_out => {
                        learnt.insert(recorded.to_owned(), answered.to_owned());
                    }
                    _ => learn(recorded, answered, learnt),
                }
            }
        }
        (Value::Array(recorded), Value::Array(answered)) => {
            recorded.iter().zip(answered).for_each(|(one, two)| learn(one, two, learnt));
        }
        _ => {}
    }
}

fn substitute(value: &mut Value, learnt: &BTreeMap<String, String>) {
    match value {
        Value::Object(map) => map.values_mut().for_each(|value| substitute(value, learnt)),
        Value::Array(list) => list.iter_mut().for_each(|value| substitute(value, learnt)),
        Value::String(text) => {
            if let Some(actual) = learnt.get(text.as_str()) {
                text.clone_from(actual);
            }
        }
        _ => {}
    }
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            use std::fmt::Write;
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Every place where two values differ.
fn differ(recorded: &Value, answered: &Value, path: &str, lines: &mut Vec<String>) {
    match (recorded, answered) {
        (Value::Object(one), Value::Object(two)) => {
            for (key, recorded) in one {
                let path = format!("{path}.{key}");
                match two.get(key) {
                    Some(answered) => differ(recorded, answered, &path, lines),
                    None => lines.push(format!("{path}: recorded {recorded}, missing")),
                }
            }
            for (key, answered) in two.iter().filter(|(key, _)| !one.contains_key(*key)) {
                lines.push(format!("{path}.{key}: not recorded, answered {answered}"));
            }
        }
        (Value::Array(one), Value::Array(two)) if one.len() == two.len() => {
            for (index, (recorded, answered)) in one.iter().zip(two).enumerate() {
                differ(recorded, answered, &format!("{path}[{index}]"), lines);
            }
        }
        (one, two) if one == two => {}
        (Value::String(one), Value::String(two))
            if path.ends_with(".message") && words::same(one, two) => {}
        (one, two) => lines.push(format!("{path}: recorded {one}, answered {two}")),
    }
}
