//! Fetching over a connection, from the daemon that comes with Git. A machine without one says so.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::testing::Scratch;
use super::*;

/// A daemon that serves one folder, ended when it goes out of scope.
struct Daemon {
    child: Child,
    port: u16,
}

impl Daemon {
    /// `None` on a machine without `git-daemon`, unless tools are required.
    #[allow(clippy::disallowed_methods, reason = "the gate says by it that tools are required")]
    fn serve(folder: &Path) -> Option<Self> {
        let Some(program) = program() else {
            let required = std::env::var("CLEAT_REQUIRE_TOOLS").is_ok_and(|value| value == "1");
            assert!(!required, "git-daemon is required and not there");
            println!("skipped: this machine has no git-daemon");
            return None;
        };
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new(program)
            .args(["--verbose", "--export-all", "--reuseaddr", "--listen=127.0.0.1"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", folder.display()))
            .arg(folder)
            // Who runs the tests need not own the folder they are in.
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "safe.directory")
            .env("GIT_CONFIG_VALUE_0", "*")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let ready = lines.any(|line| line.unwrap().contains("Ready to rumble"));
        assert!(ready, "git-daemon ended before it was ready");
        // Nobody reads on; the daemon must not wait for that.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { child, port })
    }

    fn url(&self, name: &str) -> String {
        format!("git://127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn program() -> Option<PathBuf> {
    let output = Command::new("git").arg("--exec-path").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(Path::new(folder.trim()).join("git-daemon")).filter(|program| program.exists())
}

#[test]
fn a_connection_fetches_only_what_is_wanted() {
    let scratch = Scratch::with(&[("a.yaml", "one")]);
    let first = scratch.commit("main", &[("a.yaml", "two")]).to_string();
    let second = scratch.commit("main", &[("a.yaml", "three")]).to_string();
    scratch.annotated_tag("v1", git2::Oid::from_str(&first).unwrap());
    let Some(daemon) = Daemon::serve(scratch.folder.path()) else { return };
    let (folder, url) = (scratch.mirror("mirror"), daemon.url("origin.git"));
    let sync = |name: &str| Mirror::sync(&folder, &url, &Reference::from(Some(name)));

    let (mirror, revision) = sync("main").unwrap();
    assert_eq!(revision.as_str(), second);
    assert!(mirror.repository().is_shallow(), "history was fetched too");
    let old = git2::Oid::from_str(&first).unwrap();
    assert!(mirror.repository().find_commit(old).is_err(), "history was fetched too");
    mirror.tree_of(&revision).unwrap();

    let third = scratch.commit("main", &[("a.yaml", "four"), ("b.yaml", "new")]).to_string();
    let (mirror, revision) = sync("main").unwrap();
    assert_eq!(revision.as_str(), third);
    mirror.tree_of(&revision).unwrap();

    assert_eq!(sync("v1").unwrap().1.as_str(), first);
    assert_eq!(sync("HEAD").unwrap().1.as_str(), third);
    // Neither a branch nor a tag has it, so the history is fetched after all.
    assert_eq!(sync(&second[..10]).unwrap().1.as_str(), second);
    assert_eq!(sync(&second).unwrap().1.as_str(), second);
    let fourth = scratch.commit("main", &[("a.yaml", "five")]).to_string();
    assert_eq!(sync("main").unwrap().1.as_str(), fourth);

    assert!(matches!(sync("nothing"), Err(GitError::NoRevision { .. })));
    let missing = Mirror::sync(&scratch.mirror("none"), &daemon.url("none.git"), &Reference::Head);
    let error = missing.err().unwrap();
    assert!(matches!(error, GitError::NoRepository { .. }), "{error:?}");
}

#[test]
fn a_commit_by_its_id_alone_is_fetched_from_a_fresh_mirror() {
    let scratch = Scratch::with(&[("a.yaml", "one")]);
    let first = scratch.commit("main", &[("a.yaml", "two")]).to_string();
    scratch.commit("main", &[("a.yaml", "three")]);
    let Some(daemon) = Daemon::serve(scratch.folder.path()) else { return };
    for (folder, name) in [("whole", first.as_str()), ("short", &first[..8])] {
        let reference = Reference::from(Some(name));
        let (mirror, revision) =
            Mirror::sync(&scratch.mirror(folder), &daemon.url("origin.git"), &reference).unwrap();
        assert_eq!(revision.as_str(), first, "{name}");
        mirror.tree_of(&revision).unwrap();
    }
}
