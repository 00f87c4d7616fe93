//! The README's commands are run, in order, in one shell: what a newcomer copies must work as printed.
//!
//! Every ```` ```sh ```` block runs unless a comment in the line before it says otherwise:
//! `<!-- not run -->`, `<!-- background until http://127.0.0.1:8080/health -->` (goes on while the later blocks run),
//! or `<!-- ended after 10 s -->` (a command that follows for ever).

mod blocks;
mod script;
mod shims;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::failure::{Context, Failure, Result};
use crate::process::{self, Group};
use crate::suite::INSIDE_README;
use crate::tally::Tally;
use crate::wait::Deadline;
use crate::{http, kafka, registry, wait, workspace};
use blocks::{Block, How};

const FILE: &str = "README.md";
const TIME_LIMIT: Duration = Duration::from_secs(20 * 60);
const SERVES_LIMIT: Duration = Duration::from_secs(120);
/// How long lines are still read once the shell has ended before its last mark was seen.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(5);
const SHOWN_LINES: usize = 40;

/// Runs the blocks of the README and counts them.
pub fn run(root: &Path) -> Result<Tally> {
    let file = root.join(FILE);
    let text = std::fs::read_to_string(&file).context(|| format!("cannot read {}", file.display()))?;
    let blocks = blocks::parse(&text)?;
    let run: Vec<&Block> = blocks.iter().filter(|b| b.how != How::NotRun).collect();
    if run.is_empty() {
        return Err(Failure::new(format!("{FILE} has no command that is run: give it an ```sh block")));
    }
    let work = workspace::target_dir()?.join("readme");
    if work.exists() {
        std::fs::remove_dir_all(&work).context(|| format!("cannot clear {}", work.display()))?;
    }
    std::fs::create_dir_all(&work).context(|| format!("cannot make {}", work.display()))?;
    let mut command = shell(root, &work, &run)?;
    command.stdout(Stdio::piped());
    let brokers = kafka::running_by_default()?;
    let registries = registry::running_by_default()?;
    let tally = watch(Group::spawn(&mut command)?, &run, TIME_LIMIT);
    // A block that failed between `up` and `down` leaves a broker and a registry behind.
    for folder in kafka::running_by_default()?.into_iter().filter(|folder| !brokers.contains(folder)) {
        kafka::stop(&folder)?;
    }
    for folder in registry::running_by_default()?.into_iter().filter(|folder| !registries.contains(folder)) {
        registry::stop_in(&folder)?;
    }
    tally
}

/// The one bash that runs the blocks, with the built binary and Kafka's tools on its PATH.
fn shell(root: &Path, work: &Path, run: &[&Block]) -> Result<Command> {
    let shims = shims::write(&work.join("bin"))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [workspace::bin_dir()?, shims].into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).context(|| "PATH cannot be extended".into())?;
    let xtask = std::env::current_exe().context(|| "cannot find this program".into())?;
    let script = work.join("commands.sh");
    std::fs::write(&script, script::text(run, &xtask, work))
        .context(|| format!("cannot write {}", script.display()))?;
    let mut command = Command::new("bash");
    command
        .arg(script)
        .current_dir(root)
        .env("PATH", path)
        .env("XDG_DATA_HOME", work.join("data"))
        .env(INSIDE_README, "1");
    Ok(command)
}

/// Follows the shell's progress marks, with a time limit for the whole.
fn watch(mut group: Group, run: &[&Block], time_limit: Duration) -> Result<Tally> {
    let deadline = Deadline::after(time_limit);
    let stdout = group.stdout().ok_or_else(|| Failure::new("no output of bash"))?;
    let (sender, lines) = std::sync::mpsc::sync_channel(1024);
    std::thread::spawn(move || {
        // Bytes that are no text, such as Avro on a console, must not end the reading: the shell would get SIGPIPE.
        for line in BufReader::new(stdout).split(b'\n').map_while(|line| line.ok()) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
    let mut progress = script::Progress::new(run);
    let mut said: Vec<String> = Vec::new();
    let mut ended: Option<(ExitStatus, Deadline)> = None;
    let status = loop {
        // Asked in every round: background blocks may write without a pause, long after the shell has ended.
        if ended.is_none() {
            ended = group.exited().map(|status| (status, Deadline::after(LAST_WORDS_LIMIT)));
        }
        match ended {
            Some((status, last_words)) if progress.complete() || last_words.passed() => break Some(status),
            None if deadline.passed() => break None,
            _ => {}
        }
        let Ok(line) = lines.recv_timeout(Duration::from_millis(200)) else { continue };
        match progress.read(&line) {
            Some(news) => {
                println!("{news}");
                said.clear();
            }
            None => {
                said.push(line);
                let surplus = said.len().saturating_sub(SHOWN_LINES);
                said.drain(..surplus);
            }
        }
    };
    // What the background blocks left running ends here.
    drop(group);
    let how = match status {
        Some(status) => process::ending(status),
        None => format!("not finished within {} minutes", time_limit.as_secs() / 60),
    };
    let tally = progress.tally(status.is_some_and(|status| status.success()));
    if tally.failed > 0 {
        println!("{}", said.join("\n"));
        match progress.failed_line() {
            Some(line) => println!("FAILED {FILE}:{line}: {how}"),
            None => println!("FAILED {FILE}: its shell, after the last block: {how}"),
        }
        println!("  repair the command, or mark its block `<!-- not run -->`");
    }
    Ok(tally)
}

/// `xtask wait-http URL`: returns when the address answers 200.
pub fn wait_http(url: &str) -> Result<()> {
    let (port, path) = http::local_address(url)?;
    wait::until(Deadline::after(SERVES_LIMIT), || (http::get_status(port, &path) == Some(200)).then_some(()))
        .ok_or_else(|| Failure::new(format!("{url} did not answer 200 within {} s", SERVES_LIMIT.as_secs())))
}

/// `xtask end-after SECONDS FILE`: runs a script, ends it when its time is over, and calls that a success.
pub fn end_after(seconds: u64, script: &str) -> Result<u8> {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", script]);
    let group = Group::spawn(&mut command)?;
    let status = group.wait_until(Deadline::after(Duration::from_secs(seconds)))?;
    Ok(status.map_or(0, process::exit_code))
}

#[cfg(test)]
mod tests;
