#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn dropping_a_group_ends_grandchildren_too() {
    let mut command = sh("sleep 600 & echo $!; wait");
    command.stdout(Stdio::piped());
    let mut group = Group::spawn(&mut command).unwrap();
    let mut reader = std::io::BufReader::new(group.stdout().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
    let grandchild: u32 = line.trim().parse().unwrap();
    assert!(command_line(grandchild).is_some());
    drop(group);
    assert_eq!(command_line(grandchild), None);
}

#[test]
fn a_failure_carries_what_the_program_said() {
    let failure = output(&mut sh("echo out; echo why >&2; exit 3")).unwrap_err();
    let text = failure.to_string();
    assert!(text.contains("exit code 3") && text.contains("why"), "{text}");
}

#[test]
fn a_process_past_its_deadline_is_ended() {
    let group = Group::spawn(&mut sh("sleep 600")).unwrap();
    let id = group.id();
    let status = group.wait_until(Deadline::after(Duration::ZERO)).unwrap();
    assert!(status.is_none());
    assert_eq!(command_line(id), None);
}

#[test]
fn the_environment_of_cargo_run_is_recognised() {
    for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "OUT_DIR"] {
        assert!(set_by_cargo_run(OsStr::new(name)), "{name}");
    }
    for name in ["CARGO_TARGET_DIR", "CARGO_HOME", "RUSTFLAGS", "PATH"] {
        assert!(!set_by_cargo_run(OsStr::new(name)), "{name}");
    }
}

#[test]
fn a_library_path_keeps_what_the_person_set() {
    let value = OsStr::new("/x/target/debug/deps:/opt/llvm/lib:/y/rustlib/z/lib");
    assert_eq!(without_cargos_folders(value), Some(OsString::from("/opt/llvm/lib")));
    assert_eq!(without_cargos_folders(OsStr::new("/x/target/debug/deps")), None);
}
