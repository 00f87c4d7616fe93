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
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::failure::{Context, Failure, Result};
use crate::process::{self, Group};
use crate::suite::INSIDE_README;
use crate::tally::Tally;
use crate::wait::Deadline;
use crate::{http, kafka, wait, workspace};
use blocks::{Block, How};

const FILE: &str = "README.md";
const TIME_LIMIT: Duration = Duration::from_secs(20 * 60);
const SERVES_LIMIT: Duration = Duration::from_secs(120);
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
    let before = kafka::running_by_default()?;
    let tally = watch(Group::spawn(&mut command)?, &run);
    // A block that failed between `kafka up` and `kafka down` leaves a broker behind.
    for folder in kafka::running_by_default()? {
        if !before.contains(&folder) {
            kafka::stop(&folder)?;
        }
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
fn watch(mut group: Group, run: &[&Block]) -> Result<Tally> {
    let deadline = Deadline::after(TIME_LIMIT);
    let stdout = group.stdout().ok_or_else(|| Failure::new("no output of bash"))?;
    let (sender, lines) = std::sync::mpsc::channel();
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
    let ended = loop {
        if deadline.passed() {
            break None;
        }
        match lines.recv_timeout(Duration::from_millis(200)) {
            Ok(line) => match progress.read(&line) {
                Some(news) => {
                    println!("{news}");
                    said.clear();
                }
                None => {
                    said.push(line);
                    let surplus = said.len().saturating_sub(SHOWN_LINES);
                    said.drain(..surplus);
                }
            },
            Err(_) => {
                if let Some(status) = group.exited() {
                    break Some(status);
                }
            }
        }
    };
    // What the background blocks left running ends here.
    drop(group);
    let how =
        ended.map_or_else(|| format!("not finished within {} minutes", TIME_LIMIT.as_secs() / 60), process::ending);
    let tally = progress.tally(ended.is_some_and(|status| status.success()));
    if let Some(line) = progress.failed_line() {
        println!("{}", said.join("\n"));
        println!("FAILED {FILE}:{line}: {how}");
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
