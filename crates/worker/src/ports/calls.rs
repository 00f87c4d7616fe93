use headwater_streams::{CallResult, CallToStart};

use crate::Error;

/// A result on its way back, with the task it is for and the assignment under which it was started.
#[derive(Debug)]
pub struct Returned {
    /// The task's place in the worker.
    pub task: usize,
    /// The assignment under which the call was started: results for an earlier one are dropped.
    pub epoch: u64,
    /// The result.
    pub result: CallResult,
}

/// Outside calls: started once their intent has committed, and started again with the same idempotency key by whoever
/// has the task after a crash.
pub trait Calls {
    /// Starts a call. `task` and `epoch` come back with its result.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the application provides no such step.
    fn start(&mut self, processor: &str, task: usize, epoch: u64, call: &CallToStart) -> Result<(), Error>;

    /// The next result that has come back.
    fn next(&mut self) -> Option<Returned>;
}
