//! An answer on its way out: a code, headers, and a body that is whole or a stream.

use std::convert::Infallible;
use std::pin::Pin;

use bytes::Bytes;
use futures::Stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, WARNING};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use serde_json::Value;

use crate::refusal::Refusal;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The lines of a watch.
pub(crate) type Lines = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

enum Content {
    Whole(Bytes),
    Stream(Lines),
}

/// An answer before it becomes an HTTP response.
pub(crate) struct Answer {
    code: u16,
    headers: HeaderMap,
    content: Content,
}

impl Answer {
    fn new(code: u16, content_type: &'static str, content: Content) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { code, headers, content }
    }

    /// JSON.
    pub(crate) fn json(code: u16, value: &Value) -> Self {
        // A `Value` always has a JSON form; its keys are strings.
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        Self::new(code, "application/json", Content::Whole(bytes.into()))
    }

    /// A code and no body.
    pub(crate) fn json_status_only(code: u16) -> Self {
        Self::new(code, "application/json", Content::Whole(Bytes::new()))
    }

    /// JSON that was written before.
    pub(crate) fn json_bytes(bytes: Bytes) -> Self {
        Self::new(200, "application/json", Content::Whole(bytes))
    }

    /// Bytes of any type.
    pub(crate) fn bytes(content_type: &'static str, bytes: Vec<u8>) -> Self {
        Self::new(200, content_type, Content::Whole(bytes.into()))
    }

    /// Plain text.
    pub(crate) fn text(code: u16, text: &str) -> Self {
        let content = Content::Whole(Bytes::copy_from_slice(text.as_bytes()));
        Self::new(code, "text/plain; charset=utf-8", content)
            .header("x-content-type-options", "nosniff")
    }

    /// The stream of a watch.
    pub(crate) fn stream(lines: Lines) -> Self {
        Self::new(200, "application/json", Content::Stream(lines))
    }

    /// No.
    pub(crate) fn refused(refusal: &Refusal) -> Self {
        if refusal.plain {
            Self::text(refusal.code, &refusal.message)
        } else {
            Self::json(refusal.code, &refusal.status())
        }
    }

    /// With a header in place of an earlier one of that name; a value no header can hold is left out.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// With one `Warning` header a text, as `299 - "…"`.
    pub(crate) fn warnings(mut self, warnings: &[String]) -> Self {
        for warning in warnings {
            let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
            if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
                self.headers.append(WARNING, value);
            }
        }
        self
    }

    pub(crate) const fn code(&self) -> u16 {
        self.code
    }

    pub(crate) fn into_response(self) -> http::Response<Body> {
        use futures::StreamExt;
        let body = match self.content {
            Content::Whole(bytes) => Full::new(bytes).boxed_unsync(),
            Content::Stream(lines) => {
                StreamBody::new(lines.map(|line| Ok(Frame::data(line)))).boxed_unsync()
            }
        };
        let mut response = http::Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(self.code)
            .unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        *response.headers_mut() = self.headers;
        response
    }
}

impl From<Result<Self, Refusal>> for Answer {
    fn from(result: Result<Self, Refusal>) -> Self {
        result.unwrap_or_else(|refusal| Self::refused(&refusal))
    }
}
