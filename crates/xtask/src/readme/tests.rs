#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::blocks::{Block, How, parse};
use super::*;

const MARKDOWN: &str = "# Title
```sh
echo one
```
text
<!-- not run -->
```sh
cargo xtask test
```
```rust
fn main() {}
```
<!-- background until http://127.0.0.1:8080/health -->

```sh
headwater dev
```
<!-- ended after 3 s -->
```sh
headwater saga watch
```
<!-- not run -->
a paragraph takes the mark away
```sh
echo two
```
";

#[test]
fn blocks_are_found_with_their_lines_and_marks() {
    let found: Vec<(usize, How)> = parse(MARKDOWN).unwrap().into_iter().map(|block| (block.line, block.how)).collect();
    let until = "http://127.0.0.1:8080/health".to_owned();
    let wanted = vec![
        (3, How::Run),
        (8, How::NotRun),
        (16, How::Background { until }),
        (20, How::EndedAfter { seconds: 3 }),
        (25, How::Run),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_mark_that_is_misspelt_is_refused() {
    for mark in ["skip", "background", "ended after a while", "background until soon"] {
        let text = format!("<!-- {mark} -->\n```sh\ntrue\n```\n");
        assert!(parse(&text).is_err(), "{mark}");
    }
    assert!(parse("<!-- badges -->\n```sh\ntrue\n```\n").is_ok());
    assert!(parse("```sh\ntrue\n").is_err());
}

fn outcome(blocks: &[(How, &str)]) -> Tally {
    let blocks: Vec<Block> = blocks
        .iter()
        .enumerate()
        .map(|(index, (how, text))| Block { line: index + 1, text: (*text).to_owned(), how: how.clone() })
        .collect();
    let blocks: Vec<&Block> = blocks.iter().collect();
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("commands.sh");
    let xtask = folder.path().join("xtask");
    std::fs::write(&script, script::text(&blocks, xtask.as_path(), folder.path())).unwrap();
    let mut command = Command::new("bash");
    command.arg(&script).stdout(Stdio::piped());
    watch(Group::spawn(&mut command).unwrap(), &blocks, Duration::from_secs(30)).unwrap()
}

#[test]
fn blocks_share_one_shell() {
    let tally = outcome(&[(How::Run, "here=1\n"), (How::Run, "[ \"$here\" = 1 ]\n")]);
    assert_eq!(tally, Tally { passed: 2, failed: 0 });
}

#[test]
fn a_failing_command_fails_its_block_and_those_behind_it() {
    let tally = outcome(&[(How::Run, "true\n"), (How::Run, "false\necho not reached\n"), (How::Run, "true\n")]);
    assert_eq!(tally, Tally { passed: 1, failed: 2 });
}

#[test]
fn bytes_that_are_no_text_do_not_end_the_shell() {
    let tally = outcome(&[
        (How::Run, "printf '\\377\\n'\nfor i in $(seq 1000); do echo goes on; done\n"),
        (How::Run, "true\n"),
    ]);
    assert_eq!(tally, Tally { passed: 2, failed: 0 });
}

#[test]
fn a_background_block_that_never_stops_writing_does_not_hold_up_the_end() {
    let tally = outcome(&[(How::Run, "(while true; do echo noise; done) &\n"), (How::Run, "true\n")]);
    assert_eq!(tally, Tally { passed: 2, failed: 0 });
}

#[test]
fn a_pipe_that_fails_in_its_middle_fails_the_block() {
    let tally = outcome(&[(How::Run, "false | cat\n")]);
    assert_eq!(tally, Tally::one(false));
}

#[test]
fn a_background_block_that_never_serves_fails() {
    // The stand-in for xtask does not exist, so waiting fails at once.
    let until = "http://127.0.0.1:1/".to_owned();
    let tally = outcome(&[(How::Background { until }, "sleep 600\n")]);
    assert_eq!(tally, Tally::one(false));
}

#[test]
fn a_script_that_follows_for_ever_is_ended_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("follow.sh");
    std::fs::write(&file, "sleep 600\n").unwrap();
    assert_eq!(end_after(0, file.to_str().unwrap()).unwrap(), 0);
    std::fs::write(&file, "exit 3\n").unwrap();
    assert_eq!(end_after(60, file.to_str().unwrap()).unwrap(), 3);
}
