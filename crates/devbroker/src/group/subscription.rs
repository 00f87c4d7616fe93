//! The topics in a consumer's subscription, the one thing the broker reads of it.

use crate::cluster::wire::Reader;

/// The topics that a ConsumerProtocolSubscription names (any version: the fields are only ever added behind).
pub(crate) fn topics(metadata: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new(metadata);
    reader.i16()?;
    let count = reader.i32()?;
    (0..count).map(|_| reader.text()).collect()
}
