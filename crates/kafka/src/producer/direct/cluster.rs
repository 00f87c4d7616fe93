use std::collections::{BTreeMap, HashMap};

use headwater_log::{Partition, TopicName, TopicPartition};
use kafka_protocol::messages::FindCoordinatorRequest;

use super::connection::{Address, Connection};
use super::requests::{FIND_COORDINATOR_VERSION, METADATA_VERSION, metadata, text};
use crate::clock::Deadline;
use crate::native::error_of_code;
use crate::{Error, ErrorKind};

/// The key of the connection to whichever broker was reached first, before any broker's id is known.
const BOOTSTRAP: i32 = i32::MIN;

/// Who coordinates what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Coordinates {
    Group,
    Transaction,
}

impl Coordinates {
    const fn key_type(self) -> i8 {
        match self {
            Self::Group => 0,
            Self::Transaction => 1,
        }
    }
}

/// What one producer knows of a cluster, and its connections.
pub(super) struct Cluster {
    bootstrap_servers: String,
    bootstrap: Vec<Address>,
    client_id: String,
    brokers: BTreeMap<i32, Address>,
    connections: BTreeMap<i32, Connection>,
    /// By partition; None for one without a leader.
    leaders: HashMap<TopicName, Vec<Option<i32>>>,
    coordinators: BTreeMap<Coordinates, (String, i32)>,
}

impl Cluster {
    /// A cluster that is reached by `host:port[,host:port]`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for servers without a port.
    pub(super) fn new(bootstrap_servers: &str, client_id: &str) -> Result<Self, Error> {
        let parse = |server: &str| {
            Address::parse(server)
                .ok_or_else(|| Error::invalid(format!("bootstrap server {server:?}: write it as host:port")))
        };
        Ok(Self {
            bootstrap_servers: bootstrap_servers.to_owned(),
            bootstrap: bootstrap_servers.split(',').map(parse).collect::<Result<_, _>>()?,
            client_id: client_id.to_owned(),
            brokers: BTreeMap::new(),
            connections: BTreeMap::new(),
            leaders: HashMap::new(),
            coordinators: BTreeMap::new(),
        })
    }

    pub(super) fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The connection to a broker; opens one where there is none.
    pub(super) fn connection(&mut self, broker: i32, deadline: Deadline) -> Result<&mut Connection, Error> {
        if self.connections.get_mut(&broker).is_some_and(|connection| !connection.is_open()) {
            self.connections.remove(&broker);
        }
        match self.connections.entry(broker) {
            std::collections::btree_map::Entry::Occupied(open) => Ok(open.into_mut()),
            std::collections::btree_map::Entry::Vacant(vacant) => {
                let address = self.brokers.get(&broker).ok_or_else(|| {
                    Error::new(ErrorKind::Unavailable, format!("broker {broker} has no address in the metadata"))
                })?;
                Ok(vacant.insert(Connection::open(address, &self.client_id, deadline)?))
            }
        }
    }

    /// A connection that is open; None where requests on it could wait for an answer that nobody takes.
    pub(super) fn open_connection(&mut self, broker: i32) -> Option<&mut Connection> {
        self.connections.get_mut(&broker)
    }

    /// A connection can't be used any more.
    pub(super) fn disconnect(&mut self, broker: i32) {
        self.connections.remove(&broker);
    }

    /// Where a partition is led; None while that is not known.
    pub(super) fn leader(&self, topic: &TopicName, partition: Partition) -> Option<i32> {
        *self.leaders.get(topic)?.get(partition.get() as usize)?
    }

    /// How many partitions a topic has; None while that is not known.
    pub(super) fn partitions(&self, topic: &TopicName) -> Option<usize> {
        self.leaders.get(topic).map(Vec::len)
    }

    /// Leaders may have moved.
    pub(super) fn forget_leaders(&mut self) {
        self.leaders.clear();
    }

    /// A coordinator may have moved.
    pub(super) fn forget_coordinator(&mut self, of: Coordinates) {
        self.coordinators.remove(&of);
    }

