//! One thread for each worker, of which one runs at a time: whoever has the baton. A call that blocks in the world gives
//! it back, so that others run in between, and a kill ends a thread there.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::world::World;

/// Virtual time in microseconds.
pub(crate) type Micros = u64;

/// What ends a wait before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wakes {
    Nothing,
    /// Any change of the world after this one.
    Change(u64),
    /// A letter to a restorer after this one.
    Letter(u64),
}

/// What a killed thread unwinds with.
struct Killed;

struct Actor {
    process: usize,
    until: Micros,
    wakes: Wakes,
    killed: bool,
    ended: bool,
    bell: Arc<Condvar>,
}

struct State {
    world: World,
    actors: Vec<Actor>,
    running: Option<usize>,
    /// Nothing runs from here on.
    end: Micros,
}

struct Shared {
    state: Mutex<State>,
    main: Condvar,
}

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An actor's side.
#[derive(Clone)]
pub(crate) struct Baton {
    shared: Arc<Shared>,
    me: usize,
    process: usize,
}

impl Baton {
    /// The incarnation of a process that the actor belongs to.
    pub(crate) const fn process(&self) -> usize {
        self.process
    }

    /// The actor, of all there ever were.
    pub(crate) const fn actor(&self) -> usize {
        self.me
    }

    /// Looks at the world, or changes it, with nobody in between.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut lock(&self.shared).world)
    }

    /// Lets others run for so long.
    pub(crate) fn pause(&self, length: Micros) {
        self.give(length, |_| Wakes::Nothing);
    }

    /// Lets others run for so long, or until anything has changed.
    pub(crate) fn wait(&self, length: Micros) {
        self.give(length, |world| Wakes::Change(world.version));
    }

    /// Lets others run for so long, or until a restorer has got something to do since it had so many letters.
    pub(crate) fn wait_for_letters(&self, seen: u64, length: Micros) {
        self.give(length, |_| Wakes::Letter(seen));
    }

    fn give(&self, length: Micros, wakes: impl FnOnce(&World) -> Wakes) {
        let mut state = lock(&self.shared);
        let (now, wakes) = (state.world.now, wakes(&state.world));
        let Some(actor) = state.actors.get_mut(self.me) else { return };
        actor.until = now + length.max(1);
        actor.wakes = wakes;
        let bell = Arc::clone(&actor.bell);
        // Whoever gives the baton away finds out who is next, which often is itself.
        state.running = state.choose();
        match state.running {
            Some(next) if next == self.me => {}
            Some(next) => state.ring(next),
            None => self.shared.main.notify_one(),
        }
        while state.running != Some(self.me) {
            state = bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let killed = state.actors.get(self.me).is_some_and(|actor| actor.killed);
        drop(state);
        if killed {
            resume_unwind(Box::new(Killed));
        }
    }
}

impl State {
    fn ring(&self, actor: usize) {
        if let Some(actor) = self.actors.get(actor) {
            actor.bell.notify_one();
        }
    }

    /// Whose turn it is, after all events before it; None when the stage has to act, or has reached its end.
    fn choose(&mut self) -> Option<usize> {
        loop {
            if !self.world.orders.is_empty() {
                return None;
            }
            let world = &mut self.world;
            let (now, version, letters) = (world.now, world.version, world.letters);
            let ready = |actor: &Actor| {
                let changed = match actor.wakes {
                    Wakes::Nothing => false,
                    Wakes::Change(seen) => seen != version,
                    Wakes::Letter(seen) => seen != letters,
                };
                let at = if changed { now } else { actor.until };
                at.max(now).max(world.stalled_until(actor.process))
            };
            let waiting = self.actors.iter().enumerate().filter(|(_, actor)| !actor.ended);
            let first = waiting.map(|(at, actor)| (ready(actor), at)).min();
            let event = world.first_event().map(|event| event.max(now));
            let (at, actor) = match (first, event) {
                (Some((at, actor)), event) if event.is_none_or(|event| at < event) => (at, Some(actor)),
                (_, Some(event)) => (event, None),
                (_, None) => (self.end, None),
            };
            if at >= self.end {
                world.now = now.max(self.end);
                return None;
            }
            world.now = at;
            match actor {
                Some(actor) => return Some(actor),
                None => world.run_event(),
            }
        }
    }
}

