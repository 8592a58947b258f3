//! The terminal as a value: data goes to standard output, everything said to a person to standard
//! error, colour only where a terminal shows it. Nothing else in the binary prints or exits.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use engine::redact::{Redaction, Salt};
use manifests::GitError;
use serde::Serialize;

/// What every verb accepts.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// When to colour output: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, value_enum, default_value_t = Colour::Auto, global = true, value_name = "WHEN",
          hide_possible_values = true, help_heading = "Global options")]
    color: Colour,
    /// Log more to standard error; twice for everything
    #[arg(short, long, action = clap::ArgAction::Count, global = true,
          help_heading = "Global options")]
    verbose: u8,
}

/// When to colour output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a verb ended, as kubectl's exit codes tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked, and nothing differs.
    Success,
    /// It did what was asked; the answer is "differs" or "not healthy".
    Negative,
    /// It could not do what was asked: bad input, or nothing that could be reached.
    Failure,
    /// It was interrupted by the user and stopped cleanly.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Negative => 1,
            Exit::Failure => 2,
            Exit::Interrupted => 130,
        })
    }
}

/// The two streams, and what is known of them.
#[derive(Debug)]
pub struct Shell {
    colour: Colour,
    no_color: bool,
    cache: Option<PathBuf>,
    user: String,
    columns: Option<usize>,
}

#[allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the shell is the one place that reads the environment and prints"
)]
impl Shell {
    /// Looks at the streams and the environment once, and starts logging.
    pub fn new(options: &Options) -> Self {
        quiet_what_is_caught();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let default = match options.verbose {
            // kube logs as errors what is told, or tried again, anyway.
            0 => "warn,kube_client=off",
            1 => "info",
            _ => "debug",
        };
        let filter = tracing_subscriber::EnvFilter::try_from_env("CLEAT_LOG")
            .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
        let logging = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
        // A second subscriber can only be refused inside one process, as tests may have it.
        let _ = logging.try_init();
        let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let cache = folder("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|cache| cache.is_absolute())
            .or_else(|| folder("HOME").map(|home| PathBuf::from(home).join(".cache")));
        let user =
            ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let user = user.filter(|user| !user.is_empty()).unwrap_or_else(|| "somebody".to_owned());
        // As programs like less and git take it; a shell does not export it by itself.
        let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        Self { colour: options.color, no_color, cache, user, columns }
    }

    /// The user who runs this, as the system names them; nothing proves it.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The folder of this user for what can be had again (the XDG base directory of caches).
    pub fn cache(&self) -> Option<&Path> {
        self.cache.as_deref()
    }

    /// Whether standard output takes colour.
    pub fn colour_out(&self) -> bool {
        self.colour(io::stdout().is_terminal())
    }

    /// Whether standard error takes colour.
    pub fn colour_err(&self) -> bool {
        self.colour(io::stderr().is_terminal())
    }

    fn colour(&self, terminal: bool) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !self.no_color,
        }
    }

    /// Whether a person is looking at standard output.
    pub fn interactive(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// How many columns standard output has: those of the terminal, unless COLUMNS says otherwise;
    /// `None` where nobody says.
    pub fn width_out(&self) -> Option<usize> {
        let of_terminal = || self.interactive().then(tui::style::terminal_width).flatten();
        self.columns.filter(|columns| *columns > 0).or_else(of_terminal)
    }

    /// Writes data to standard output. A closed pipe is how a reader says "enough", so it is no error.
    pub fn data(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Writes one line to standard output, for people: nothing in it steers their terminal.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.data(&format!("{}\n", harmless(text)))
    }

    /// Writes one JSON value, on one line, to standard output.
    pub fn json_line(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string(value)?;
        Ok(self.data(&format!("{text}\n"))?)
    }

    /// Writes one JSON value, indented, to standard output.
    pub fn json(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        Ok(self.data(&format!("{text}\n"))?)
    }

    /// Says something to a person, on standard error.
    pub fn say(&mut self, text: &str) {
        self.tell(&harmless(text));
    }

    fn tell(&mut self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Says something that a person should heed, on standard error.
    pub fn warn(&mut self, text: &str) {
        self.labelled("warning", "33", text);
    }

    /// Says what to do about what was said before.
    pub fn hint(&mut self, text: &str) {
        self.labelled("hint", "36", text);
    }

    /// Says one error, without ending anything.
    pub fn error(&mut self, text: &str) {
        self.labelled("error", "31", text);
    }

    fn labelled(&mut self, label: &str, code: &str, text: &str) {
        let text = harmless(text);
        let line = if self.colour_err() {
            format!("\u{1b}[1;{code}m{label}:\u{1b}[0m {text}")
        } else {
            format!("{label}: {text}")
        };
        self.tell(&line);
    }

    /// Says why a verb failed, each cause on a line of its own, and what its exit code is. The
    /// problems of a source are all told, one a line, and what to do about them after.
    pub fn failed(&mut self, error: &anyhow::Error) -> Exit {
        if let Some(problems) = error.downcast_ref::<manifests::Problems>() {
            for problem in problems {
                self.say(&problem.to_string());
            }
            let (count, s) = (problems.len(), if problems.len() == 1 { "" } else { "s" });
            self.error(&format!("{count} problem{s} in the source; nothing was done"));
            for hint in problems.hints() {
                self.hint(hint);
            }
            return Exit::Failure;
        }
        for (depth, line) in told(error.chain()).iter().enumerate() {
            if depth == 0 {
                self.error(line);
            } else {
                self.say(&format!("  because: {line}"));
            }
        }
        if let Some(hint) = error.downcast_ref::<manifests::GitError>().and_then(GitError::hint) {
            self.hint(&hint);
        }
        Exit::Failure
    }
}

/// The lines that tell an error and its causes, without those that a line before has told already.
fn told<'a>(chain: impl Iterator<Item = &'a (dyn std::error::Error + 'static)>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for cause in chain.map(ToString::to_string) {
        if !lines.iter().any(|line| line.contains(&cause)) {
            lines.push(cause);
        }
    }
    lines
}

/// Text for people: what comes from Git or from a cluster does not steer their terminal.
fn harmless(text: &str) -> String {
    text.split('\n').map(tui::style::printable).collect::<Vec<_>>().join("\n")
}

/// How this run masks secret values. The standard library seeds its hashers from the system's random
/// source.
pub fn redaction() -> Redaction {
    let mut bytes = [0; 16];
    for half in bytes.chunks_mut(8) {
        half.copy_from_slice(&RandomState::new().build_hasher().finish().to_le_bytes());
    }
    Redaction::new(Salt::new(bytes))
}

/// A panic inside the YAML parser is caught and told as a problem of its file; printing it as well
/// would only frighten.
fn quiet_what_is_caught() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !manifests::is_parsing() {
            print(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_steers_the_terminal() {
        assert_eq!(harmless("two\n\u{1b}[2Jlines\u{9b}"), "two\n\u{fffd}[2Jlines\u{fffd}");
    }

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("no space")
            .context("the mirror cannot be kept: no space")
            .context("in act 1");
        assert_eq!(told(error.chain()), ["in act 1", "the mirror cannot be kept: no space"]);
    }
}
