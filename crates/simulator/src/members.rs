//! The members topic, and what an instance makes of it: which tasks it keeps warm, and when its workers join.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_worker::{KeepingTimes, Standby, StandbyKeeping, StandbyMember};

use crate::baton::{Baton, Micros};
use crate::ports::{RestoreOrder, SharedMail, post, send};
use crate::story::SECOND;
use crate::world::{Event, World};

/// Looks at the others, and says of its own that it is there, so often. All to the scale of a session that ends after six
/// seconds, where outside it is twenty.
const LOOK_INTERVAL: Micros = SECOND / 2;
const FIRST_LOOKS_INTERVAL: Micros = SECOND / 20;
const REPEAT_INTERVAL: Micros = 3 * SECOND;
const TIMES: KeepingTimes = KeepingTimes {
    gone_after: Duration::from_secs(18),
    works_within: Duration::from_secs(8),
    view_after: Duration::from_secs(9),
    join_after: Duration::from_secs(20),
    join_lag_records_max: 20,
};

/// What a worker has said of itself.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    copies: usize,
    tasks: Vec<String>,
}

/// It lies in the topic since then; None takes it back.
#[derive(Debug)]
pub(crate) struct Spoken {
    pub(crate) at: Micros,
    pub(crate) instance: usize,
    pub(crate) worker: usize,
    pub(crate) said: Option<Said>,
}

impl World {
    /// A worker says what it has been given, or with None that it is not there any more. What a process says comes in
    /// order, now and then late or not at all.
    pub(crate) fn say(&mut self, process: usize, worker: usize, tasks: Option<Vec<String>>) {
        let Some(speaker) = self.processes.get(process).filter(|speaker| speaker.copies > 0) else { return };
        let (instance, copies, said_by) = (speaker.instance, speaker.copies, speaker.said_by);
        let is_calm = self.now >= self.calm_from;
        let latency = match self.chance.between(0, 20) {
            0 if !is_calm => return,
            1..=2 if !is_calm => self.chance.between(1, 3 * SECOND),
            _ => self.chance.between(1_000, 30_000),
        };
        let at = said_by.max(self.now + latency) + 1;
        if let Some(speaker) = self.processes.get_mut(process) {
            speaker.said_by = at;
        }
        let said = tasks.map(|tasks| Said { copies, tasks });
        self.at(at, Event::Member { instance, worker, said });
    }

    /// A process is told to stop, and its workers have: it takes back what it said, or stays a member without tasks.
    pub(crate) fn withdraw(&mut self, process: usize, leaves: bool) {
        const WORKERS_MAX: usize = 2;
        for worker in 0..WORKERS_MAX {
            self.say(process, worker, (!leaves).then(Vec::new));
        }
    }
}

/// What an instance knows of the others.
#[derive(Default)]
struct View {
    read: usize,
    heard: BTreeMap<(usize, usize), StandbyMember>,
    is_complete: bool,
}

impl View {
    /// Reads on. What lay there when it began is dated by when it was said, the rest by when it was heard.
    fn read(&mut self, world: &mut World) {
        // It may hang behind the others.
        if world.now < world.calm_from && world.chance.once_in(6) {
            return;
        }
        for spoken in world.members.iter().skip(self.read) {
            let key = (spoken.instance, spoken.worker);
            let at = if self.is_complete { world.now } else { spoken.at };
            match &spoken.said {
                Some(Said { copies, tasks }) => {
                    let member = StandbyMember {
                        instance: name_of(spoken.instance),
                        copies: *copies,
                        tasks: tasks.clone(),
                        heard_at_ms: (at / 1_000) as i64,
                    };
                    self.heard.insert(key, member);
                }
                None => {
                    self.heard.remove(&key);
                }
            }
        }
        self.read = world.members.len();
        self.is_complete = true;
    }

    fn heard(&self) -> Option<Vec<StandbyMember>> {
        self.is_complete.then(|| self.heard.values().cloned().collect())
    }
}

fn name_of(instance: usize) -> String {
    format!("i{instance}")
}

/// Keeps a process's standbys, until it is told to stop or its workers have ended.
pub(crate) fn keep_standbys(
    baton: &Baton,
    mail: &SharedMail,
    workers: usize,
    make: impl FnOnce(KeepingTimes, Duration) -> StandbyKeeping,
) {
    let process = baton.process();
    let mut keeping = make(TIMES, Duration::from_micros(baton.with(|world| world.now)));
    let mut view = View::default();
    let mut repeat_at = 0;
    loop {
        let goes_on = |world: &mut World| {
            let found = world.processes.get(process);
            found.is_some_and(|process| process.alive && !process.ends && process.stopping.is_none())
        };
        if !baton.with(goes_on) {
            return;
        }
        let said = post(mail).said.clone();
        let now = baton.with(|world| {
            if world.now >= repeat_at {
                repeat_at = world.now + REPEAT_INTERVAL;
                for worker in 0..workers {
                    world.say(process, worker, Some(said.get(&worker).cloned().unwrap_or_default()));
                }
            }
            view.read(world);
            Duration::from_micros(world.now)
        });
        let warmth: Vec<Standby> = post(mail).standbys.values().cloned().collect();
        let step = keeping.look(view.heard().as_deref(), &warmth, now);
        if let Some(tasks) = step.keep_warm {
            let names: Vec<&str> = tasks.iter().map(|task| task.task.as_str()).collect();
            baton.with(|world| world.note(format_args!("process {process} keeps warm: {}", names.join(" "))));
            send(mail, baton, RestoreOrder::KeepWarm(tasks));
        }
        if keeping.joins() {
            open_gate(mail, baton);
        }
        baton.pause(if keeping.joins() { LOOK_INTERVAL } else { FIRST_LOOKS_INTERVAL });
    }
}

fn open_gate(mail: &SharedMail, baton: &Baton) {
    if !std::mem::replace(&mut post(mail).is_open, true) {
        let process = baton.process();
        baton.with(|world| {
            world.note(format_args!("process {process} joins"));
            world.changed();
        });
    }
}
