use std::fmt;

/// Why a topology, a task or a spec can't be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {}", problems.join("; "))]
pub struct Error {
    /// What can't be built: a topology's or a task's name.
    pub subject: String,
    /// Everything that is wrong with it, each with its remedy.
    pub problems: Vec<String>,
}

impl Error {
    pub(crate) fn new(subject: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { subject: subject.into(), problems: vec![problem.into()] }
    }
}

/// What the driver does about a [`TaskError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskErrorKind {
    /// State can't be read: reopen the store, or move the task.
    State,
    /// A policy says stop: somebody has to look at the input.
    Stopped,
}

/// Why a task can't go on. Nothing of the input that it names is staged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskError {
    /// What to do about it.
    pub kind: TaskErrorKind,
    /// The task, what it was at, and why.
    pub message: String,
}

impl fmt::Display for TaskError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for TaskError {}
