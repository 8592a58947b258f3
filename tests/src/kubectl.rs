//! The real kubectl as a test runs it: with a home folder of its own and nothing of the environment.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::tools;

/// An installed kubectl that talks to one server.
#[derive(Debug)]
pub struct Kubectl {
    binary: PathBuf,
    home: TempDir,
}

impl Kubectl {
    /// One that goes by this kubeconfig; `None` if none is installed.
    pub fn find(kubeconfig: &str) -> Option<Self> {
        let binary = tools::find("kubectl")?;
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::write(home.path().join("config"), kubeconfig).expect("the folder can be written");
        Some(Self { binary, home })
    }

    /// The command for a line of arguments.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(line.split_whitespace())
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.home.path().join("config"));
        command
    }

    /// Runs it with an input; its output, whatever it is.
    pub fn run(&self, line: &str, input: &str) -> Output {
        output(self.command(line), input)
    }

    /// Runs it, which must succeed; its standard output.
    pub fn ok(&self, line: &str, input: &str) -> String {
        let output = self.run(line, input);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {line}: {error}");
        String::from_utf8(output.stdout).expect("kubectl prints UTF-8")
    }

    /// Runs it, which must fail; its standard error.
    pub fn fails(&self, line: &str) -> String {
        let output = self.run(line, "");
        assert!(!output.status.success(), "kubectl {line} succeeded");
        String::from_utf8(output.stderr).expect("kubectl prints UTF-8")
    }

    /// Runs `kubectl edit` on an object, with an editor that replaces one text by another.
    pub fn edit(&self, object: &str, before: &str, after: &str) {
        let mut command = self.command(&format!("edit {object}"));
        command.env("PATH", "/usr/bin:/bin");
        command.env("KUBE_EDITOR", format!("sed -i 's/{before}/{after}/'"));
        let output = output(command, "");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("edited"), "kubectl edit {object}: {output:?}");
    }
}

fn output(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("kubectl can be started");
    // A kubectl that reads nothing may have closed its input already.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    child.wait_with_output().expect("kubectl ends")
}
