//! The shell script made from the blocks, and the marks by which its progress is followed.

use std::fmt::Write;
use std::path::Path;

use super::blocks::{Block, How};
use crate::tally::Tally;

const STARTED: &str = "@@headwater-readme started ";
const FINISHED: &str = "@@headwater-readme finished ";

/// The script. It stops at the first command that fails.
pub fn text(blocks: &[&Block], xtask: &Path, work: &Path) -> String {
    let xtask = quoted(&xtask.display().to_string());
    // What a block prints ends without a line feed at times: the marks bring their own.
    let mut script = String::from("exec 2>&1 </dev/null\nset -euo pipefail\n");
    for block in blocks {
        let line = block.line;
        let _ = writeln!(script, "printf '\\n{STARTED}{line}\\n'");
        match &block.how {
            How::Run => script.push_str(&block.text),
            How::NotRun => {}
            How::Background { until } => {
                let _ = write!(script, "(\n{}) &\n", block.text);
                let _ = writeln!(script, "{xtask} wait-http {}", quoted(until));
            }
            How::EndedAfter { seconds } => {
                let file = work.join(format!("block-{line}.sh"));
                let file = quoted(&file.display().to_string());
                let _ = writeln!(script, "cat >{file} <<'END_OF_BLOCK'\n{}END_OF_BLOCK", block.text);
                let _ = writeln!(script, "{xtask} end-after {seconds} {file}");
            }
        }
        let _ = writeln!(script, "printf '\\n{FINISHED}{line}\\n'");
    }
    script
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Which blocks have been started and finished.
#[derive(Debug)]
pub struct Progress {
    blocks: usize,
    finished: usize,
    running: Option<usize>,
}

impl Progress {
    /// Nothing has run yet.
    pub fn new(blocks: &[&Block]) -> Self {
        Self { blocks: blocks.len(), finished: 0, running: None }
    }

    /// Reads a line of the script's output; a mark gives a line for people, anything else none.
    pub fn read(&mut self, line: &str) -> Option<String> {
        if let Some(number) = line.strip_prefix(STARTED) {
            self.running = number.parse().ok();
            return Some(format!("run    README.md:{number}"));
        }
        let number = line.strip_prefix(FINISHED)?;
        self.running = None;
        self.finished += 1;
        Some(format!("ok     README.md:{number}"))
    }

    /// Whether every block has finished.
    pub fn complete(&self) -> bool {
        self.finished == self.blocks
    }

    /// The line of the block that did not finish.
    pub fn failed_line(&self) -> Option<usize> {
        self.running
    }

    /// What finished passed; what did not finish, or was never reached, failed.
    pub fn tally(&self, ended_well: bool) -> Tally {
        let passed = u64::try_from(self.finished).unwrap_or(u64::MAX);
        let all = u64::try_from(self.blocks).unwrap_or(u64::MAX);
        let mut failed = all.saturating_sub(passed);
        if failed == 0 && !ended_well {
            failed = 1;
        }
        Tally { passed, failed }
    }
}
