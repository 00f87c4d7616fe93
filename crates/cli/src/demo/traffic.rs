//! Sends commands, a bounded number of orders under way at a time, and watches until each has ended.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use headwater_contracts::inventory::ProductView;
use headwater_contracts::orders::{CommandRejected, OrderView};
use headwater_contracts::sagas::SagaView;
use headwater_contracts::topics;
use headwater_event::Message;
use headwater_kafka::{
    Admin, ConnectionSettings, LogReader, LogReaderSettings, Next, OutgoingRecord, Producer, ProducerSettings, Record,
    StartAt, StartOffset, TopicHandle,
};
use headwater_log::{TopicName, TopicPartition};
use headwater_schema::registry_client::{BlockingRegistry, ClientSettings};
use headwater_schema::schema_book::BookSettings;
use headwater_schema::{SchemaBook, wire};
use indicatif::ProgressBar;

use super::outcome::Outcome;
use super::shop::Stock;
use crate::Error;
use crate::clock;

const CALL_DEADLINE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(2);
const RECORDS_PER_POLL: usize = 5_000;

/// Commands to send, by key.
pub type Commands = Vec<(String, String)>;

/// What was seen of the orders.
#[derive(Debug, Default)]
pub struct Seen {
    /// How each order ended.
    pub outcomes: BTreeMap<String, Outcome>,
    /// From sending the command to reading the view of the order's end, for each order that was created.
    pub latencies: Vec<Duration>,
    /// The order whose saga took longest, and how long, in milliseconds.
    pub slowest: Option<(String, i64)>,
    /// Sagas in which something happened that the choreography does not allow.
    pub anomalies: Vec<String>,
    /// The latest of each product.
    pub products: BTreeMap<String, ProductView>,
    /// When commands of orders not yet ended were sent.
    sent: HashMap<String, Instant>,
    sagas_ended: HashSet<String>,
}

/// A client of the demo: sends as people do, and reads what everybody may read.
pub struct Client {
    producer: Producer,
    reader: LogReader,
    schemas: SchemaBook,
    connection: ConnectionSettings,
    names: Names,
}

/// The topics that are read, by their names on the cluster.
struct Names {
    views: String,
    sagas: String,
    replies: String,
    products: String,
}

impl Client {
    /// A client that reads from the beginning.
    ///
    /// # Errors
    /// When the cluster or the registry can't be reached.
    pub fn new(connection: ConnectionSettings, registry: &str) -> Result<Self, Error> {
        let real = |name: &str| Ok::<_, Error>(connection.prefix().apply(&TopicName::new(name)?)?);
        let read = [
            topics::ORDERS_VIEWS.name(),
            topics::SAGAS_VIEWS.name(),
            topics::ORDERS_REPLIES.name(),
            topics::INVENTORY_PRODUCTS.name(),
        ]
        .map(real);
        let [views, sagas, replies, products] = read;
        let (views, sagas, replies, products) = (views?, sagas?, replies?, products?);
        let admin = Admin::new(&connection, CALL_DEADLINE)?;
        let mut starts = Vec::new();
        for (_, described) in
            admin.describe_topics(&[views.clone(), sagas.clone(), replies.clone(), products.clone()])?
        {
            let described = described?;
            starts.extend(described.partitions.iter().map(|partition| StartAt {
                partition: TopicPartition::new(described.name.clone(), partition.partition),
                offset: StartOffset::Beginning,
            }));
        }
        let mut reader = LogReader::new(&connection, &LogReaderSettings::default())?;
        reader.assign(&starts)?;
        let producer = Producer::new(&connection, &ProducerSettings { linger_ms: 1, ..ProducerSettings::default() })?;
        let registry = BlockingRegistry::new(ClientSettings::from_urls(registry)?)?;
        let schemas = SchemaBook::new(Box::new(registry), BookSettings::default());
        let names = Names {
            views: views.to_string(),
            sagas: sagas.to_string(),
            replies: replies.to_string(),
            products: products.to_string(),
        };
        Ok(Self { producer, reader, schemas, connection, names })
    }

