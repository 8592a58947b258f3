//! The flag that lists what is masked besides Secrets.

use engine::redact::{Keys, Redaction};

use crate::shell;

/// What is masked besides Secrets.
#[derive(Debug, Clone, clap::Args)]
pub struct RedactArgs {
    #[arg(long = "redact", value_name = "KEY", help = HELP, long_help = LONG_HELP,
          help_heading = "Output")]
    keys: Vec<String>,
}

/// What the flag says of itself.
const HELP: &str = "Mask the values of these fields too, in every object: '*password*' or \
    spec.auth.token; may be repeated";

/// The same, with everything it covers.
const LONG_HELP: &str = "Mask the values of these fields too, in every object; may be repeated. \
Secrets are always masked.\n\n\
A KEY is a field's name, where * stands for any text and ? for any character, in any case: \
'*password*'. With a dot it may be a field's place from the object's root, lists left out: \
spec.template.spec.containers.args. An entry such as {name: DB_PASSWORD, value: …} is masked by its \
name. Equal values have equal masks within one run.";

impl RedactArgs {
    /// How this run masks values.
    pub fn redaction(&self) -> anyhow::Result<Redaction> {
        let keys = Keys::parse(self.keys.iter().map(String::as_str))?;
        Ok(shell::redaction().with_keys(keys))
    }
}
