//! `headwater completions`: what a shell needs to complete commands and flags.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Error;
use crate::args::Cli;
use crate::output::write_bytes;

/// `headwater completions`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater completions bash > /etc/bash_completion.d/headwater\n  \
    headwater completions zsh > ~/.zfunc/_headwater\n  \
    headwater completions fish > ~/.config/fish/completions/headwater.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Runs it.
///
/// # Errors
/// When standard output can't be written.
pub fn run(arguments: &CompletionsArgs) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "headwater", &mut script);
    write_bytes(&script)
}
