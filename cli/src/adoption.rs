//! The flags that say what to do with objects that exist and are not the application's.

use clap::ValueEnum;
use engine::policy::Adoption;

/// What to do with objects that exist and are not the application's.
#[derive(Debug, clap::Args)]
pub struct AdoptionArgs {
    /// What to do with objects that exist and are not ours
    #[arg(long, value_enum, default_value_t = Choice::Refuse, value_name = "POLICY",
          help_heading = "Run")]
    adoption: Choice,
    /// Make them ours: the same as --adoption adopt
    #[arg(long, conflicts_with = "adoption", help_heading = "Run")]
    adopt: bool,
}

/// The policies by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// Refuse the plan, and say what taking them over would do
    Refuse,
    /// Make them ours: what their earlier tool declared and the source does not have is removed
    Adopt,
    /// Compare and show them, and never write to them
    Observe,
}

impl AdoptionArgs {
    /// The policy that was chosen.
    pub const fn policy(&self) -> Adoption {
        match self.adoption {
            _ if self.adopt => Adoption::Adopt,
            Choice::Refuse => Adoption::Refuse,
            Choice::Adopt => Adoption::Adopt,
            Choice::Observe => Adoption::Observe,
        }
    }
}
