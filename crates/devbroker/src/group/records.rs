//! The records of `__consumer_offsets`, in Kafka's own format, so that Kafka's tools can read them.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::machine::{Group, State};
use super::member::Member;
use super::offsets::Committed;
use crate::cluster::topic::TopicPartition;
use crate::cluster::wire::{Reader, Writer};

/// What a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// A committed offset (key versions 0 and 1).
    Offset {
        /// The group.
        group: String,
        /// The partition.
        at: TopicPartition,
    },
    /// A group's generation and members (key version 2).
    Group(String),
}

const OFFSET_KEY_VERSION: i16 = 1;
const GROUP_KEY_VERSION: i16 = 2;
/// Last versions of both values before the flexible encoding.
const VALUE_VERSION: i16 = 3;

/// The key of a committed offset.
pub(crate) fn offset_key(group: &str, at: &TopicPartition) -> Bytes {
    Writer::default().i16(OFFSET_KEY_VERSION).text(group).text(&at.topic).i32(at.partition).finish()
}

/// The value of a committed offset.
pub(crate) fn offset_value(committed: &Committed) -> Bytes {
    Writer::default()
        .i16(VALUE_VERSION)
        .i64(committed.offset)
        .i32(committed.leader_epoch)
        .text(&committed.metadata)
        .i64(committed.commit_time_ms)
        .finish()
}

/// The key of a group.
pub(crate) fn group_key(group: &str) -> Bytes {
    Writer::default().i16(GROUP_KEY_VERSION).text(group).finish()
}

/// The value of a group: its generation, and its members with their assignments.
pub(crate) fn group_value(group: &Group) -> Bytes {
    let mut out = Writer::default()
        .i16(VALUE_VERSION)
        .text(group.protocol_type.as_deref().unwrap_or_default())
        .i32(group.generation)
        .optional_text(group.protocol_name.as_deref())
        .optional_text(group.leader.as_deref())
        .i64(group.state_since_ms)
        .i32(group.members.len() as i32);
    let protocol = group.protocol_name.as_deref().unwrap_or_default();
    for member in group.members.values() {
        out = out
            .text(&member.id)
            .optional_text(member.instance_id.as_deref())
            .text(&member.client_id)
            .text(&member.client_host)
            .i32(member.rebalance_timeout_ms)
            .i32(member.session_timeout_ms)
            .blob(&member.subscription(protocol))
            .blob(&member.assignment);
    }
    out.finish()
}

/// Reads a key; `None` for kinds that this broker does not write.
pub(crate) fn read_key(bytes: &[u8]) -> Option<Key> {
    let mut reader = Reader::new(bytes);
    match reader.i16()? {
        0 | OFFSET_KEY_VERSION => Some(Key::Offset {
            group: reader.text()?,
            at: TopicPartition { topic: reader.text()?, partition: reader.i32()? },
        }),
        GROUP_KEY_VERSION => Some(Key::Group(reader.text()?)),
        _ => None,
    }
}

/// Reads a committed offset.
pub(crate) fn read_offset(bytes: &[u8], log_offset: i64) -> Option<Committed> {
    let mut reader = Reader::new(bytes);
    (reader.i16()? == VALUE_VERSION).then_some(())?;
    Some(Committed {
        offset: reader.i64()?,
        leader_epoch: reader.i32()?,
        metadata: reader.text()?,
        commit_time_ms: reader.i64()?,
        log_offset,
    })
}

/// Reads a group; its members' sessions start anew at `now_ms`.
pub(crate) fn read_group(bytes: &[u8], now_ms: i64) -> Option<Group> {
    let mut reader = Reader::new(bytes);
    (reader.i16()? == VALUE_VERSION).then_some(())?;
    let mut group = Group::new(now_ms);
    group.protocol_type = Some(reader.text()?).filter(|name| !name.is_empty());
    group.generation = reader.i32()?;
    group.protocol_name = reader.optional_text()?;
    group.leader = reader.optional_text()?;
    group.state_since_ms = reader.i64()?;
    let protocol = group.protocol_name.clone().unwrap_or_default();
    let mut members = BTreeMap::new();
    for _ in 0..reader.i32()? {
        let member = read_member(&mut reader, &protocol, now_ms)?;
        if let Some(instance) = &member.instance_id {
            group.instances.insert(instance.clone(), member.id.clone());
        }
        members.insert(member.id.clone(), member);
    }
    if !members.is_empty() {
        group.state = State::Stable;
    }
    group.members = members;
    Some(group)
}

fn read_member(reader: &mut Reader<'_>, protocol: &str, now_ms: i64) -> Option<Member> {
    let mut member = Member {
        id: reader.text()?,
        instance_id: reader.optional_text()?,
        client_id: reader.text()?,
        client_host: reader.text()?,
        rebalance_timeout_ms: reader.i32()?,
        session_timeout_ms: reader.i32()?,
        protocols: vec![(protocol.to_owned(), reader.blob()?)],
        assignment: reader.blob()?,
        joining: None,
        syncing: None,
        session_deadline_ms: 0,
    };
    member.touch(now_ms);
    Some(member)
}

/// Reads a record and writes what it read, for fuzzing.
pub(crate) fn rewritten(key: &[u8], value: &[u8]) -> Option<(Bytes, Bytes)> {
    match read_key(key)? {
        Key::Offset { group, at } => Some((offset_key(&group, &at), offset_value(&read_offset(value, 0)?))),
        Key::Group(group) => Some((group_key(&group), group_value(&read_group(value, 0)?))),
    }
}

#[cfg(test)]
mod tests;
