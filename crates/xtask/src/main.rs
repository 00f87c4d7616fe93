//! `cargo xtask`: what a person or a build machine does with this repository, from bare machine to checked change.
//!
//! Light on purpose: it compiles first on a fresh machine and then looks for what the machine lacks.

mod args;
mod cli;
mod failure;
mod fuzz;
mod http;
mod kafka;
mod maven;
mod net;
mod process;
mod readme;
mod registry;
mod setup;
mod suite;
mod tally;
mod tidy;
mod wait;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = cli::run(&words);
    process::wait_if_stopping();
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
