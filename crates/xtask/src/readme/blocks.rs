//! Finding the shell blocks of a Markdown file, and what their marks say.

use crate::failure::{Failure, Result};

/// How a block is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// In the foreground, until it ends.
    Run,
    /// Not at all.
    NotRun,
    /// Beside the later blocks, which start when the address answers.
    Background {
        /// The address that answers 200 once the block serves.
        until: String,
    },
    /// For that many seconds.
    EndedAfter {
        /// The seconds.
        seconds: u64,
    },
}

/// A shell block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The line of its first command, from 1.
    pub line: usize,
    /// Its commands.
    pub text: String,
    /// How it is run.
    pub how: How,
}

/// The ```` ```sh ```` blocks in order. An unknown mark is an error: it would silently mean "run".
pub fn parse(markdown: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut mark = How::Run;
    let mut open: Option<(bool, Block)> = None;
    for (index, line) in markdown.lines().enumerate() {
        let trimmed = line.trim();
        if let Some((is_shell, block)) = &mut open {
            if trimmed == "```" {
                if *is_shell {
                    blocks.push(block.clone());
                }
                open = None;
            } else {
                block.text.push_str(line);
                block.text.push('\n');
            }
            continue;
        }
        if let Some(language) = trimmed.strip_prefix("```") {
            let block = Block { line: index + 2, text: String::new(), how: std::mem::replace(&mut mark, How::Run) };
            open = Some((language == "sh", block));
        } else if let Some(comment) = comment(trimmed) {
            if let Some(how) = how(comment, index + 1)? {
                mark = how;
            }
        } else if !trimmed.is_empty() {
            mark = How::Run;
        }
    }
    match open {
        None => Ok(blocks),
        Some((_, block)) => Err(Failure::new(format!("the block at line {} is never closed", block.line - 1))),
    }
}

fn comment(line: &str) -> Option<&str> {
    Some(line.strip_prefix("<!--")?.strip_suffix("-->")?.trim())
}

/// What a comment says about the next block; other comments say nothing.
fn how(comment: &str, line: usize) -> Result<Option<How>> {
    if comment == "not run" || comment.starts_with("not run:") {
        return Ok(Some(How::NotRun));
    }
    if let Some(until) = comment.strip_prefix("background until ") {
        crate::http::local_address(until)?;
        let until = until.to_owned();
        return Ok(Some(How::Background { until }));
    }
    if let Some(rest) = comment.strip_prefix("ended after ") {
        let seconds = rest.strip_suffix(" s").and_then(|n| n.parse().ok());
        return match seconds {
            Some(seconds) => Ok(Some(How::EndedAfter { seconds })),
            None => Err(Failure::new(format!("line {line}: write `<!-- ended after 10 s -->`"))),
        };
    }
    for word in ["run", "background", "ended", "skip"] {
        if comment.split(' ').next() == Some(word) {
            return Err(Failure::new(format!(
                "line {line}: unknown mark `{comment}`: use `not run`, `background until URL` or `ended after N s`"
            )));
        }
    }
    Ok(None)
}
