use std::time::Duration;

use headwater_contracts::inventory::{DefineProduct, ReceiveStock};
use headwater_contracts::topics::INVENTORY_COMMANDS;
use headwater_event::{Currency, Envelope, EventId, Message, Money, Sku};
use headwater_kafka::{ConnectionSettings, OutgoingRecord, Producer, ProducerSettings};
use headwater_log::{Headers, TopicName};

use crate::Error;
use crate::clock::{self, Deadline};
use crate::query::{Answer, Asker, Failure, Query};

/// sku, name, price in pence, units.
const PRODUCTS: [(&str, &str, i64, i64); 3] =
    [("prod-001", "Laptop", 99_999, 100), ("prod-002", "Mouse", 2_999, 500), ("prod-003", "Keyboard", 14_999, 200)];
const DEADLINE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(10);

/// Defines and receives the products that every tour begins with, where they are absent.
///
/// # Errors
/// Failed, when they can't be sent, or are not there in time.
pub async fn products(asker: &Asker, connection: ConnectionSettings) -> Result<(), Error> {
    let mut absent = Vec::new();
    for product in PRODUCTS {
        if !is_there(asker, product.0).await? {
            absent.push(product);
        }
    }
    if absent.is_empty() {
        return Ok(());
    }
    let skus: Vec<&str> = absent.iter().map(|(sku, ..)| *sku).collect();
    tokio::task::spawn_blocking(move || send(&connection, &absent)).await??;
    let deadline = Deadline::after(DEADLINE);
    for sku in skus {
        while !is_there(asker, sku).await? {
            if deadline.has_passed() {
                return Err(Error::failed(format!(
                    "product {sku} was received, and is not in stock after {DEADLINE:?}"
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

/// Whether a product is there, with what was received of it.
async fn is_there(asker: &Asker, sku: &str) -> Result<bool, Error> {
    match asker.ask(Query::Product { sku: sku.to_owned() }).await {
        Ok(Answer::Product(Some(product))) => Ok(product.received > 0),
        Ok(_) => Ok(false),
        // Its partition is on its way from one worker to another.
        Err(Failure::Missing { .. }) => Ok(false),
        Err(Failure::Broken(why)) => Err(Error::failed(format!("product {sku}: {why}"))),
    }
}

fn send(connection: &ConnectionSettings, products: &[(&str, &str, i64, i64)]) -> Result<(), Error> {
    let mut producer = Producer::new(connection, &ProducerSettings { linger_ms: 0, ..ProducerSettings::default() })?;
    let topic = producer.topic(&connection.prefix().apply(&TopicName::new(INVENTORY_COMMANDS.name())?)?)?;
    let pounds = Currency::new("GBP")?;
    for (sku, name, price, quantity) in products {
        let sku = Sku::new(sku)?;
        let define = DefineProduct {
            sku: sku.clone(),
            name: (*name).to_owned(),
            description: String::new(),
            price: Money::new(*price, pounds),
        };
        let receive = ReceiveStock { sku: sku.clone(), quantity: *quantity };
        for (value, headers) in [as_typed(&define)?, as_typed(&receive)?] {
            let record = OutgoingRecord {
                key: Some(sku.as_str().as_bytes()),
                value: Some(value.as_bytes()),
                headers: Some(&headers),
                ..OutgoingRecord::default()
            };
            producer.produce(topic, &record, 0)?;
        }
    }
    for delivery in producer.flush(DEADLINE)? {
        delivery.result?;
    }
    Ok(())
}

/// A command as people type it, with an id that is the same whenever it is sent, so that it counts once.
fn as_typed<M: Message>(message: &M) -> Result<(String, Headers), Error> {
    let unwritable = |error: serde_json::Error| Error::failed(format!("{} is no JSON: {error}", M::FULL_NAME));
    let mut value = serde_json::to_value(message).map_err(unwritable)?;
    let short = M::FULL_NAME.rsplit('.').next().unwrap_or(M::FULL_NAME);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("type".to_owned(), short.into());
    }
    let id = EventId::of_text(&format!("seed {} {}", message.subject(), short));
    let mut headers = Headers::default();
    Envelope::root(id, "/headwater/dev", M::FULL_NAME, message.subject(), clock::now()).write(&mut headers);
    Ok((value.to_string(), headers))
}
