use std::collections::BTreeMap;
use std::time::Duration;

use headwater_log::{Offset, Partition, TopicName, TopicPartition};
use kafka_protocol::messages::list_offsets_request::ListOffsetsTopic;

use super::cluster::Cluster;
use super::requests::{LIST_OFFSETS_VERSION, end_of, ends, wire_name};
use crate::clock::{Deadline, pause};
use crate::native::error_of_code;
use crate::{Error, ErrorKind, Isolation};

/// Before leaders are asked again that were not there.
const WAIT: Duration = Duration::from_millis(50);

/// Where partitions end, as their leaders say. Nothing else may be in flight.
pub(super) fn ends_of(
    cluster: &mut Cluster,
    partitions: &[TopicPartition],
    isolation: Isolation,
    deadline: Deadline,
) -> Result<Vec<(TopicPartition, Offset)>, Error> {
    loop {
        let error = match try_ends(cluster, partitions, isolation, deadline) {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        cluster.forget_leaders();
        if !error.is_retriable() || deadline.has_passed() {
            return Err(error);
        }
        pause(WAIT, deadline);
    }
}

fn try_ends(
    cluster: &mut Cluster,
    partitions: &[TopicPartition],
    isolation: Isolation,
    deadline: Deadline,
) -> Result<Vec<(TopicPartition, Offset)>, Error> {
    if let Some(missing) = cluster.look_up_leaders(partitions.iter(), deadline)? {
        return Err(Error::new(ErrorKind::Unavailable, format!("{missing} has no leader")));
    }
    let mut by_leader: BTreeMap<i32, BTreeMap<&TopicName, Vec<i32>>> = BTreeMap::new();
    for place in partitions {
        let Some(leader) = cluster.leader(&place.topic, place.partition) else { continue };
        by_leader.entry(leader).or_default().entry(&place.topic).or_default().push(place.partition.to_wire());
    }
    let mut found: BTreeMap<TopicPartition, Offset> = BTreeMap::new();
    for (leader, topics) in by_leader {
        let topics = topics.into_iter().map(|(topic, partitions)| {
            ListOffsetsTopic::default()
                .with_name(wire_name(topic.as_str()))
                .with_partitions(partitions.into_iter().map(end_of).collect())
        });
        let request = ends(topics.collect(), isolation);
        let asked = cluster
            .connection(leader, deadline)
            .and_then(|connection| connection.ask(&request, LIST_OFFSETS_VERSION, deadline));
        let answer = match asked {
            Ok(answer) => answer,
            Err(error) => {
                cluster.disconnect(leader);
                return Err(error);
            }
        };
        for topic in answer.topics {
            let name = TopicName::new(topic.name.as_str()).map_err(|error| Error::invalid(error.to_string()))?;
            for partition in topic.partitions {
                let place = TopicPartition::new(name.clone(), Partition::new(partition.partition_index.unsigned_abs()));
                if partition.error_code != 0 {
                    let error = error_of_code(i32::from(partition.error_code), None);
                    return Err(error.context(format!("the end of {place} can't be listed")));
                }
                let offset = Offset::new(partition.offset)
                    .map_err(|_| Error::new(ErrorKind::Unavailable, format!("{place} has no offsets yet")))?;
                found.insert(place, offset);
            }
        }
    }
    let end_of = |place: &TopicPartition| match found.get(place) {
        Some(end) => Ok((place.clone(), *end)),
        None => Err(Error::new(ErrorKind::Unavailable, format!("{place}: its leader said nothing of its end"))),
    };
    partitions.iter().map(end_of).collect()
}
