//! What must hold at every moment, looked at when it could be broken.

use std::collections::BTreeSet;

use headwater_worker::Restored;

use crate::check::{ahead_of_group, wrong_tables};
use crate::disk::{TaskData, changelog_of};
use crate::world::World;

impl World {
    /// Whether an actor restores a process's stores.
    pub(crate) fn is_restorer(&self, process: usize, actor: usize) -> bool {
        self.processes.get(process).is_some_and(|found| found.restorer == Some(actor))
    }

    /// An actor writes to stores. None but the worker that has a task, and knows it, writes to its store.
    pub(crate) fn writes_to(&mut self, process: usize, actor: usize, tasks: &BTreeSet<&str>) {
        if !self.is_restorer(process, actor) {
            return;
        }
        let Some(instance) = self.processes.get(process).map(|found| found.instance) else { return };
        for task in tasks {
            if let Some(owner) = self.works_for(process, instance, None, task) {
                self.fail(format!("the restorer of process {process} writes to {task}, which is at work in {owner}"));
            }
        }
    }

    /// A warm standby stood at a place of its changelog when its task was taken over: what was replayed lies behind it.
    pub(crate) fn taken_over(&mut self, task: &str, stood_at: u64, restored: &Restored) {
        self.take_overs += 1;
        let behind = changelog_of(&self.cluster, task)
            .map_or(0, |log| log.committed().filter(|(offset, _)| *offset >= stood_at).count() as u64);
        let replayed = restored.records;
        self.note(format_args!("{task} is taken over warm: {replayed} of {behind} records replayed"));
        if replayed > behind || restored.rebuilt.is_some() {
            let rebuilt = restored.rebuilt;
            self.fail(format!(
                "{task} was taken over from a warm standby at {stood_at}, behind which are {behind} records, and \
                 {replayed} were replayed, rebuilt: {rebuilt:?}"
            ));
        }
    }

    /// A task begins to work: its tables are what their topics say up to where they stand, which is not beyond the position
    /// that its group has committed.
    pub(crate) fn begins_with(&mut self, process: usize, name: &str, data: &TaskData) {
        let Some(task) = self.tables.get(name) else { return };
        let wrong =
            wrong_tables(data, task, &self.cluster).into_iter().chain(ahead_of_group(data, task, &self.cluster));
        for wrong in wrong.collect::<Vec<_>>() {
            self.fail(format!("process {process} begins to work on {name}: {wrong}"));
        }
    }

    /// The worker of a process, but for one, in which a task is at work, if the group says that it is that one's.
    fn works_for(&self, process: usize, instance: usize, but: Option<usize>, task: &str) -> Option<usize> {
        let number = task.rsplit('/').next().unwrap_or_default();
        let holds = |((of, worker), tasks): &(&(usize, usize), &BTreeSet<String>)| {
            *of == process && Some(*worker) != but && tasks.contains(task)
        };
        let mut workers = self.holders.iter().filter(holds).map(|((_, worker), _)| *worker);
        workers.find(|worker| self.cluster.group.owns(&format!("i{instance}-{worker}"), process, number))
    }

    /// A store was restored for a worker. If the task is at work in another of the process, and the group says that it is
    /// that one's, old values were written over newer ones.
    pub(crate) fn restored(&mut self, process: usize, asker: usize, task: &str) {
        let Some(instance) = self.processes.get(process).map(|process| process.instance) else { return };
        if let Some(owner) = self.works_for(process, instance, Some(asker), task) {
            let what =
                format!("{task} was restored for worker {asker} of process {process}, and is at work in {owner}");
            self.fail(what);
        }
    }
}
