//! Requests to coordinators, repeated while the answer is that it can't be said yet. They carry no records, and saying
//! any of them twice is the same as saying it once.

use std::time::Duration;

use kafka_protocol::protocol::Request;

use super::cluster::{Cluster, Coordinates};
use crate::clock::{Deadline, pause};
use crate::native::error_of_code;
use crate::producer::Outcome;
use crate::{Error, ErrorKind};

const COORDINATOR_LOAD_IN_PROGRESS: i16 = 14;
const COORDINATOR_NOT_AVAILABLE: i16 = 15;
const NOT_COORDINATOR: i16 = 16;
const INVALID_PRODUCER_EPOCH: i16 = 47;
const INVALID_TXN_STATE: i16 = 48;
const INVALID_PRODUCER_ID_MAPPING: i16 = 49;
pub(super) const CONCURRENT_TRANSACTIONS: i16 = 51;
const TRANSACTIONAL_ID_AUTHORIZATION_FAILED: i16 = 53;
const PRODUCER_FENCED: i16 = 90;

/// The markers of the last transaction take a few milliseconds: asking soon costs less than waiting.
const MARKERS_WAIT: Duration = Duration::from_millis(1);
const MARKERS_WAIT_MAX: Duration = Duration::from_millis(20);
const COORDINATOR_WAIT: Duration = Duration::from_millis(20);
const COORDINATOR_WAIT_MAX: Duration = Duration::from_millis(500);

/// What repeating has met.
#[derive(Debug, Default)]
pub(super) struct Met {
    /// The last transaction's markers were not all written when this one was first told of.
    pub(super) early: bool,
    /// A connection broke, or an answer did not come: a request may still be under way.
    pub(super) trouble: Option<Error>,
    markers_wait: Duration,
    coordinator_wait: Duration,
}

impl Met {
    /// Whether a code says that asking again will help; waits until then.
    pub(super) fn asks_again(&mut self, code: i16, cluster: &mut Cluster, of: Coordinates, deadline: Deadline) -> bool {
        match code {
            CONCURRENT_TRANSACTIONS => {
                self.early = true;
                self.markers_wait = (self.markers_wait * 3 / 2).clamp(MARKERS_WAIT, MARKERS_WAIT_MAX);
                pause(self.markers_wait, deadline);
            }
            NOT_COORDINATOR | COORDINATOR_NOT_AVAILABLE | COORDINATOR_LOAD_IN_PROGRESS => {
                cluster.forget_coordinator(of);
                self.wait(deadline);
            }
            _ => return false,
        }
        true
    }

    /// A request was not answered: another connection will do.
    pub(super) fn failed(
        &mut self,
        error: Error,
        broker: Option<i32>,
        cluster: &mut Cluster,
        of: Coordinates,
        deadline: Deadline,
    ) {
        if let Some(broker) = broker {
            cluster.disconnect(broker);
            self.trouble.get_or_insert(error);
        }
        cluster.forget_coordinator(of);
        self.wait(deadline);
    }

    fn wait(&mut self, deadline: Deadline) {
        self.coordinator_wait = (self.coordinator_wait * 2).clamp(COORDINATOR_WAIT, COORDINATOR_WAIT_MAX);
        pause(self.coordinator_wait, deadline);
    }
}

/// Asks a coordinator until its answer is one to go by, whatever that is.
///
/// # Errors
/// When there was none before the deadline: whether the cluster acted is not known then.
pub(super) fn ask<R: Request>(
    cluster: &mut Cluster,
    (of, key): (Coordinates, &str),
    (request, version): (&R, i16),
    deadline: Deadline,
    met: &mut Met,
    code_of: impl Fn(&R::Response) -> i16,
) -> Result<R::Response, Error> {
    loop {
        let broker = cluster.coordinator(of, key, deadline);
        let known = broker.as_ref().ok().copied();
        let connection = broker.and_then(|broker| cluster.connection(broker, deadline));
        match connection.and_then(|connection| connection.ask(request, version, deadline)) {
            Ok(answer) => {
                if deadline.has_passed() || !met.asks_again(code_of(&answer), cluster, of, deadline) {
                    return Ok(answer);
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::Refused | ErrorKind::Denied | ErrorKind::Invalid) => {
                return Err(error);
            }
            Err(error) => {
                let described = error.clone();
                met.failed(error, known, cluster, of, deadline);
                if deadline.has_passed() {
                    return Err(described);
                }
            }
        }
    }
}

/// What a code means for the transaction at hand; None for 0.
pub(super) fn outcome_of(code: i16, doing: &str) -> Option<Outcome> {
    if code == 0 {
        return None;
    }
    let error = error_of_code(i32::from(code), None).context(doing);
    Some(match code {
        INVALID_PRODUCER_EPOCH | PRODUCER_FENCED => Outcome::Fenced(error),
        INVALID_TXN_STATE | INVALID_PRODUCER_ID_MAPPING | TRANSACTIONAL_ID_AUTHORIZATION_FAILED => {
            Outcome::Fatal(error)
        }
        // Asked again until the deadline, and still so.
        CONCURRENT_TRANSACTIONS | NOT_COORDINATOR | COORDINATOR_NOT_AVAILABLE | COORDINATOR_LOAD_IN_PROGRESS => {
            Outcome::Unknown(error)
        }
        _ => Outcome::Abortable(error),
    })
}
