//! kill -9 with state, and what it takes to be back.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use crate::figures::Figures;
use crate::work::Failure;

/// A side's process, which says `name=value` as it goes and is killed.
struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(mut command: Command) -> Result<Self, Failure> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let out = child.stdout.take().ok_or("a process without output")?;
        Ok(Self { child, lines: BufReader::new(out).lines() })
    }

    /// Waits for a figure.
    fn figure(&mut self, wanted: &str) -> Result<f64, Failure> {
        for line in self.lines.by_ref() {
            let line = line?;
            let pairs = line.split_whitespace().filter_map(|word| word.split_once('='));
            if let Some((_, value)) = pairs.into_iter().find(|(name, _)| *name == wanted) {
                return Ok(value.parse()?);
            }
        }
        Err(format!("the process ended without saying {wanted}").into())
    }

    /// kill -9.
    fn kill(mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

#[allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}

/// Lets a process go as far as it is told, kills it, and starts the next on the same state at once; times count from the
/// kill. `command` is given how many records to wait for.
pub fn recover(command: impl Fn(u64) -> Command, records: u64, says_commits: bool) -> Result<Figures, Failure> {
    let mut first = Process::start(command(records))?;
    first.figure("seen")?;
    let killed = now();
    first.kill()?;
    let mut second = Process::start(command(1))?;
    second.figure("seen")?;
    let mut figures = Figures::from([("recover_s".to_owned(), killed.elapsed().as_secs_f64())]);
    if says_commits {
        second.figure("committed")?;
        figures.insert("recover_commit_s".to_owned(), killed.elapsed().as_secs_f64());
        figures.insert("recover_replayed".to_owned(), second.figure("restored")?);
    }
    second.kill()?;
    Ok(figures)
}
