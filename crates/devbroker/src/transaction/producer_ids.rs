//! Producer ids: handed out from blocks that the catalog has logged.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use kafka_protocol::ResponseError;

use crate::cluster::catalog::Catalog;
use crate::cluster::lock::lock;

const BLOCK_IDS: i64 = 1000;

/// Hands out producer ids, none of them twice, also across crashes.
#[derive(Debug)]
pub(crate) struct ProducerIds {
    catalog: Arc<Catalog>,
    block: Mutex<Range<i64>>,
}

impl ProducerIds {
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, block: Mutex::new(0..0) }
    }

    /// A producer id that nobody has had.
    pub(crate) fn next(&self) -> Result<i64, ResponseError> {
        let mut block = lock(&self.block);
        if block.is_empty() {
            *block = self.catalog.take_producer_ids(BLOCK_IDS)?;
        }
        block.next().ok_or(ResponseError::CoordinatorNotAvailable)
    }
}
