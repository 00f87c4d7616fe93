use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use headwater_log::partition_of_key;
use headwater_tests::deadline::wait_for;
use headwater_tests::ended::Ended;
use headwater_tests::platform::Platform;
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use serde_json::json;

use crate::kind::{Kind, Place, Sending, good_order};

/// Where a record has landed.
#[derive(Debug, Clone)]
pub struct Landed {
    pub topic: &'static str,
    pub partition: i32,
    pub offset: i64,
    pub value: Option<Vec<u8>>,
}

/// What was sent of a kind.
#[derive(Debug, Clone)]
pub struct Sent {
    pub id: String,
    pub landed: Vec<Landed>,
}

/// Sends broken input, and a good order behind each.
pub struct Shop {
    plain: BaseProducer<Deliveries>,
    compressing: BaseProducer<Deliveries>,
    ended: Ended,
    partitions: NonZeroU32,
    sent: Vec<Sent>,
    good: std::collections::BTreeSet<String>,
}

impl Shop {
    pub fn open(platform: &Platform) -> Self {
        let shop = Self {
            plain: producer(platform, "none"),
            compressing: producer(platform, "zstd"),
            ended: Ended::follow(platform),
            partitions: NonZeroU32::new(platform.partitions("orders.commands")).unwrap(),
            sent: Vec::new(),
            good: std::collections::BTreeSet::new(),
        };
        shop.receive("PLENTY");
        shop
    }

    fn receive(&self, sku: &str) {
        let value = json!({"type": "ReceiveStock", "sku": sku, "quantity": 1_000_000});
        let sending = Sending::order(value.to_string()).on("inventory.commands").key(sku);
        self.deliver(&sending, self.partition_of(sku));
    }

    fn partition_of(&self, id: &str) -> i32 {
        i32::try_from(partition_of_key(id.as_bytes(), self.partitions).get()).unwrap()
    }

    /// Sends a kind's records, then a good order to the last one's partition.
    pub fn send(&mut self, number: usize, kind: &Kind) {
        let id = format!("broken-{number:03}");
        let mut landed = Vec::new();
        for sending in (kind.records)(&id, &kind.schemas) {
            let step = i32::from(sending.place == Place::Wrong);
            let partition = (self.partition_of(&id) + step) % i32::try_from(self.partitions.get()).unwrap();
            landed.push(self.deliver(&sending, partition));
        }
        let last = landed.last().unwrap();
        let behind = |prefix: &str| {
            let ids = (0..).map(|try_number| format!("{prefix}-{number:03}-{try_number}"));
            ids.into_iter().find(|id| self.partition_of(id) == last.partition).unwrap()
        };
        let (order, mut value) = (behind("good"), good_order(""));
        value["order_id"] = order.clone().into();
        if last.topic == "inventory.commands" {
            // The good command behind it is a delivery of stock, which an order then wants.
            let sku = behind("good-sku");
            self.receive(&sku);
            value["items"][0]["sku"] = sku.into();
        }
        self.deliver(&Sending::order(value.to_string()).key(&order), self.partition_of(&order));
        self.good.insert(order);
        self.sent.push(Sent { id, landed });
    }

    /// Sends one record, and says where it landed.
    fn deliver(&self, sending: &Sending, partition: i32) -> Landed {
        let producer = if sending.compressed { &self.compressing } else { &self.plain };
        let mut headers = OwnedHeaders::new();
        for (key, value) in &sending.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let mut record = BaseRecord::<'_, str, [u8]>::to(sending.topic).partition(partition);
        if !sending.headers.is_empty() {
            record = record.headers(headers);
        }
        if let Some(key) = &sending.key {
            record = record.key(key.as_str());
        }
        if let Some(value) = &sending.value {
            record = record.payload(value.as_slice());
        }
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(Duration::from_secs(20)).unwrap();
        let (partition, offset) = producer.context().0.lock().unwrap().pop().expect("a delivery report").unwrap();
        Landed { topic: sending.topic, partition, offset, value: sending.value.clone() }
    }

    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    pub fn good_orders(&self) -> usize {
        self.good.len()
    }

    pub fn wait_until_the_good_orders_are_delivered(&self, within: Duration, mut check: impl FnMut()) {
        wait_for("the good orders end", within, || {
            check();
            let missing = self.ended.missing(&self.good);
            if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
        });
    }
}

fn producer(platform: &Platform, compression: &str) -> BaseProducer<Deliveries> {
    ClientConfig::new()
        .set("bootstrap.servers", &platform.bootstrap)
        .set("message.max.bytes", "10000000")
        .set("compression.type", compression)
        .set("linger.ms", "0")
        .create_with_context(Deliveries::default())
        .unwrap()
}

/// Where records landed, in the order of their reports.
#[derive(Default)]
struct Deliveries(Mutex<Vec<Result<(i32, i64), String>>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let place = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.to_string()),
        };
        self.0.lock().unwrap().push(place);
    }
}
