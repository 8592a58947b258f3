//! What can go wrong with a request, told so that the reader knows what to do.
//!
//! Nothing of a request's body or headers goes into these errors; what the server itself says is
//! passed on. Whoever knows which objects it speaks of masks their secrets ([`RequestError::masked`]).

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use engine::redact::Redaction;
use merge::ErrorClass;
use serde::Deserialize;
use serde_json::Value;

/// A request that did not get the answer it was for.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot {what}: {why}")]
pub struct RequestError {
    /// What the request was for, as a verb and its object: `apply deployment.apps/web in shop`.
    pub what: String,
    /// Why it failed.
    pub why: Why,
}

/// Why a request failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Why {
    /// No connection could be made.
    #[error(
        "the API server at {server} cannot be reached ({cause}); check the address in the \
         kubeconfig, and that the server runs"
    )]
    Unreachable {
        /// The server's address.
        server: String,
        /// The innermost cause.
        cause: String,
    },
    /// The connection broke before the answer was complete.
    #[error("the connection to the API server at {server} broke ({cause})")]
    Broken {
        /// The server's address.
        server: String,
        /// The innermost cause.
        cause: String,
    },
    /// The server's certificate, or ours, was not accepted.
    #[error(
        "no trusted connection to the API server at {server} ({cause}); check \
         certificate-authority and the client certificate in the kubeconfig"
    )]
    Certificate {
        /// The server's address.
        server: String,
        /// The innermost cause.
        cause: String,
    },
    /// No answer came in time.
    #[error("the API server at {server} did not answer within {} s", after.as_secs())]
    TimedOut {
        /// The server's address.
        server: String,
        /// The time allowed.
        after: Duration,
    },
    /// 401.
    #[error(
        "the API server at {server} refused the credential (401 Unauthorized); log in again, or \
         check the user of the kubeconfig's context"
    )]
    Credential {
        /// The server's address.
        server: String,
    },
    /// 403.
    #[error("{0}")]
    Forbidden(Box<Status>),
    /// Any other answer that is not a success.
    #[error("{0}")]
    Answered(Box<Status>),
    /// An answer that cannot be read, or a request that could not be made.
    #[error("{0}")]
    Garbled(String),
}

/// The server's own words: the parts of a `metav1.Status` that decide something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// The machine-readable reason, `Conflict` for instance.
    pub reason: String,
    /// The message for people.
    pub message: String,
    /// What it is about.
    pub details: Details,
}

/// `details` of a `Status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// Each field that was refused.
    pub causes: Vec<Cause>,
    /// How long the server asks us to wait.
    pub retry_after_seconds: u64,
}

/// One refused field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cause {
    /// The machine-readable reason.
    pub reason: String,
    /// The message for people.
    pub message: String,
    /// The path of the field.
    pub field: String,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let message = if self.message.is_empty() { self.reason.as_str() } else { &self.message };
        write!(f, "{message} ({}", self.code)?;
        if !self.reason.is_empty() && !self.message.is_empty() {
            write!(f, " {}", self.reason)?;
        }
        f.write_str(")")
    }
}

impl RequestError {
    /// An error that says what could not be done.
    pub fn new(what: impl Into<String>, why: Why) -> Self {
        Self { what: what.into(), why }
    }

    /// The same error with the secrets of these objects masked in what the server says: it may quote
    /// what it refuses, and passes on whatever an admission webhook tells it.
    #[must_use]
    pub fn masked<'a>(
        mut self,
        redaction: &Redaction,
        objects: impl IntoIterator<Item = &'a Value>,
    ) -> Self {
        let objects: Vec<&Value> = objects.into_iter().collect();
        let mask = |text: &mut String| *text = redaction.message(text, objects.iter().copied());
        match &mut self.why {
            Why::Forbidden(status) | Why::Answered(status) => {
                mask(&mut status.message);
                mask(&mut status.reason);
                for cause in &mut status.details.causes {
                    mask(&mut cause.message);
                }
            }
            Why::Garbled(text) => mask(text),
            // These are words of ours and of the transport.
            Why::Unreachable { .. }
            | Why::Broken { .. }
            | Why::Certificate { .. }
            | Why::TimedOut { .. }
            | Why::Credential { .. } => {}
        }
        self
    }

    /// The HTTP code of the server's answer, if there was one.
    pub fn code(&self) -> Option<u16> {
        match &self.why {
            Why::Credential { .. } => Some(401),
            Why::Forbidden(status) | Why::Answered(status) => Some(status.code),
            _ => None,
        }
    }

    /// Whether the server answered with this code.
    pub fn is(&self, code: u16) -> bool {
        self.code() == Some(code)
    }

    /// The server's own words, if it answered.
    pub fn status(&self) -> Option<&Status> {
        match &self.why {
            Why::Forbidden(status) | Why::Answered(status) => Some(status),
            _ => None,
        }
    }

    /// Who can mend it. A 500 that names typed conversion is the manifest's fault: the server uses it
    /// for unknown fields and wrong types in an apply.
    pub fn class(&self) -> ErrorClass {
        match &self.why {
            Why::Unreachable { .. } | Why::Broken { .. } | Why::TimedOut { .. } => {
                ErrorClass::Transient
            }
            Why::Certificate { .. } | Why::Credential { .. } | Why::Forbidden(_) => {
                ErrorClass::Config
            }
            Why::Answered(status) => status.class(),
            Why::Garbled(_) => ErrorClass::Internal,
        }
    }
}

