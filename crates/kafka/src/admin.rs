//! Questions to a cluster and changes to it: blocking calls with deadlines, one file for each family of requests.

mod acls;
mod call;
mod cluster;
mod configs;
mod group_offsets;
mod groups;
pub(crate) mod offsets;
mod topics;

use std::sync::Arc;
use std::time::Duration;

pub use acls::{Acl, Operation};
pub use cluster::{Broker, ClusterDescription};
pub use configs::{ConfigChange, ConfigEntry, ConfigSource};
pub use groups::{GroupDescription, GroupListing, GroupMember, GroupState};
pub use offsets::{ListedOffset, OffsetAt};
pub use topics::{DescribedTopic, NewTopic, PartitionDescription, TopicDescription, TopicId, TopicOutcomes};

use crate::native::Client;
use crate::{ConnectionSettings, Error};

/// A client that asks and administers. Cheap to clone; any thread may use it, and each call blocks.
#[derive(Clone)]
pub struct Admin {
    client: Arc<Client>,
    deadline: Duration,
}

impl Admin {
    /// Makes a client whose calls each end within `deadline`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for settings that can't work.
    pub fn new(connection: &ConnectionSettings, deadline: Duration) -> Result<Self, Error> {
        let chosen = [("retry.backoff.ms", "50".to_owned()), ("topic.metadata.refresh.interval.ms", "-1".to_owned())];
        let config = connection.native(&chosen, &[])?;
        let client = Client::asking(config)?;
        Ok(Self { client: Arc::new(client), deadline })
    }

    /// The same client with another deadline for each call.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { client: Arc::clone(&self.client), deadline }
    }
}
