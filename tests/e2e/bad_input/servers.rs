//! Clusters that cannot be had: nobody listens, the connection breaks, the credential is refused, the
//! kubeconfig is no good. Each ends within seconds, and says which server and what to look at.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tests::control_plane::ControlPlane;
use tests::program::Ended;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::repository::{self, Entry};
use crate::{program, words};

/// How long a person should wait at most to hear that there is no cluster.
const PATIENCE: Duration = Duration::from_secs(12);

const TOKEN: &str = "canary-of-the-token";

fn kubeconfig(folder: &Path, server: &str) -> PathBuf {
    let file = folder.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         clusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         users: [{{name: u, user: {{token: {TOKEN}}}}}]\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// Asks the verbs that need a cluster; each must end with 2, soon, and without the token.
async fn tried(folder: &Path, kubeconfig: &Path) -> Vec<Ended> {
    let good = Entry::text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n");
    let repository = repository::create(folder, "shop", [("good.yaml", &good)]);
    let program = program(folder);
    let mut all = Vec::new();
    for verb in ["apply", "plan", "diff"] {
        let line = format!("{verb} --repo {{}} --kubeconfig {}", kubeconfig.display());
        let running = program.run(words(&line, repository.to_str().unwrap()));
        let ended = tokio::time::timeout(PATIENCE, running).await;
        let ended = ended.unwrap_or_else(|_| panic!("{verb} took longer than {PATIENCE:?}"));
        let ended = ended.unwrap().expect(2).unwrap();
        assert!(!ended.said().contains(TOKEN), "{verb}: {}", ended.said());
        assert_eq!(ended.stdout, "", "{verb}");
        all.push(ended);
    }
    all
}

/// Answers every connection alike, for ever.
async fn answering(answer: String) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_one(stream, answer.clone()));
        }
    });
    address
}

/// Reads one request's head and answers it; a client that goes away meanwhile is no matter.
async fn answer_one(mut stream: TcpStream, answer: String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A `Status` as the API server sends it, closing the connection.
fn status(code: u16, reason: &str, message: &str) -> String {
    let body = serde_json::json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "message": message, "reason": reason, "code": code})
    .to_string();
    format!(
        "HTTP/1.1 {code} {reason}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let expected = format!(
        "the API server at http://{free} cannot be reached (Connection refused (os error 111)); \
         check the address in the kubeconfig, and that the server runs"
    );
    for ended in tried(folder.path(), &kubeconfig(folder.path(), &format!("http://{free}"))).await {
        assert!(ended.stderr.contains(&expected), "{}", ended.said());
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_is_tried_again_and_then_named() {
    let folder = tempfile::tempdir().unwrap();
    let address = answering(String::new()).await;
    let expected = format!("the connection to the API server at http://{address} broke");
    for ended in
        tried(folder.path(), &kubeconfig(folder.path(), &format!("http://{address}"))).await
    {
        assert!(ended.stderr.contains(&expected), "{}", ended.said());
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_kubernetes_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let page = "<html>hello</html>";
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{page}",
        page.len()
    );
    let address = answering(answer).await;
    let expected = format!("what answers at http://{address} is no Kubernetes API server");
    for ended in
        tried(folder.path(), &kubeconfig(folder.path(), &format!("http://{address}"))).await
    {
        assert!(ended.stderr.contains(&expected), "{}", ended.said());
    }
}

#[tokio::test]
async fn a_refused_credential_is_told_with_the_server_and_what_to_look_at() {
    let folder = tempfile::tempdir().unwrap();
    let address = answering(status(401, "Unauthorized", "Unauthorized")).await;
    let expected = format!(
        "the API server at http://{address} refused the credential (401 Unauthorized); log in \
         again, or check the user of the kubeconfig's context"
    );
    for ended in
        tried(folder.path(), &kubeconfig(folder.path(), &format!("http://{address}"))).await
    {
        assert!(ended.stderr.contains(&expected), "{}", ended.said());
    }
}

#[tokio::test]
async fn a_missing_right_is_told_in_the_servers_words() {
    let folder = tempfile::tempdir().unwrap();
    let message = "namespaces is forbidden: User \"ada\" cannot list resource \"namespaces\"";
    let address = answering(status(403, "Forbidden", message)).await;
    for ended in
        tried(folder.path(), &kubeconfig(folder.path(), &format!("http://{address}"))).await
    {
        assert!(ended.stderr.contains(message), "{}", ended.said());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_server_refuses_a_wrong_token_and_a_wrong_authority() {
    let Some(assets) = ControlPlane::assets("a refused credential") else { return };
    let real = ControlPlane::start(&assets).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let token = real.kubeconfig().lines().find_map(|line| line.trim().strip_prefix("token: "));
    let wrong = real.kubeconfig().replace(token.unwrap(), TOKEN);
    let file = folder.path().join("wrong-token");
    std::fs::write(&file, &wrong).unwrap();
    for ended in tried(folder.path(), &file).await {
        assert!(ended.stderr.contains("refused the credential (401"), "{}", ended.said());
    }
    let trusting: Vec<&str> = real
        .kubeconfig()
        .lines()
        .filter(|line| !line.contains("certificate-authority-data"))
        .collect();
    let file = folder.path().join("no-authority");
    std::fs::write(&file, trusting.join("\n")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for ended in tried(folder.path(), &file).await {
        assert!(ended.stderr.contains("no trusted connection"), "{}", ended.said());
    }
}

#[tokio::test]
async fn a_kubeconfig_that_is_no_good_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    for (text, expected) in [
        (None, "cannot read the kubeconfig FILE: "),
        (Some("{"), "FILE: not a kubeconfig: "),
        (Some("apiVersion: v1\nkind: Config\n"), "the kubeconfig has no current context"),
        (
            Some("apiVersion: v1\nkind: Config\ncurrent-context: gone\n"),
            "the kubeconfig has no context `gone`; it has none",
        ),
    ] {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let expected = expected.replace("FILE", &file.display().to_string());
        let folder = tempfile::tempdir().unwrap();
        for ended in tried(folder.path(), &file).await {
            let told = format!("error: {expected}");
            assert!(ended.stderr.starts_with(&told), "{told}: {}", ended.said());
        }
    }
}
