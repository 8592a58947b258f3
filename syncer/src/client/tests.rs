//! The client against services that misbehave on purpose.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use http::Response;
use merge::ErrorClass;
use serde_json::json;

use super::*;

/// A client whose server answers the n-th request with the n-th answer (the last one for ever), and
/// the count of requests it saw.
fn scripted(answers: Vec<(u16, Option<&'static str>, Value)>) -> (Client, Arc<AtomicU32>) {
    let seen = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&seen);
    let answers = Arc::new(Mutex::new(answers));
    let service = tower::service_fn(move |_: Request<Body>| {
        let mut answers = answers.lock().unwrap();
        let (code, retry_after, body) =
            if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            let mut response = Response::builder().status(code);
            if let Some(seconds) = retry_after {
                response = response.header(RETRY_AFTER, seconds);
            }
            let body = Body::from(body.to_string().into_bytes());
            Ok::<_, std::io::Error>(response.body(body).unwrap())
        }
    });
    (Client::over(kube::Client::new(service, "default"), "test"), seen)
}

fn status(code: u16) -> Value {
    json!({"kind": "Status", "code": code, "reason": "Because", "message": "no"})
}

#[tokio::test(start_paused = true)]
async fn a_read_is_sent_again_after_503_and_429() {
    let (client, seen) = scripted(vec![
        (503, None, status(503)),
        (429, Some("2"), status(429)),
        (200, None, json!({"ok": true})),
    ]);
    let began = tokio::time::Instant::now();
    let answer = client.call(Call::get("read", "/api")).await.unwrap();
    assert_eq!(answer, json!({"ok": true}));
    assert_eq!(seen.load(Ordering::SeqCst), 3);
    assert_eq!(began.elapsed(), Duration::from_millis(2050));
    assert_eq!(client.limiter.allowed(), 8);
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_repeated_is_sent_once() {
    let (client, seen) = scripted(vec![(503, None, status(503))]);
    let call = Call::send("create x", Method::POST, "/x", "application/json", &json!({}));
    let error = client.call(call).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn retries_end() {
    let (client, seen) = scripted(vec![(503, None, status(503))]);
    let error = client.call(Call::get("list pods", "/api/v1/pods")).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot list pods: no (503 Because)");
    assert_eq!(seen.load(Ordering::SeqCst), RetryPolicy::default().attempts);
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_and_a_missing_right_are_told_apart() {
    let (client, seen) = scripted(vec![(401, None, status(401)), (403, None, status(403))]);
    let refused = client.call(Call::get("read", "/api")).await.unwrap_err();
    assert!(matches!(refused.why, Why::Credential { .. }));
    assert!(refused.to_string().contains("refused the credential"));
    let forbidden = client.call(Call::get("read", "/api")).await.unwrap_err();
    assert!(matches!(forbidden.why, Why::Forbidden(_)));
    assert_eq!(forbidden.class(), ErrorClass::Config);
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_a_time_out() {
    let service = tower::service_fn(|_: Request<Body>| {
        std::future::pending::<Result<Response<Body>, std::io::Error>>()
    });
    let client = Client::over(kube::Client::new(service, "default"), "http://here");
    let call = Call::send("create x", Method::POST, "/x", "application/json", &json!({}));
    let error = client.call(call).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot create x: the API server at http://here did not answer within 30 s"
    );
}

#[tokio::test]
async fn a_page_that_is_no_status_is_quoted() {
    let status = status_of(StatusCode::BAD_GATEWAY, b"<html>nobody home</html>");
    assert_eq!(status.to_string(), "<html>nobody home</html> (502)");
    let empty = status_of(StatusCode::BAD_GATEWAY, b"");
    assert_eq!(empty.to_string(), "Bad Gateway (502)");
}
