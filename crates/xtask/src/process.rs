//! Running other programs: in the foreground, or as a group that is ended whatever happens to us.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::failure::{Context, Failure, Result};
use crate::wait::{self, Deadline};

const GRACE: Duration = Duration::from_secs(15);

/// Process groups that must not outlive this process.
static GROUPS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Set by a signal: from then on nothing is started, and the exit code is the signal's.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// A child that leads a process group of its own; dropping it ends the whole group.
#[derive(Debug)]
pub struct Group {
    child: Child,
    ended: bool,
}

impl Group {
    /// Starts `command` as the leader of a new group.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        wait_if_stopping();
        command.process_group(0).stdin(Stdio::null());
        let child = command.spawn().context(|| cannot_start(command))?;
        groups().push(child.id());
        Ok(Self { child, ended: false })
    }

    /// The process id, which is the group's id too.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child's standard output, where it was piped.
    pub fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for the leader to end, then ends what is left of its group.
    pub fn wait(mut self) -> Result<ExitStatus> {
        let status = self.child.wait().context(|| "cannot wait for a process".into())?;
        Ok(status)
    }

    /// Waits for the leader until the deadline; none when it was still running and has been ended.
    pub fn wait_until(mut self, deadline: Deadline) -> Result<Option<ExitStatus>> {
        let status = wait::until(deadline, || self.child.try_wait().transpose());
        status.transpose().context(|| "cannot wait for a process".into())
    }

    /// The leader's status where it has ended already.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Lets the group live on after this process.
    pub fn detach(mut self) -> u32 {
        self.ended = true;
        forget(self.id());
        self.id()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.ended {
            end_group(self.child.id(), GRACE, || {
                // Reaped here, or a zombie would keep the group alive.
                let _ = self.child.try_wait();
            });
            let _ = self.child.wait();
            forget(self.child.id());
        }
    }
}

fn groups() -> MutexGuard<'static, Vec<u32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forget(id: u32) {
    groups().retain(|known| *known != id);
}

/// From now on SIGINT, SIGTERM and SIGHUP end every group first, then this process with 128 + the signal.
pub fn end_groups_on_signals() -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
        .context(|| "cannot listen for signals".into())?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            STOPPING.store(true, Ordering::SeqCst);
            eprintln!("\nstopping: ending what was started");
            let ids: Vec<u32> = groups().iter().rev().copied().collect();
            for id in ids {
                end_group(id, GRACE, || {});
            }
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

/// Where a signal is ending this process, leaves that to it. Otherwise returns at once.
pub fn wait_if_stopping() {
    while STOPPING.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

fn end_group(id: u32, grace: Duration, mut reap: impl FnMut()) {
    if !signal_group("TERM", id) {
        return;
    }
    let gone = wait::until(Deadline::after(grace), || {
        reap();
        (!group_alive(id)).then_some(())
    });
    if gone.is_none() {
        signal_group("KILL", id);
    }
}

/// Whether the group has a process that still runs (a zombie that nobody has reaped yet does not count).
fn group_alive(id: u32) -> bool {
    let Ok(output) = Command::new("ps").args(["-A", "-o", "pgid=,stat="]).output() else {
        return signal_group("0", id);
    };
    let wanted = id.to_string();
    String::from_utf8_lossy(&output.stdout).lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some(wanted.as_str()) && words.next().is_some_and(|stat| !stat.starts_with('Z'))
    })
}

fn signal_group(signal: &str, id: u32) -> bool {
    send(signal, &format!("-{id}"))
}

/// Sends a signal by the shell's own `kill`, which needs neither `unsafe` nor a package.
fn send(signal: &str, target: &str) -> bool {
    Command::new("sh")
        .args(["-c", "kill -s \"$0\" -- \"$1\" 2>/dev/null", signal, target])
        .status()
        .is_ok_and(|status| status.success())
}

/// Asks a process to end, and makes it end when the grace is over. False when it was not running.
pub fn end_process(id: u32) -> bool {
    if !send("TERM", &id.to_string()) {
        return false;
    }
    let gone = wait::until(Deadline::after(GRACE), || command_line(id).is_none().then_some(()));
    if gone.is_none() {
        send("KILL", &id.to_string());
    }
    true
}

/// The command line of a running process.
pub fn command_line(id: u32) -> Option<String> {
    let output = Command::new("ps").args(["-o", "stat=,command=", "-ww", "-p", &id.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!text.is_empty() && !text.starts_with('Z')).then_some(text)
}

/// Runs a command in the foreground; a failure names it.
pub fn run(command: &mut Command) -> Result<()> {
    let status = Group::spawn(command)?.wait()?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!("`{}` ended with {}", shown(command), ending(status))))
}

/// Runs a command and returns what it printed; a failure shows the end of its error output.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().context(|| cannot_start(command))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let last: Vec<&str> = said.lines().rev().take(12).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    Err(Failure::new(format!("`{}` ended with {}:\n{}", shown(command), ending(output.status), last.join("\n"))))
}

/// Becomes the command: signals, terminal and exit code are then its own. Returns only on failure.
pub fn replace_with(command: &mut Command) -> Failure {
    let error = command.exec();
    Failure::new(format!("{}: {error}", cannot_start(command)))
}

/// A command that runs Cargo, free of what an outer `cargo run` put into the environment:
/// build scripts would see it, and compile again.
pub fn cargo(root: &Path) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root);
    for (name, value) in std::env::vars_os() {
        if set_by_cargo_run(&name) {
            command.env_remove(name);
        } else if name == "LD_LIBRARY_PATH" || name == "DYLD_FALLBACK_LIBRARY_PATH" {
            match without_cargos_folders(&value) {
                Some(rest) => command.env(name, rest),
                None => command.env_remove(name),
            };
        }
    }
    command
}

/// The library path without the folders that `cargo run` put before it; none when nothing is left.
fn without_cargos_folders(value: &OsStr) -> Option<OsString> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let kept: Vec<PathBuf> = std::env::split_paths(value)
        .filter(|dir| {
            let ours = dir.ends_with("debug")
                || dir.ends_with("debug/deps")
                || dir.components().any(|part| part.as_os_str() == "rustlib")
                || dir.components().any(|part| part.as_os_str() == "toolchains")
                || target.as_ref().is_some_and(|target| dir.starts_with(target));
            !ours && !dir.as_os_str().is_empty()
        })
        .collect();
    (!kept.is_empty()).then(|| std::env::join_paths(kept).ok()).flatten()
}

fn set_by_cargo_run(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    name.starts_with("CARGO_PKG_")
        || name.starts_with("CARGO_MANIFEST_")
        || matches!(name, "CARGO" | "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "OUT_DIR")
}

/// The exit code as a shell would say it.
pub fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// How a process ended, in words.
pub fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit code".into(),
    }
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`", Path::new(command.get_program()).display())
}

fn shown(command: &Command) -> String {
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).take(6).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests;
