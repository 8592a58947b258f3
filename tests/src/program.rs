//! The real binary as a test runs it: what it printed, how it ended, or killed on the way.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::{Child, Command};

/// How long one run of the binary may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    /// Everything that was printed, for a failure's message.
    pub fn said(&self) -> String {
        format!("exit {:?}\nstdout:\n{}\nstderr:\n{}", self.code, self.stdout, self.stderr)
    }

    /// Fails unless the exit code is this one; the error shows what was printed.
    pub fn expect(self, code: i32) -> anyhow::Result<Self> {
        anyhow::ensure!(self.code == Some(code), "exit code {code} was expected: {}", self.said());
        Ok(self)
    }

    /// The JSON objects of standard output, one a line.
    pub fn json_lines(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("not JSON: {line}")))
            .collect()
    }
}

/// The binary under test, with an environment of its own.
#[derive(Debug, Clone)]
pub struct Program {
    binary: PathBuf,
    home: PathBuf,
}

impl Program {
    /// The binary at a path, with its caches below `home`.
    pub fn new(binary: impl Into<PathBuf>, home: impl Into<PathBuf>) -> Self {
        Self { binary: binary.into(), home: home.into() }
    }

    fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", "")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Starts it and leaves it running.
    pub fn spawn<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<Child> {
        let mut command = self.command(args);
        command.spawn().with_context(|| format!("cannot start {}", self.binary.display()))
    }

    /// Runs it to its end.
    pub async fn run<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
    ) -> anyhow::Result<Ended> {
        finish(self.spawn(args)?).await
    }
}

/// Waits for a child to end, with a deadline.
pub async fn finish(child: Child) -> anyhow::Result<Ended> {
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output())
        .await
        .context("the program did not end in time")??;
    Ok(Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