    fn topic(&mut self, declared: &str) -> Result<TopicHandle, Error> {
        let name = self.connection.prefix().apply(&TopicName::new(declared)?)?;
        Ok(self.producer.topic(&name)?)
    }

    /// Sends stock commands, and waits until every SKU is known.
    ///
    /// # Errors
    /// Failed, when nothing has become known for as long as `patience`.
    pub fn stock(
        &mut self,
        stock: &Stock,
        seen: &mut Seen,
        patience: Duration,
        bar: &ProgressBar,
    ) -> Result<(), Error> {
        let topic = self.topic(topics::INVENTORY_COMMANDS.name())?;
        let commands = stock.commands();
        for (sku, command) in &commands {
            self.send(topic, sku, command)?;
        }
        let mut known = 0;
        let mut advanced = clock::moment();
        while known < commands.len() {
            self.check_deliveries()?;
            self.read(seen)?;
            let now = commands.iter().filter(|(sku, _)| seen.has(sku, stock)).count();
            if now > known {
                (known, advanced) = (now, clock::moment());
                bar.set_position(u64::try_from(known).unwrap_or(u64::MAX));
            }
            if advanced.elapsed() > patience {
                return Err(Error::failed(format!(
                    "{known} of {} SKUs are in stock, and none has been added for {} s: see the log, and `headwater dlq list`",
                    commands.len(),
                    patience.as_secs()
                )));
            }
        }
        Ok(())
    }

    /// Sends orders, at most `in_flight` under way at a time, and waits until each has ended.
    ///
    /// # Errors
    /// Failed, when no order has ended for as long as `patience`, naming some that have not.
    pub fn orders(
        &mut self,
        commands: &Commands,
        in_flight: usize,
        seen: &mut Seen,
        patience: Duration,
        bar: &ProgressBar,
    ) -> Result<(), Error> {
        let topic = self.topic(topics::ORDERS_COMMANDS.name())?;
        let mut waiting = commands.iter();
        let (mut ended, mut advanced) = (0, clock::moment());
        loop {
            while seen.sent.len() < in_flight.max(1) {
                let Some((order, command)) = waiting.next() else { break };
                self.send(topic, order, command)?;
                seen.sent.insert(order.clone(), clock::moment());
            }
            if seen.sent.is_empty() {
                return Ok(());
            }
            self.check_deliveries()?;
            self.read(seen)?;
            let now = seen.ended();
            if now > ended {
                (ended, advanced) = (now, clock::moment());
                bar.set_position(u64::try_from(ended).unwrap_or(u64::MAX));
            }
            if advanced.elapsed() > patience {
                let mut stuck: Vec<&str> = seen.sent.keys().map(String::as_str).take(5).collect();
                stuck.sort_unstable();
                return Err(Error::failed(format!(
                    "{ended} of {} orders have ended, and none more for {} s; waiting for {} and others",
                    commands.len(),
                    patience.as_secs(),
                    stuck.join(", ")
                )));
            }
        }
    }

    /// Reads until every product accounts for its units, or `patience` is over.
    ///
    /// # Errors
    /// When reading fails.
    pub fn settle(
        &mut self,
        seen: &mut Seen,
        patience: Duration,
        is_settled: impl Fn(&Seen) -> bool,
    ) -> Result<(), Error> {
        let deadline = clock::Deadline::after(patience);
        while !is_settled(seen) && !deadline.has_passed() {
            self.read(seen)?;
        }
        Ok(())
    }

    fn send(&mut self, topic: TopicHandle, key: &str, value: &str) -> Result<(), Error> {
        let record =
            OutgoingRecord { key: Some(key.as_bytes()), value: Some(value.as_bytes()), ..OutgoingRecord::default() };
        Ok(self.producer.produce(topic, &record, 0)?)
    }

