//! The records of `__transaction_state`, in Kafka's own format.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::machine::{Producer, State, Transaction};
use crate::cluster::topic::TopicPartition;
use crate::cluster::wire::{Reader, Writer};

/// The key of a transactional id.
pub(crate) fn key(transactional_id: &str) -> Bytes {
    Writer::default().i16(0).text(transactional_id).finish()
}

/// The value of a transactional id.
pub(crate) fn value(transaction: &Transaction) -> Bytes {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for at in &transaction.partitions {
        topics.entry(&at.topic).or_default().push(at.partition);
    }
    let mut out = Writer::default()
        .i16(0)
        .i64(transaction.producer.id)
        .i16(transaction.producer.epoch)
        .i32(transaction.timeout_ms)
        .i8(transaction.state as i8);
    // Kafka writes null for a transaction without partitions in the state Empty.
    if transaction.state == State::Empty {
        out = out.i32(-1);
    } else {
        out = out.i32(topics.len() as i32);
        for (topic, partitions) in topics {
            out = out.text(topic).i32(partitions.len() as i32);
            for partition in partitions {
                out = out.i32(partition);
            }
        }
    }
    out.i64(transaction.updated_ms).i64(transaction.started_ms).finish()
}

/// Reads a key.
pub(crate) fn read_key(bytes: &[u8]) -> Option<String> {
    let mut reader = Reader::new(bytes);
    (reader.i16()? == 0).then_some(())?;
    reader.text()
}

/// Reads a value.
pub(crate) fn read_value(bytes: &[u8]) -> Option<Transaction> {
    let mut reader = Reader::new(bytes);
    (reader.i16()? == 0).then_some(())?;
    let producer = Producer { id: reader.i64()?, epoch: reader.i16()? };
    let timeout_ms = reader.i32()?;
    let state = State::from_number(reader.i8()?)?;
    let mut transaction = Transaction::new(producer.id, timeout_ms, 0);
    transaction.producer = producer;
    transaction.state = state;
    for _ in 0..reader.i32()?.max(0) {
        let topic = reader.text()?;
        for _ in 0..reader.i32()? {
            transaction.partitions.insert(TopicPartition::new(&topic, reader.i32()?));
        }
    }
    transaction.updated_ms = reader.i64()?;
    transaction.started_ms = reader.i64()?;
    Some(transaction)
}

/// Reads a record and writes what it read, for fuzzing.
pub(crate) fn rewritten(id: &[u8], transaction: &[u8]) -> Option<(Bytes, Bytes)> {
    Some((key(&read_key(id)?), value(&read_value(transaction)?)))
}

#[cfg(test)]
mod tests;
