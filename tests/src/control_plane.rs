//! A real etcd and kube-apiserver for one test or one test binary: started on loopback ports in a
//! folder of its own, and gone with whoever started it.
//!
//! Both run under one small shell script that waits on its standard input, which only this process
//! holds: however this process ends, the input closes, the script kills both servers and removes the
//! folder. The server has no controllers, no scheduler and no kubelet, and allows everything.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use ring::signature::{EcdsaKeyPair, KeyPair as _};

/// How long both servers may take to answer `/readyz`. On two busy cores it takes some seconds.
const START_DEADLINE: Duration = Duration::from_secs(90);
/// The interval between two looks at `/readyz`.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A port that was free may be taken before the server binds it; then another is tried.
const ATTEMPTS: usize = 3;
/// What stands before the point in a SubjectPublicKeyInfo of curve P-256 (RFC 5480).
const PUBLIC_KEY_HEADER: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The bearer token of the one user, who is in `system:masters`.
const TOKEN: &str = "control-plane-of-a-test";

/// A running etcd and kube-apiserver. Dropping it stops both and removes what they wrote.
#[derive(Debug)]
pub struct ControlPlane {
    kubeconfig: String,
    folder: PathBuf,
    servers: Child,
}

impl ControlPlane {
    /// The folder with `etcd` and `kube-apiserver` that `KUBEBUILDER_ASSETS` names; without one, a
    /// line on stderr says that `test` is skipped there.
    pub fn assets(test: &str) -> Option<PathBuf> {
        #[allow(
            clippy::disallowed_methods,
            reason = "the suite's own switch, documented for users"
        )]
        let folder = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        if folder.is_none() {
            crate::say(&format!(
                "skipped: {test}: KUBEBUILDER_ASSETS names no real kube-apiserver"
            ));
        }
        folder
    }

    /// Starts `etcd` and `kube-apiserver` of the folder `assets`; returns when `/readyz` says ok.
    pub async fn start(assets: &Path) -> anyhow::Result<Self> {
        let mut attempt = 1;
        loop {
            match Self::try_start(assets).await {
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
                Ok(control_plane) => return Ok(control_plane),
            }
        }
    }

    /// The kubeconfig of the one user, certificates included.
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// The same kubeconfig as a file, for `--kubeconfig`.
    pub fn kubeconfig_file(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// A client of its own: its connections belong to the runtime that calls this.
    pub async fn client(&self) -> anyhow::Result<Client> {
        client(&self.kubeconfig).await
    }

    async fn try_start(assets: &Path) -> anyhow::Result<Self> {
        for server in ["etcd", "kube-apiserver"] {
            if !assets.join(server).is_file() {
                bail!("KUBEBUILDER_ASSETS={}: there is no {server} in it", assets.display());
            }
        }
        let folder = tempfile::Builder::new().prefix("control-plane-").tempdir()?.keep();
        let (private, public) = signing_key()?;
        std::fs::write(folder.join("service-account.key"), private)?;
        std::fs::write(folder.join("service-account.pub"), public)?;
        std::fs::write(
            folder.join("tokens.csv"),
            format!("{TOKEN},tester,tester,\"system:masters\"\n"),
        )?;
        let (etcd, api) = (free_port()?, free_port()?);
        let servers = Command::new("sh")
            .arg("-c")
            .arg(script(assets, &folder, etcd, api))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting sh")?;
        let mut control_plane = Self { kubeconfig: String::new(), folder, servers };
        match tokio::time::timeout(START_DEADLINE, control_plane.ready(api)).await {
            Ok(ready) => ready?,
            Err(_) => bail!(
                "kube-apiserver was not ready after {START_DEADLINE:?}:\n{}",
                control_plane.last_words()
            ),
        }
        std::fs::write(control_plane.kubeconfig_file(), &control_plane.kubeconfig)?;
        Ok(control_plane)
    }

    async fn ready(&mut self, port: u16) -> anyhow::Result<()> {
        let mut look = tokio::time::interval(LOOK_EVERY);
        let certificate = self.folder.join("certificates/apiserver.crt");
        loop {
            look.tick().await;
            if let Some(status) = self.servers.try_wait()? {
                bail!("a server ended while starting ({status}):\n{}", self.last_words());
            }
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            if tokio::net::TcpStream::connect(address).await.is_err() {
                continue;
            }
            let Ok(authority) = std::fs::read(&certificate) else { continue };
            self.kubeconfig = kubeconfig(port, &authority);
            let ready = client(&self.kubeconfig).await?;
            let request = http::Request::get("/readyz").body(Vec::new())?;
            if ready.request_text(request).await.is_ok_and(|answer| answer == "ok") {
                return Ok(());
            }
        }
    }

    /// The ends of both servers' logs.
    fn last_words(&self) -> String {
        let mut text = String::new();
        for log in ["etcd.log", "kube-apiserver.log"] {
            let lines = std::fs::read_to_string(self.folder.join(log)).unwrap_or_default();
            let lines: Vec<&str> = lines.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n");
            let _ = writeln!(text, "{log}:\n{tail}");
        }
        text
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        drop(self.servers.stdin.take());
        let _ = self.servers.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn client(kubeconfig: &str) -> anyhow::Result<Client> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// The server's self-signed certificate stands in the same file as its authority.
fn kubeconfig(port: u16, authority: &[u8]) -> String {
    let authority = BASE64.encode(authority);
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: real\n\
         clusters:\n- name: real\n  cluster:\n    server: https://127.0.0.1:{port}\n    certificate-authority-data: {authority}\n\
         users:\n- name: real\n  user:\n    token: {TOKEN}\n\
         contexts:\n- name: real\n  context:\n    cluster: real\n    user: real\n"
    )
}

/// Runs both servers until standard input closes, then kills both and removes the folder. A server
/// that ends by itself ends the other and the script; the folder stays then, for its logs.
fn script(assets: &Path, folder: &Path, etcd: u16, api: u16) -> String {
    let (assets, folder) = (quoted(assets), quoted(folder));
    format!(
        "exec 3<&0; cd {folder} || exit 1
{assets}/etcd --data-dir=etcd --unsafe-no-fsync --log-level=error \
 --listen-client-urls=http://127.0.0.1:{etcd} --advertise-client-urls=http://127.0.0.1:{etcd} \
 --listen-peer-urls=http://127.0.0.1:0 >etcd.log 2>&1 &
etcd=$!
{assets}/kube-apiserver --etcd-servers=http://127.0.0.1:{etcd} --cert-dir=certificates \
 --bind-address=127.0.0.1 --secure-port={api} --service-cluster-ip-range=10.96.0.0/16 \
 --service-account-issuer=https://kubernetes.default.svc \
 --service-account-signing-key-file=service-account.key --service-account-key-file=service-account.pub \
 --authorization-mode=AlwaysAllow --token-auth-file=tokens.csv \
 --disable-admission-plugins=ServiceAccount --endpoint-reconciler-type=none >kube-apiserver.log 2>&1 &
api=$!
(cat <&3 >/dev/null; : >stopping; kill -9 $api $etcd) 2>/dev/null &
exec 3<&- </dev/null
wait $api
kill -9 $etcd 2>/dev/null
[ -e stopping ] || exit 1
wait $etcd
cd / && rm -rf {folder}
"
    )
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A fresh P-256 key pair as PEM: what the server signs and checks service accounts' tokens with.
fn signing_key() -> anyhow::Result<(String, String)> {
    let random = ring::rand::SystemRandom::new();
    let algorithm = &ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let private = EcdsaKeyPair::generate_pkcs8(algorithm, &random)
        .map_err(|_| anyhow::anyhow!("no random numbers for a signing key"))?;
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, private.as_ref(), &random)
        .map_err(|error| anyhow::anyhow!("the signing key just made: {error}"))?;
    let public = [PUBLIC_KEY_HEADER, pair.public_key().as_ref()].concat();
    Ok((pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", &public)))
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(der))
}