/// The scheduler's side.
pub(crate) struct Stage {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Stage {
    pub(crate) fn new(world: World) -> Self {
        let state = State { world, actors: Vec::new(), running: None, end: 0 };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), main: Condvar::new() }), threads: Vec::new() }
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut lock(&self.shared).world)
    }

    /// Puts an actor on the stage; it begins when it is its turn.
    pub(crate) fn spawn(&mut self, process: usize, body: impl FnOnce(&Baton) + Send + 'static) {
        const STACK_BYTES: usize = 1 << 20;
        let mut state = lock(&self.shared);
        let me = state.actors.len();
        let bell = Arc::new(Condvar::new());
        let until = state.world.now + 1;
        state.actors.push(Actor {
            process,
            until,
            wakes: Wakes::Nothing,
            killed: false,
            ended: false,
            bell: Arc::clone(&bell),
        });
        drop(state);
        let baton = Baton { shared: Arc::clone(&self.shared), me, process };
        let spawned = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || act(&baton, &bell, body));
        match spawned {
            Ok(thread) => self.threads.push(thread),
            Err(error) => {
                let mut state = lock(&self.shared);
                state.world.fail(format!("no thread for an actor: {error}"));
                if let Some(actor) = state.actors.get_mut(me) {
                    actor.ended = true;
                }
            }
        }
    }

    /// Ends all threads of a process where they stand.
    pub(crate) fn kill(&mut self, process: usize) {
        let theirs: Vec<usize> = {
            let state = lock(&self.shared);
            let is_theirs = |(_, actor): &(usize, &Actor)| actor.process == process && !actor.ended;
            state.actors.iter().enumerate().filter(is_theirs).map(|(at, _)| at).collect()
        };
        for actor in theirs {
            lock(&self.shared).actors[actor].killed = true;
            self.run(actor);
        }
    }

    fn run(&self, actor: usize) {
        let mut state = lock(&self.shared);
        state.running = Some(actor);
        if let Some(actor) = state.actors.get(actor) {
            actor.bell.notify_one();
        }
        while state.running.is_some() {
            state = self.shared.main.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Runs what comes before `end`, until there is something to be done for the world; false when `end` is reached.
    pub(crate) fn step(&mut self, end: Micros) -> bool {
        let next = {
            let mut state = lock(&self.shared);
            state.end = end;
            state.choose()
        };
        if let Some(actor) = next {
            self.run(actor);
        }
        let state = lock(&self.shared);
        state.world.now < end || !state.world.orders.is_empty()
    }

    /// Ends everything.
    pub(crate) fn end(mut self) -> World {
        let actors = lock(&self.shared).actors.len();
        for actor in 0..actors {
            let mut state = lock(&self.shared);
            let Some(found) = state.actors.get_mut(actor) else { continue };
            if found.ended {
                continue;
            }
            found.killed = true;
            drop(state);
            self.run(actor);
        }
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
        let nothing = World::empty();
        std::mem::replace(&mut lock(&self.shared).world, nothing)
    }
}

fn act(baton: &Baton, bell: &Condvar, body: impl FnOnce(&Baton)) {
    let mut state = lock(&baton.shared);
    while state.running != Some(baton.me) {
        state = bell.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    let killed = state.actors.get(baton.me).is_some_and(|actor| actor.killed);
    drop(state);
    let ended = if killed { Ok(()) } else { catch_unwind(AssertUnwindSafe(|| body(baton))) };
    let mut state = lock(&baton.shared);
    if let Err(panic) = ended
        && !panic.is::<Killed>()
    {
        let text = text_of(&*panic);
        state.world.fail(format!("a worker panicked: {text}"));
    }
    if let Some(actor) = state.actors.get_mut(baton.me) {
        actor.ended = true;
    }
    state.running = None;
    baton.shared.main.notify_one();
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
