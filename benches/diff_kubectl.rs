//! `cleat diff --cluster` against `kubectl diff` of the same thousand objects on the same server, whole
//! processes of both, and both must find no difference. The server is the embedded one over HTTP, and a
//! real kube-apiserver too where `KUBEBUILDER_ASSETS` names one.
//!
//! The objects are there by `kubectl apply --server-side`, with the marks of an application and no record
//! of an apply: that is cleat's slower case.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use benches::corpus::{Corpus, File, Shape};
use benches::measure::{median, once, ratio};
use benches::report::{Arguments, Report, duration};
use benches::repository::Repository;
use engine::application::ApplicationName;
use sandbox::Cluster;
use tests::control_plane::ControlPlane;

/// The bar: how many times faster than kubectl.
const LEAST: f64 = 50.0;
/// What `cleat diff` is told the application is.
const APPLICATION: &str = "everything";
const NAMESPACE: &str = "default";

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::read();
    let Some(kubectl) = tests::tools::find("kubectl") else { return Ok(()) };
    let Some(cleat) = binary() else {
        tests::say(
            "skipped: diff_kubectl: there is no cleat beside it; `cargo build --release` first",
        );
        return Ok(());
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let objects = if arguments.quick { 30 } else { 1_000 };
    let corpus = marked(&Corpus::generate(&Shape::of(objects)))?;
    let stage = Stage::build(&corpus, kubectl, cleat)?;
    let columns =
        vec!["server", "objects", "kubectl diff", "cleat diff", "first cleat diff", "times"];
    let mut report = Report::new("diff_kubectl", columns);
    report.say(corpus.describe());

    let cluster = Cluster::new(&sandbox::Options::default());
    let server = runtime.block_on(cluster.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))?;
    stage.compare("embedded", &server.kubeconfig(), arguments, &mut report)?;
    drop(server);

    if !arguments.quick
        && let Some(assets) = ControlPlane::assets("diff_kubectl")
    {
        let real = runtime.block_on(ControlPlane::start(&assets))?;
        stage.compare("kube-apiserver", real.kubeconfig(), arguments, &mut report)?;
    }
    report.print(arguments)
}

/// The corpus as cleat applies it: every object with the mark of the application it belongs to.
fn marked(corpus: &Corpus) -> anyhow::Result<Corpus> {
    let application: ApplicationName = format!("{NAMESPACE}/{APPLICATION}").parse()?;
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for manifest in Repository::of(corpus)?.render()?.objects {
        let manifest = application.into_marked(manifest);
        let text = texts.entry(manifest.origin.file.clone()).or_default();
        text.push_str("---\n");
        text.push_str(&manifests::emit::yaml(&manifest.body)?);
    }
    let files = texts.into_iter().map(|(path, text)| File { path, text }).collect();
    Ok(Corpus { files, kinds: corpus.kinds.clone() })
}

/// The binary of the same build: benchmarks lie in `<profile>/deps`.
fn binary() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let binary = own.parent()?.parent()?.join("cleat");
    binary.is_file().then_some(binary)
}

/// One source in two forms: a folder for kubectl, a repository for cleat.
struct Stage {
    folder: tempfile::TempDir,
    repository: Repository,
    kubectl: PathBuf,
    cleat: PathBuf,
    /// What everything else needs first.
    first: Vec<PathBuf>,
}

impl Stage {
    fn build(corpus: &Corpus, kubectl: PathBuf, cleat: PathBuf) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut first = Vec::new();
        for file in &corpus.files {
            let path = folder.path().join("source").join(&file.path);
            std::fs::create_dir_all(path.parent().context("a file without a folder")?)?;
            std::fs::write(&path, &file.text)?;
            if file.path.starts_with("teams/platform/") || file.path.ends_with("/namespace.yaml") {
                first.push(path);
            }
        }
        Ok(Self { folder, repository: Repository::of(corpus)?, kubectl, cleat, first })
    }

    fn compare(
        &self,
        server: &'static str,
        kubeconfig: &str,
        arguments: Arguments,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let config = self.folder.path().join(format!("{server}.kubeconfig"));
        std::fs::write(&config, kubeconfig)?;
        self.fill(&config)?;
        let (runs, kubectl_runs) = if arguments.quick { (1, 1) } else { (7, 1) };
        let (first, ()) = self.timed("cleat", || self.cleat_diff(server, &config))?;
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        for run in 0..runs {
            if run < kubectl_runs {
                theirs.push(self.timed("kubectl", || self.kubectl_diff(&config))?.0);
            }
            ours.push(self.timed("cleat", || self.cleat_diff(server, &config))?.0);
        }
        let (ours, theirs) = (median(ours).wall, median(theirs).wall);
        let times = ratio(theirs, ours);
        report.row(vec![
            server.to_owned(),
            self.repository.render()?.objects.len().to_string(),
            duration(theirs),
            duration(ours),
            duration(first.wall),
            format!("{times:.0}"),
        ]);
        report.at_least(format!("{server}: times faster than kubectl diff"), times, LEAST);
        Ok(())
    }

    /// Puts everything on the server: definitions and namespaces, then the rest.
    fn fill(&self, config: &Path) -> anyhow::Result<()> {
        let mut apply = self.kubectl(config);
        apply.args(["apply", "--server-side", "--field-manager=cleat"]);
        for file in &self.first {
            apply.arg("-f").arg(file);
        }
        succeed(apply)?;
        let mut established = self.kubectl(config);
        established.args(["wait", "--for=condition=established", "--timeout=60s", "crd", "--all"]);
        succeed(established)?;
        let mut apply = self.kubectl(config);
        apply.args(["apply", "--server-side", "--field-manager=cleat", "-R", "-f"]);
        apply.arg(self.folder.path().join("source"));
        succeed(apply)?;
        Ok(())
    }

    fn kubectl(&self, config: &Path) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(config);
        command.env("HOME", self.folder.path());
        command
    }

    fn kubectl_diff(&self, config: &Path) -> anyhow::Result<()> {
        let mut diff = self.kubectl(config);
        diff.args(["diff", "-R", "-f"]).arg(self.folder.path().join("source"));
        no_difference(diff)
    }

    fn cleat_diff(&self, server: &str, config: &Path) -> anyhow::Result<()> {
        let mut diff = Command::new(&self.cleat);
        diff.args(["diff", "--cluster", "--app", APPLICATION, "--namespace", NAMESPACE]);
        diff.arg("--repo").arg(self.repository.url());
        diff.arg("--kubeconfig").arg(config);
        // A cache of its own for each server, and nobody else's.
        let cache = self.folder.path().join(format!("{server}.cache"));
        diff.env("HOME", self.folder.path()).env("XDG_CACHE_HOME", cache);
        no_difference(diff)
    }

    fn timed(
        &self,
        what: &str,
        work: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<(benches::measure::Took, ())> {
        let (took, done) = once(work);
        done.with_context(|| format!("{what}, after {}", duration(took.wall)))?;
        ensure!(took.wall > Duration::ZERO, "{what} took no time");
        Ok((took, ()))
    }
}

fn succeed(mut command: Command) -> anyhow::Result<Output> {
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?}: {}\n{said}", output.status);
    }
    Ok(output)
}

/// Exit 0 is no difference for both programs; anything printed would be one.
fn no_difference(command: Command) -> anyhow::Result<()> {
    let shown = format!("{command:?}");
    let output = succeed(command)?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.stdout.is_empty(), "{shown} printed {} bytes:\n{text}", output.stdout.len());
    Ok(())
}