impl Status {
    /// Who can mend it.
    pub fn class(&self) -> ErrorClass {
        match self.code {
            401 | 403 => ErrorClass::Config,
            // What an apply needs was there when the plan was made: it was taken away since.
            404 | 409 | 410 => ErrorClass::Conflict,
            // The uid that our applies carry: another object bears the name now.
            422 if self.details.causes.iter().any(|cause| cause.field == "metadata.uid") => {
                ErrorClass::Conflict
            }
            500 if self.is_typed_conversion() => ErrorClass::User,
            429 | 500..=599 => ErrorClass::Transient,
            _ => ErrorClass::User,
        }
    }

    /// Whether a 500 says that the body does not fit the schema.
    pub fn is_typed_conversion(&self) -> bool {
        ["failed to create typed", "failed to create manager", "failed to convert"]
            .iter()
            .any(|words| self.message.contains(words))
            || self.message.contains("field not declared in schema")
    }
}

/// The innermost cause of an error, which names the fault where the outer ones only name the layers.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// Sorts a failure to send, or to read, by its chain of causes.
pub(super) fn transport(server: &str, error: &(dyn StdError + 'static)) -> Why {
    let server = server.to_owned();
    let cause = innermost(error);
    let speaks_of = |words: &[&str]| {
        chain(error).any(|cause| {
            let text = cause.to_string().to_lowercase();
            words.iter().any(|word| text.contains(word))
        })
    };
    if speaks_of(&["certificate", "tls handshake", "unknownissuer", "received fatal alert"]) {
        return Why::Certificate { server, cause };
    }
    let kind =
        chain(error).find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    let connecting = speaks_of(&["client error (connect)", "dns error", "tcp connect error"]);
    match kind {
        Some(
            io::ErrorKind::ConnectionRefused
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::AddrNotAvailable,
        ) => Why::Unreachable { server, cause },
        _ if connecting => Why::Unreachable { server, cause },
        _ => Why::Broken { server, cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(code: u16, reason: &str, message: &str) -> RequestError {
        let status = Status {
            code,
            reason: reason.into(),
            message: message.into(),
            details: Details::default(),
        };
        RequestError::new("apply deployment.apps/web in shop", Why::Answered(Box::new(status)))
    }

    #[test]
    fn each_answer_has_its_class() {
        let table = [
            (answered(404, "NotFound", "x"), ErrorClass::Conflict),
            (answered(409, "Conflict", "x"), ErrorClass::Conflict),
            (answered(422, "Invalid", "x"), ErrorClass::User),
            (answered(429, "TooManyRequests", "x"), ErrorClass::Transient),
            (answered(500, "InternalError", "etcd is away"), ErrorClass::Transient),
            (
                answered(500, "", "failed to create typed patch object: field not declared"),
                ErrorClass::User,
            ),
            (answered(503, "ServiceUnavailable", "x"), ErrorClass::Transient),
        ];
        for (error, class) in table {
            assert_eq!(error.class(), class, "{error}");
        }
    }

    #[test]
    fn an_error_says_what_on_what_and_why() {
        let error = answered(422, "Invalid", "spec.selector: field is immutable");
        assert_eq!(
            error.to_string(),
            "cannot apply deployment.apps/web in shop: spec.selector: field is immutable (422 Invalid)"
        );
    }

    #[test]
    fn what_a_webhook_echoes_is_masked() {
        let secret = serde_json::json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "db"}, "stringData": {"password": "hunter2"}});
        let echo = format!("admission webhook \"nosy\" denied the request: {secret}");
        let mut error = answered(400, "BadRequest", &echo);
        if let Why::Answered(status) = &mut error.why {
            status.details.causes = vec![Cause { message: "hunter2".into(), ..Cause::default() }];
        }
        let redaction = Redaction::new(engine::redact::Salt::new([7; 16]));
        let error = error.masked(&redaction, [&secret]);
        let told = format!("{error} {error:?}");
        assert!(told.contains("nosy") && told.contains("<masked "), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn a_refused_connection_is_unreachable_and_a_reset_is_broken() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(matches!(transport("s", &refused), Why::Unreachable { .. }));
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(matches!(transport("s", &reset), Why::Broken { .. }));
        let tls = io::Error::other("invalid peer certificate: UnknownIssuer");
        assert!(matches!(transport("s", &tls), Why::Certificate { .. }));
    }
}