    /// Asks for brokers, and for these topics' leaders.
    pub(super) fn look_up(&mut self, topics: &[TopicName], deadline: Deadline) -> Result<(), Error> {
        let request = metadata(topics);
        let answer = self.ask_any(deadline, |connection| connection.ask(&request, METADATA_VERSION, deadline))?;
        for broker in answer.brokers {
            let port = u16::try_from(broker.port).unwrap_or(0);
            let address = Address { host: broker.host.to_string(), port };
            if self.brokers.insert(broker.node_id.0, address.clone()).is_some_and(|known| known != address) {
                self.connections.remove(&broker.node_id.0);
            }
        }
        for topic in answer.topics {
            let Some(name) = topic.name.and_then(|name| TopicName::new(name.as_str()).ok()) else { continue };
            if topic.error_code != 0 {
                self.leaders.remove(&name);
                continue;
            }
            let mut leaders = vec![None; topic.partitions.len()];
            for partition in topic.partitions {
                let at = usize::try_from(partition.partition_index).unwrap_or(usize::MAX);
                if let Some(leader) = leaders.get_mut(at) {
                    *leader = (partition.leader_id.0 >= 0).then_some(partition.leader_id.0);
                }
            }
            self.leaders.insert(name, leaders);
        }
        Ok(())
    }

    /// Looks up those of the partitions whose leader is not known; answers with the first that has none still.
    pub(super) fn look_up_leaders<'p>(
        &mut self,
        partitions: impl Iterator<Item = &'p TopicPartition>,
        deadline: Deadline,
    ) -> Result<Option<TopicPartition>, Error> {
        let unknown: Vec<TopicPartition> =
            partitions.filter(|place| self.leader(&place.topic, place.partition).is_none()).cloned().collect();
        if unknown.is_empty() {
            return Ok(None);
        }
        let mut topics: Vec<TopicName> = unknown.iter().map(|place| place.topic.clone()).collect();
        topics.sort();
        topics.dedup();
        self.look_up(&topics, deadline)?;
        Ok(unknown.into_iter().find(|place| self.leader(&place.topic, place.partition).is_none()))
    }

    /// Who coordinates a group or a transactional id.
    pub(super) fn coordinator(&mut self, of: Coordinates, key: &str, deadline: Deadline) -> Result<i32, Error> {
        if let Some((_, broker)) = self.coordinators.get(&of).filter(|(known, _)| known == key) {
            return Ok(*broker);
        }
        let request = FindCoordinatorRequest::default().with_key(text(key)).with_key_type(of.key_type());
        let answer =
            self.ask_any(deadline, |connection| connection.ask(&request, FIND_COORDINATOR_VERSION, deadline))?;
        if answer.error_code != 0 {
            let error = error_of_code(i32::from(answer.error_code), None);
            return Err(error.context(format!("the coordinator of {key} can't be found")));
        }
        let broker = answer.node_id.0;
        let port = u16::try_from(answer.port).unwrap_or(0);
        self.brokers.insert(broker, Address { host: answer.host.to_string(), port });
        self.coordinators.insert(of, (key.to_owned(), broker));
        Ok(broker)
    }

    /// Asks one broker after another until one answers.
    fn ask_any<A>(
        &mut self,
        deadline: Deadline,
        mut ask: impl FnMut(&mut Connection) -> Result<A, Error>,
    ) -> Result<A, Error> {
        let mut last = Error::new(ErrorKind::Unavailable, "no broker is known");
        let known: Vec<i32> = self.connections.keys().chain(self.brokers.keys()).copied().collect();
        for broker in known {
            if deadline.has_passed() {
                return Err(last);
            }
            match self.connection(broker, deadline).and_then(&mut ask) {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    self.disconnect(broker);
                    last = error;
                }
            }
        }
        for address in self.bootstrap.clone() {
            let mut connection = match Connection::open(&address, &self.client_id, deadline) {
                Ok(connection) => connection,
                Err(error) => {
                    last = error;
                    continue;
                }
            };
            match ask(&mut connection) {
                Ok(answer) => {
                    self.connections.insert(BOOTSTRAP, connection);
                    return Ok(answer);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
