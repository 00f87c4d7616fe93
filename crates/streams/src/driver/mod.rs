//! The test driver: every task of some topologies, synchronously, with logs in memory and a virtual clock.

mod clock;
mod log;
mod options;
mod reading;
mod rebuilding;
mod running;
mod sending;

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_event::Timestamp;
use headwater_log::{Offset, Partition};

pub use options::DriverOptions;
pub use reading::{Received, StoreView};
pub use running::{CallHandler, OpenCall};

use self::log::TopicLog;
use self::running::Running;
use crate::{Counters, Error, LocalSchemas, TaskEnvironment, Timer, TopicRef, Topology};

/// Runs topologies without a broker. Whatever is sent is worked through at once, and committed unless told otherwise.
///
/// ```
/// # use headwater_streams::{TestDriver, Error};
/// # fn with(topology: &headwater_streams::Topology) -> Result<(), Error> {
/// let mut driver = TestDriver::new(topology)?;
/// driver.send_json("orders.commands", r#"{"type":"PlaceOrder","order_id":"o-1"}"#)?;
/// driver.advance(30 * 60_000)?;
/// assert_eq!(driver.outputs("orders.events")?.len(), 2);
/// # Ok(())
/// # }
/// ```
pub struct TestDriver {
    environment: Arc<TaskEnvironment>,
    schemas: Arc<LocalSchemas>,
    logs: Vec<TopicLog>,
    tasks: Vec<Running>,
    now: Timestamp,
    auto_commit: bool,
    handler: Option<Box<CallHandler>>,
    counters: Counters,
    /// How many roots were sent: their ids are made of it.
    roots: u64,
    /// What `take_outputs` has given out, by topic and partition.
    taken: BTreeMap<(TopicRef, u32), i64>,
}

impl TestDriver {
    /// A driver for one topology, with one partition for each topic.
    ///
    /// # Errors
    /// As [`crate::Task::new`].
    pub fn new(topology: &Topology) -> Result<Self, Error> {
        Self::with(&[topology], &DriverOptions::default())
    }

    /// A driver for several topologies that are connected by their topics.
    ///
    /// # Errors
    /// As [`crate::Task::new`].
    pub fn with(topologies: &[&Topology], options: &DriverOptions) -> Result<Self, Error> {
        let schemas = Arc::new(LocalSchemas::new());
        let environment = Arc::new(options.environment(topologies, Arc::clone(&schemas))?);
        let logs = environment.topics().iter().map(|facts| TopicLog::new(facts.partitions.get())).collect();
        let mut driver = Self {
            environment,
            schemas,
            logs,
            tasks: Vec::new(),
            now: options.start,
            auto_commit: true,
            handler: None,
            counters: Counters::default(),
            roots: 0,
            taken: BTreeMap::new(),
        };
        for &topology in topologies {
            for (number, subtopology) in topology.subtopologies().iter().enumerate() {
                let topic = subtopology.sources.first().and_then(|source| driver.environment.find(&source.topic));
                let partitions = topic.and_then(|topic| driver.environment.topic(topic));
                for partition in 0..partitions.map_or(0, |facts| facts.partitions.get()) {
                    let environment = Arc::clone(&driver.environment);
                    driver.tasks.push(Running::start(topology, number, Partition::new(partition), environment)?);
                }
            }
        }
        Ok(driver)
    }

    /// Answers calls with a function as soon as they start; None leaves a call open for [`TestDriver::complete_call`].
    pub fn on_call(&mut self, handler: Box<CallHandler>) {
        self.handler = Some(handler);
    }

    /// Whether everything is committed once it has been worked through; on at first.
    pub fn auto_commit(&mut self, on: bool) {
        self.auto_commit = on;
    }

    /// The virtual clock.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// What the tasks counted.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The environment of the tasks.
    #[must_use]
    pub fn environment(&self) -> &TaskEnvironment {
        &self.environment
    }

    /// Timers of all tasks.
    ///
    /// # Errors
    /// State that can't be read.
    pub fn timers(&self) -> Result<Vec<Timer>, Error> {
        let mut timers = Vec::new();
        for running in &self.tasks {
            let of_task = running.task.timers(usize::MAX, &running.base);
            timers.extend(of_task.map_err(|error| Error::new("test driver", error.message))?);
        }
        Ok(timers)
    }

    /// The ends of a topic's partitions.
    ///
    /// # Errors
    /// A topic that no topology names.
    pub fn ends(&self, topic: &str) -> Result<Vec<Offset>, Error> {
        let log = self.log(self.find(topic)?)?;
        Ok((0..log.partitions()).map(|partition| log.end(Partition::new(partition))).collect())
    }

    fn find(&self, topic: &str) -> Result<TopicRef, Error> {
        let unknown = || Error::new("test driver", format!("no topology names topic {topic}"));
        self.environment.find(topic).ok_or_else(unknown)
    }

    fn log(&self, topic: TopicRef) -> Result<&TopicLog, Error> {
        self.logs.get(topic.index()).ok_or_else(|| Error::new("test driver", "topic of another environment"))
    }

    fn log_mut(&mut self, topic: TopicRef) -> Result<&mut TopicLog, Error> {
        self.logs.get_mut(topic.index()).ok_or_else(|| Error::new("test driver", "topic of another environment"))
    }
}
