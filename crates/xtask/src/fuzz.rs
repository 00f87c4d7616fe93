//! `cargo xtask fuzz`: each target for a while, by cargo-fuzz where there is a nightly toolchain, else on stable.

mod targets;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Context, Failure, Result};
use crate::{process, workspace};
use targets::{TARGETS, Target};

/// What a run of one target says at its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Figures {
    executions: u64,
    /// Edges of the code that were reached; none on stable, which does not look.
    coverage: Option<u64>,
    new_entries: u64,
}

/// Runs one target or all of them, each for `seconds`; the number of those that broke.
pub fn run(only: Option<&str>, seconds: u64) -> Result<usize> {
    let chosen: Vec<&Target> = TARGETS.iter().filter(|target| only.is_none_or(|name| target.name == name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        return Err(Failure::usage(format!("no such target; choose from {}", names.join(", "))));
    }
    let root = workspace::root()?;
    let missing = missing();
    if let Some(remedy) = missing {
        println!("{remedy}\nwithout it, inputs are made on stable, blind to what they cover");
    }
    let mut crashes = 0;
    for target in chosen {
        let guided = target.without_cpp && missing.is_none();
        let log = workspace::target_dir()?.join("fuzz-logs").join(format!("{}.log", target.name));
        std::fs::create_dir_all(log.parent().unwrap_or(&root)).context(|| "cannot make a folder for logs".into())?;
        let mut command =
            if guided { by_cargo_fuzz(&root, target, seconds)? } else { on_stable(&root, target, seconds) };
        let (is_good, said) = logged(&mut command, &log)?;
        let figures = figures(&said);
        let coverage = figures.coverage.map_or_else(|| "not looked at".to_owned(), |edges| edges.to_string());
        println!(
            "{} {:24} {:>10} executions, coverage {coverage}, {} new corpus entries",
            if is_good { "ok    " } else { "FAILED" },
            target.name,
            figures.executions,
            figures.new_entries
        );
        if !is_good {
            crashes += 1;
            let what = said.lines().filter(|line| tells_of_a_crash(line)).take(8);
            what.for_each(|line| println!("       {}", line.trim()));
            println!("       all of it: {}; the input: fuzz/artifacts/{}", log.display(), target.name);
        }
    }
    Ok(crashes)
}

/// What cargo-fuzz needs and is not here, with the remedy; none where all is there.
fn missing() -> Option<&'static str> {
    let works = |arguments: &[&str]| {
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo"]).args(arguments).stdin(Stdio::null());
        command.output().is_ok_and(|output| output.status.success())
    };
    if !works(&["--version"]) {
        return Some("no nightly toolchain: rustup toolchain install nightly --profile minimal");
    }
    if !works(&["fuzz", "--version"]) {
        return Some("no cargo-fuzz: cargo install cargo-fuzz --locked");
    }
    None
}

fn by_cargo_fuzz(root: &Path, target: &Target, seconds: u64) -> Result<Command> {
    let grown = root.join("fuzz/corpus-grown").join(target.name);
    std::fs::create_dir_all(&grown).context(|| format!("cannot make {}", grown.display()))?;
    let seeds = root.join("fuzz/corpus").join(target.name);
    let mut command = Command::new("rustup");
    command.current_dir(root).args(["run", "nightly", "cargo", "fuzz", "run", target.name]);
    // New entries go to the first folder: what is committed stays small.
    command.arg(grown).arg(seeds).arg("--");
    command.args([format!("-max_total_time={seconds}"), "-print_final_stats=1".into(), "-max_len=8192".into()]);
    command.args(["-timeout=20", "-rss_limit_mb=2048"]);
    Ok(command)
}

fn on_stable(root: &Path, target: &Target, seconds: u64) -> Command {
    let mut command = process::cargo(root);
    command.args(["test", "--package", target.package, "--test", "fuzzing", "--"]);
    command.args(["--exact", target.name, "--nocapture"]);
    command.env("HEADWATER_FUZZ_SECONDS", seconds.to_string());
    command
}

/// Runs a command with all that it says in a file; whether it ended well, and what it said.
fn logged(command: &mut Command, log: &Path) -> Result<(bool, String)> {
    let cannot_write = || format!("cannot write {}", log.display());
    let file = File::create(log).context(cannot_write)?;
    command.stdout(file.try_clone().context(cannot_write)?).stderr(file);
    let status = process::Group::spawn(command)?.wait()?;
    let said = std::fs::read(log).context(|| format!("cannot read {}", log.display()))?;
    Ok((status.success(), String::from_utf8_lossy(&said).into_owned()))
}

fn tells_of_a_crash(line: &str) -> bool {
    ["panicked at", "ERROR: ", "assertion ", "crash: ", "error: ", "error["].iter().any(|sign| line.contains(sign))
}

/// Reads libFuzzer's last statistics, or the line that the loop on stable prints.
fn figures(said: &str) -> Figures {
    let mut figures = Figures::default();
    for line in said.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |sign: &str| {
            let at = words.iter().position(|word| *word == sign)?;
            words.get(at + 1)?.parse().ok()
        };
        if let Some(edges) = after("cov:") {
            figures.coverage = Some(edges);
        }
        if let Some(executions) = after("stat::number_of_executed_units:") {
            figures.executions = executions;
        }
        if let Some(entries) = after("stat::new_units_added:") {
            figures.new_entries = entries;
        }
        if let ["fuzz", _, executions, "executions,", ..] = words.as_slice() {
            figures.executions = executions.parse().unwrap_or(0);
        }
    }
    figures
}

#[cfg(test)]
mod tests;
