use crate::FailureKind;

/// What happens to an input that failed, after everything staged for it has been undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Drop it and count it.
    Skip,
    /// Write it to `<topic>.dlq` with the reason, in the same transaction, and go on.
    DeadLetter,
    /// Try again if the failure is retriable, the whole task waiting in between; then `otherwise`, which is also what
    /// happens at once to a failure that is not retriable.
    Retry {
        /// Tries after the first.
        attempts: u32,
        /// Wait before the first retry; doubles with each, up to 60 s.
        backoff_ms: u32,
        /// What happens when the tries are used up.
        otherwise: Otherwise,
    },
    /// Set the input and all later ones of its key aside and go on with other keys. They are tried again in their order;
    /// an input that has used its tries is dead-lettered and the next of its key goes on.
    ParkKey {
        /// Tries after the first.
        attempts: u32,
        /// Wait before the first retry; doubles with each, up to 60 s.
        backoff_ms: u32,
    },
    /// Stop the task with an error; nothing later on the partition is processed.
    Stop,
}

/// The end of a [`Policy::Retry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// As [`Policy::Skip`].
    Skip,
    /// As [`Policy::DeadLetter`].
    DeadLetter,
    /// As [`Policy::Stop`].
    Stop,
}

/// One policy for each edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policies {
    /// For [`FailureKind::Decode`].
    pub decode: Policy,
    /// For [`FailureKind::Process`].
    pub process: Policy,
    /// For [`FailureKind::Produce`].
    pub produce: Policy,
    /// For [`FailureKind::Timeout`].
    pub timeout: Policy,
    /// For [`FailureKind::State`].
    pub state: Policy,
}

impl Policies {
    /// The policy of an edge.
    #[must_use]
    pub const fn of(&self, edge: FailureKind) -> Policy {
        match edge {
            FailureKind::Decode => self.decode,
            FailureKind::Process => self.process,
            FailureKind::Produce => self.produce,
            FailureKind::Timeout => self.timeout,
            FailureKind::State => self.state,
            FailureKind::Unavailable => UNTIL_IT_CAN,
        }
    }

    /// Sets the policy of an edge; that of [`FailureKind::Unavailable`] is fixed.
    pub const fn set(&mut self, edge: FailureKind, policy: Policy) {
        match edge {
            FailureKind::Decode => self.decode = policy,
            FailureKind::Process => self.process = policy,
            FailureKind::Produce => self.produce = policy,
            FailureKind::Timeout => self.timeout = policy,
            FailureKind::State => self.state = policy,
            FailureKind::Unavailable => {}
        }
    }
}

impl Default for Policies {
    fn default() -> Self {
        let bounded = Policy::Retry { attempts: 5, backoff_ms: 100, otherwise: Otherwise::DeadLetter };
        Self {
            decode: Policy::DeadLetter,
            process: bounded,
            produce: Policy::DeadLetter,
            timeout: bounded,
            state: Policy::Stop,
        }
    }
}

/// What can't be reached is no fault of the input: it waits, however long.
const UNTIL_IT_CAN: Policy = Policy::Retry { attempts: u32::MAX, backoff_ms: 100, otherwise: Otherwise::Stop };

/// The wait before try number `attempt` (from 1), in milliseconds.
pub(crate) fn backoff_ms(first_ms: u32, attempt: u32) -> i64 {
    const MAX_MS: i64 = 60_000;
    let doubled = i64::from(first_ms).saturating_mul(1_i64 << attempt.saturating_sub(1).min(20));
    doubled.clamp(1, MAX_MS)
}
