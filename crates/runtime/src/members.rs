//! Who holds which task: a compacted topic that every instance writes for its own workers and reads whole, so that any
//! instance can find the owner of a key and ask it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_kafka::{
    Admin, ConnectionSettings, Isolation, LogReader, LogReaderSettings, Next, OutgoingRecord, Producer,
    ProducerSettings, StartAt, StartOffset,
};
use headwater_log::{Offset, Partition, TopicName, TopicPartition};
use headwater_worker::ports::Report;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::clock::Clock;
use crate::settings::{ApplicationSettings, Stop};
use crate::topics;

/// The topic's declared name.
pub const MEMBERS_TOPIC: &str = "headwater.members";

const FLUSH_DEADLINE: Duration = Duration::from_secs(5);
const ENDS_DEADLINE: Duration = Duration::from_secs(10);

/// One worker of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The application it belongs to.
    pub application: String,
    /// The instance.
    pub instance: String,
    /// The worker's number within the instance.
    pub worker: usize,
    /// Where the instance answers queries.
    pub url: String,
    /// Names of the tasks that work there: `order-views/main/3`.
    pub tasks: Vec<String>,
    /// Names of the tasks that it has been given and that do not work yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restoring: Vec<String>,
    /// How many standbys of each task the instance wants there to be; 0 keeps none for others.
    #[serde(default)]
    pub standby_copies: usize,
    /// Names of the tasks that the instance keeps warm for others; in its first worker's record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standbys: Vec<String>,
}

impl Member {
    fn key(&self) -> String {
        format!("{}/{}-{}", self.application, self.instance, self.worker)
    }
}

/// What is known of a worker, and when it was last heard of, in milliseconds of this process's monotonic clock; below 0
/// before the process was there.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) member: Member,
    pub(crate) at_ms: i64,
}

#[derive(Default)]
struct Known {
    heard: BTreeMap<String, Heard>,
    /// Whether the topic was read to where it ended at the start.
    is_complete: bool,
}

type SharedKnown = Arc<Mutex<Known>>;

/// This instance's view of the members topic.
pub(crate) struct MembersTopic {
    view: View,
    publisher: Publisher,
    stopping: Arc<AtomicBool>,
    reader: JoinHandle<()>,
}

/// Reads what is known of all members.
#[derive(Clone)]
pub(crate) struct View(SharedKnown);

impl View {
    /// All that are known, and when each was heard of; None while the topic has not been read through once.
    pub(crate) fn heard(&self) -> Option<Vec<Heard>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.is_complete.then(|| known.heard.values().cloned().collect())
    }
}

/// Writes what this instance's workers hold.
#[derive(Clone)]
pub(crate) struct Publisher {
    producer: Arc<Mutex<Producer>>,
    topic: TopicName,
    template: Member,
    workers: usize,
    /// What was last said, by worker.
    said: Arc<Mutex<BTreeMap<usize, Member>>>,
}

impl Publisher {
    /// Says what a worker holds.
    pub(crate) fn publish(&self, report: &Report) {
        self.say(report.worker, |member| {
            member.tasks.clone_from(&report.running);
            member.restoring.clone_from(&report.restoring);
        });
    }

    /// Says what the instance keeps warm.
    pub(crate) fn publish_standbys(&self, standbys: Vec<String>) {
        self.say(0, |member| member.standbys = standbys);
    }

    /// Says again what was said last: whoever says nothing any more is thought to be gone.
    pub(crate) fn repeat(&self) {
        for worker in 0..self.workers {
            self.say(worker, |_| {});
        }
    }

    fn say(&self, worker: usize, change: impl FnOnce(&mut Member)) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let member = said.entry(worker).or_insert_with(|| Member { worker, ..self.template.clone() });
        change(member);
        match serde_json::to_vec(&member) {
            Ok(value) => self.write(&member.key(), Some(&value)),
            Err(error) => tracing::warn!(%error, "a member's record can't be written"),
        }
    }

    fn write(&self, key: &str, value: Option<&[u8]>) {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        let record = OutgoingRecord {
            partition: Some(Partition::new(0)),
            key: Some(key.as_bytes()),
            value,
            ..OutgoingRecord::default()
        };
        let written = producer
            .topic(&self.topic)
            .and_then(|topic| producer.produce(topic, &record, 0))
            .and_then(|()| producer.flush(FLUSH_DEADLINE));
        // Queries fail with the missing partitions named until the next change; processing does not depend on it.
        let failed = match written {
            Err(error) => Some(error),
            Ok(deliveries) => deliveries.into_iter().find_map(|delivery| delivery.result.err()),
        };
        if let Some(error) = failed {
            tracing::warn!(%error, "the members topic could not be written; queries may miss this instance");
        }
    }

    /// The instance answers no more. Where it keeps standbys and comes back, it stays a member without tasks, so that
    /// the others do not begin to copy what it keeps.
    fn withdraw(&self, how: Stop) {
        for worker in 0..self.workers {
            if how == Stop::Stay && self.template.standby_copies > 0 {
                self.say(worker, |member| (member.tasks, member.restoring) = (Vec::new(), Vec::new()));
            } else {
                self.write(&Member { worker, ..self.template.clone() }.key(), None);
            }
        }
    }
}