    fn check_deliveries(&mut self) -> Result<(), Error> {
        for delivery in self.producer.deliveries(Duration::ZERO) {
            delivery.result.map_err(|error| Error::from(error).context("a command was not written"))?;
        }
        Ok(())
    }

    fn read(&mut self, seen: &mut Seen) -> Result<(), Error> {
        let (schemas, names) = (&self.schemas, &self.names);
        let mut failed = None;
        let polled = self.reader.poll(POLL, RECORDS_PER_POLL, |record| {
            if let Err(error) = take(record, schemas, names, seen) {
                failed.get_or_insert(error);
            }
            Next::Continue
        })?;
        match failed.or_else(|| polled.errors.into_iter().find(|error| !error.is_retriable()).map(Error::from)) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

fn take(record: &Record<'_>, schemas: &SchemaBook, names: &Names, seen: &mut Seen) -> Result<(), Error> {
    let Some(value) = record.value() else { return Ok(()) };
    let topic = record.topic();
    if topic == names.views {
        seen.view(&decode(value, schemas)?);
    } else if topic == names.sagas {
        seen.saga(&decode(value, schemas)?);
    } else if topic == names.replies {
        seen.reply(decode(value, schemas)?);
    } else if topic == names.products {
        let product: ProductView = decode(value, schemas)?;
        seen.products.insert(product.sku.to_string(), product);
    }
    Ok(())
}

fn decode<M: Message>(value: &[u8], schemas: &SchemaBook) -> Result<M, Error> {
    let (id, body) = wire::decode(value).map_err(|error| Error::failed(error.to_string()))?;
    Ok(schemas.writer(id)?.decode(body)?)
}

impl Seen {
    /// Orders that have ended for everybody: the customer's view says so, and the saga's.
    fn ended(&self) -> usize {
        self.outcomes.len().saturating_sub(self.half_ended())
    }

    /// Whether a SKU is in the catalogue, with all that was received of it.
    fn has(&self, sku: &str, stock: &Stock) -> bool {
        let units = stock.received.get(sku).copied().unwrap_or_default();
        self.products.get(sku).is_some_and(|product| product.received >= units)
    }

    fn half_ended(&self) -> usize {
        self.outcomes.keys().filter(|order| self.sent.contains_key(*order)).count()
    }

    fn view(&mut self, view: &OrderView) {
        let outcome = match view.status.as_str() {
            "delivered" => Outcome::Delivered,
            "cancelled" => Outcome::Cancelled(view.cancellation_reason.clone().unwrap_or_default()),
            _ => return,
        };
        let order = view.order_id.to_string();
        if self.outcomes.insert(order.clone(), outcome).is_none()
            && let Some(sent) = self.sent.get(&order)
        {
            self.latencies.push(sent.elapsed());
        }
        self.finish(&order);
    }

    fn saga(&mut self, saga: &SagaView) {
        let Some(ended_at) = saga.ended_at else { return };
        let order = saga.order_id.to_string();
        let took_ms = ended_at.since_ms(saga.started_at);
        if self.slowest.as_ref().is_none_or(|(_, slowest_ms)| took_ms > *slowest_ms) {
            self.slowest = Some((order.clone(), took_ms));
        }
        if !saga.anomalies.is_empty() {
            self.anomalies.push(format!("{order}: {}", saga.anomalies.join(", ")));
        }
        self.sagas_ended.insert(order.clone());
        self.finish(&order);
    }

    fn reply(&mut self, rejected: CommandRejected) {
        let order = rejected.order_id.to_string();
        self.sent.remove(&order);
        // `quantity_not_positive: quantity must be at least 1, not -1`: the stable word comes first.
        let word = rejected.reason.split(':').next().unwrap_or_default().to_owned();
        self.outcomes.entry(order).or_insert(Outcome::Rejected(word));
    }

    fn finish(&mut self, order: &str) {
        if self.sagas_ended.contains(order) && self.outcomes.contains_key(order) {
            self.sent.remove(order);
        }
    }
}
