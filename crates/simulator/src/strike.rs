//! How what goes wrong strikes: at its time, or at a step of a process after it.

use crate::fault::Mishap;
use crate::world::{Event, Order, Process, World};

/// Clocks are off by no more.
const SKEW_MAX_MS: i64 = 8_000;

/// Where a process may be struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A request to a transaction's coordinator, or records on their way to a partition.
    Request,
    /// A write to the store.
    Write,
    /// A look into the store.
    Read,
    /// Somewhere else.
    Other,
}

/// A fault that waits for its step.
#[derive(Debug)]
pub(crate) struct Armed {
    process: usize,
    skip: u32,
    mishap: Mishap,
}

impl World {
    /// A fault's time has come: it happens now, or waits for its step.
    pub(crate) fn begin_fault(&mut self, index: usize) {
        let Some(fault) = self.faults.get(index).copied() else { return };
        let running = |process: &&Process| process.alive && process.instance == fault.instance;
        let process = self.processes.iter().rposition(|process| running(&process));
        self.note(format_args!("fault {fault}"));
        match (fault.mishap, process) {
            (Mishap::Grow, _) => {
                let instance = self.processes.iter().map(|process| process.instance).max().unwrap_or(0) + 1;
                self.orders.push_back(Order::Start { instance, fresh_disk: true });
            }
            (Mishap::Regroup { by }, _) => {
                let now = self.now;
                self.cluster.group.regroup(by, now);
            }
            (Mishap::SlowMarkers { length }, _) => self.slow_markers_until = self.now + length,
            (_, None) => {}
            (Mishap::ClockJump { by_ms }, Some(process)) => {
                let skew = &mut self.processes[process].skew_ms;
                *skew = (*skew + by_ms).clamp(-SKEW_MAX_MS, SKEW_MAX_MS);
            }
            (Mishap::Stop { leaves, down }, Some(process)) => {
                self.processes[process].stopping = Some(leaves);
                self.after(down + 3_000_000, Event::Start { instance: fault.instance, fresh_disk: false });
            }
            (mishap, Some(process)) => self.armed.push(Armed { process, skip: fault.skip, mishap }),
        }
        self.changed();
    }

    /// A step at which a process may be struck. Answers with what strikes the request or write at hand.
    pub(crate) fn strike(&mut self, process: usize, step: Step) -> Option<Mishap> {
        if self.now >= self.calm_from {
            return None;
        }
        let mut struck = None;
        for armed in self.armed.iter_mut().filter(|armed| armed.process == process) {
            let fits = match armed.mishap {
                Mishap::DiskFails => step == Step::Write,
                Mishap::DiskUnreadable => step == Step::Read,
                mishap if mishap.strikes_requests() => step == Step::Request,
                _ => step != Step::Read,
            };
            if !fits {
                continue;
            }
            if armed.skip > 0 {
                armed.skip -= 1;
            } else if struck.is_none() {
                struck = Some(armed.mishap);
            }
        }
        let mishap = struck?;
        let at = self
            .armed
            .iter()
            .position(|armed| armed.process == process && armed.skip == 0 && armed.mishap == mishap)?;
        self.armed.remove(at);
        self.note(format_args!("process {process} is struck: {mishap:?}"));
        let Process { instance, workers, .. } = self.processes[process];
        match mishap {
            Mishap::Kill { down } => {
                self.orders.push_back(Order::Kill { process, disk: None });
                self.after(down, Event::Start { instance, fresh_disk: false });
            }
            Mishap::LoseMachine { down, older } => {
                self.orders.push_back(Order::Kill { process, disk: Some(older) });
                self.after(down, Event::Start { instance, fresh_disk: !older });
            }
            Mishap::Stall { length } => self.processes[process].stalled_until = self.now + length,
            Mishap::Zombie { length } => {
                self.processes[process].stalled_until = self.now + length;
                let earlier = self.chance.between(1_000, length.max(2_000));
                self.after(earlier, Event::Start { instance, fresh_disk: true });
            }
            Mishap::Fence => {
                for worker in 0..workers {
                    let _begun = self.initialize(&format!("simulated-i{instance}-{worker}"));
                }
            }
            Mishap::DiskSlow { length } => self.processes[process].disk_slow_until = self.now + length,
            other => return Some(other),
        }
        None
    }
}