impl MembersTopic {
    /// Starts to read and write the topic; None when the instance serves no queries and keeps no standbys.
    pub(crate) fn start(
        connection: &ConnectionSettings,
        settings: &ApplicationSettings,
        clock: Clock,
    ) -> Result<Option<Self>, Error> {
        if settings.advertised_url.is_none() && settings.standbys == 0 {
            return Ok(None);
        }
        let topic = topics::real_name(MEMBERS_TOPIC, connection.prefix())?;
        let admin = Admin::new(connection, Duration::from_secs(10)).map_err(crate::error::from_kafka)?;
        if admin.describe_topic(&topic).map_err(crate::error::from_kafka)?.is_none() {
            return Err(Error::Configuration(format!("topic {topic} is not there: run `headwater topics apply`")));
        }
        let producer = Producer::new(connection, &ProducerSettings { linger_ms: 0, ..ProducerSettings::default() })
            .map_err(crate::error::from_kafka)?;
        let template = Member {
            application: settings.application.clone(),
            instance: settings.instance.clone(),
            worker: 0,
            url: settings.advertised_url.clone().unwrap_or_default(),
            tasks: Vec::new(),
            restoring: Vec::new(),
            standby_copies: settings.standbys,
            standbys: Vec::new(),
        };
        let publisher = Publisher {
            producer: Arc::new(Mutex::new(producer)),
            topic: topic.clone(),
            template,
            workers: settings.workers.max(1),
            said: Arc::default(),
        };
        let view = View(SharedKnown::default());
        let stopping = Arc::new(AtomicBool::new(false));
        let mut reader =
            LogReader::new(connection, &LogReaderSettings { prefetch_kbytes: 256, ..LogReaderSettings::default() })
                .map_err(crate::error::from_kafka)?;
        let partition = TopicPartition::new(topic, Partition::new(0));
        let ends = reader
            .handle()
            .ends(std::slice::from_ref(&partition), Isolation::ReadUncommitted, ENDS_DEADLINE)
            .map_err(crate::error::from_kafka)?;
        let end = ends.first().map_or(Offset::ZERO, |(_, end)| *end);
        let at = partition.clone();
        reader.assign(&[StartAt { partition, offset: StartOffset::Beginning }]).map_err(crate::error::from_kafka)?;
        let reader = {
            let (view, stopping) = (view.clone(), Arc::clone(&stopping));
            std::thread::Builder::new()
                .name("headwater-members".to_owned())
                .spawn(move || follow(&mut reader, &view, &stopping, (&at, end), clock))
                .map_err(|error| Error::Configuration(format!("the members' thread can't be started: {error}")))?
        };
        Ok(Some(Self { view, publisher, stopping, reader }))
    }

    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        let known = self.view.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.heard.values().filter(|heard| !heard.member.url.is_empty()).map(|heard| heard.member.clone()).collect()
    }

    pub(crate) fn view(&self) -> View {
        self.view.clone()
    }

    pub(crate) fn stop(self, how: Stop) {
        self.publisher.withdraw(how);
        self.stopping.store(true, Ordering::Relaxed);
        let _panicked = self.reader.join();
    }
}

/// `until` is where the topic ended at the start.
fn follow(reader: &mut LogReader, view: &View, stopping: &AtomicBool, until: (&TopicPartition, Offset), clock: Clock) {
    const WAIT: Duration = Duration::from_millis(200);
    let mut is_past = until.1 > Offset::ZERO;
    while !stopping.load(Ordering::Relaxed) {
        let now_ms = i64::try_from(clock.monotonic().as_millis()).unwrap_or(i64::MAX);
        let wall_ms = clock.wall().as_millis();
        let polled = reader.poll(WAIT, 1_000, |record| {
            let key = record.key().map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default();
            let mut known = view.0.lock().unwrap_or_else(PoisonError::into_inner);
            // What comes was said just now, whatever the other machine's clock says; only the past is dated by it.
            let age_ms = if is_past { wall_ms.saturating_sub(record.timestamp_ms()).max(0) } else { 0 };
            let at_ms = now_ms.saturating_sub(age_ms);
            match record.value().map(serde_json::from_slice::<Member>) {
                Some(Ok(member)) => {
                    known.heard.insert(key, Heard { member, at_ms });
                }
                Some(Err(error)) => tracing::warn!(key, %error, "a member's record can't be read"),
                None => {
                    known.heard.remove(&key);
                }
            }
            Next::Continue
        });
        match polled {
            Ok(polled) => {
                for error in polled.errors {
                    tracing::debug!(%error, "members");
                }
            }
            Err(error) => {
                tracing::error!(%error, "the members topic can't be read any more; queries reach this instance only");
                return;
            }
        }
        let position = reader.position(until.0).ok().flatten();
        if !is_past || position >= Some(until.1) {
            is_past = false;
            view.0.lock().unwrap_or_else(PoisonError::into_inner).is_complete = true;
        }
    }
}
