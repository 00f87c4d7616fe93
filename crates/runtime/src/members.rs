//! Who holds which task: a compacted topic that every instance writes for its own workers and reads whole, so that any
//! instance can find the owner of a key and ask it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_kafka::{
    Admin, ConnectionSettings, LogReader, LogReaderSettings, Next, OutgoingRecord, Producer, ProducerSettings, StartAt,
    StartOffset,
};
use headwater_log::{Partition, TopicName, TopicPartition};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::settings::ApplicationSettings;
use crate::topics;

/// The topic's declared name.
pub const MEMBERS_TOPIC: &str = "headwater.members";

const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

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
}

impl Member {
    fn key(&self) -> String {
        format!("{}/{}-{}", self.application, self.instance, self.worker)
    }
}

type Known = Arc<Mutex<BTreeMap<String, Member>>>;

/// This instance's view of the members topic.
pub(crate) struct MembersTopic {
    known: Known,
    publisher: Publisher,
    stopping: Arc<AtomicBool>,
    reader: JoinHandle<()>,
}

/// Writes what this instance's workers hold.
#[derive(Clone)]
pub(crate) struct Publisher {
    producer: Arc<Mutex<Producer>>,
    topic: TopicName,
    template: Member,
    workers: usize,
}

impl Publisher {
    pub(crate) fn publish(&self, worker: usize, tasks: &[String]) {
        let member = Member { worker, tasks: tasks.to_vec(), ..self.template.clone() };
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

    fn withdraw(&self) {
        for worker in 0..self.workers {
            let key = Member { worker, ..self.template.clone() }.key();
            self.write(&key, None);
        }
    }
}

impl MembersTopic {
    /// Starts to read and write the topic; None when the instance serves no queries.
    pub(crate) fn start(
        connection: &ConnectionSettings,
        settings: &ApplicationSettings,
    ) -> Result<Option<Self>, Error> {
        let Some(url) = settings.advertised_url.clone() else { return Ok(None) };
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
            url,
            tasks: Vec::new(),
        };
        let publisher = Publisher {
            producer: Arc::new(Mutex::new(producer)),
            topic: topic.clone(),
            template,
            workers: settings.workers.max(1),
        };
        let known = Known::default();
        let stopping = Arc::new(AtomicBool::new(false));
        let mut reader =
            LogReader::new(connection, &LogReaderSettings { prefetch_kbytes: 256, ..LogReaderSettings::default() })
                .map_err(crate::error::from_kafka)?;
        let partition = TopicPartition::new(topic, Partition::new(0));
        reader.assign(&[StartAt { partition, offset: StartOffset::Beginning }]).map_err(crate::error::from_kafka)?;
        let reader = {
            let (known, stopping) = (Arc::clone(&known), Arc::clone(&stopping));
            std::thread::Builder::new()
                .name("headwater-members".to_owned())
                .spawn(move || follow(&mut reader, &known, &stopping))
                .map_err(|error| Error::Configuration(format!("the members' thread can't be started: {error}")))?
        };
        Ok(Some(Self { known, publisher, stopping, reader }))
    }

    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(crate) fn stop(self) {
        self.publisher.withdraw();
        self.stopping.store(true, Ordering::Relaxed);
        let _panicked = self.reader.join();
    }
}

fn follow(reader: &mut LogReader, known: &Known, stopping: &AtomicBool) {
    const WAIT: Duration = Duration::from_millis(200);
    while !stopping.load(Ordering::Relaxed) {
        let polled = reader.poll(WAIT, 1_000, |record| {
            let key = record.key().map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default();
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            match record.value().map(serde_json::from_slice::<Member>) {
                Some(Ok(member)) => {
                    known.insert(key, member);
                }
                Some(Err(error)) => tracing::warn!(key, %error, "a member's record can't be read"),
                None => {
                    known.remove(&key);
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
    }
}
