use std::ops::Bound;

use headwater_contracts::orders::OrderView;
use headwater_streams::{StateBase, StateError};
use serde::{Deserialize, Serialize};

use super::{Filter, document};
use crate::index::order_of;
use crate::topology::INDEX;

/// How many index entries are read at a time.
const CHUNK: usize = 1_024;

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrderPage {
    /// The page.
    pub orders: Vec<OrderView>,
    /// How many orders the filter lets through in all.
    pub total: u64,
}

/// One partition's orders, newest first by when they were placed, then by id. For a merged page of `limit` after
/// `offset`, ask every partition for `offset + limit` after 0, and [`merge`].
///
/// # Errors
/// When state can't be read.
pub fn list(state: &dyn StateBase, filter: &Filter, limit: usize, offset: usize) -> Result<OrderPage, StateError> {
    let mut page = OrderPage::default();
    let (first, end) = filter.scope().range(filter.from, filter.to);
    let mut after: Option<Vec<u8>> = None;
    loop {
        let from = after.as_deref().map_or(Bound::Included(first.as_slice()), Bound::Excluded);
        if first >= end {
            return Ok(page);
        }
        let chunk = state.scan(INDEX, from, Bound::Excluded(&end), CHUNK)?;
        for (key, _) in &chunk {
            take(state, filter, key, limit, offset, &mut page)?;
        }
        if chunk.len() < CHUNK {
            return Ok(page);
        }
        after = chunk.last().map(|(key, _)| key.to_vec());
    }
}

/// Counts one entry, and reads its document if it is wanted or has to be asked for its state.
fn take(
    state: &dyn StateBase,
    filter: &Filter,
    key: &[u8],
    limit: usize,
    offset: usize,
    page: &mut OrderPage,
) -> Result<(), StateError> {
    let Some((_, order_id)) = order_of(key) else {
        return Ok(());
    };
    let place = usize::try_from(page.total).unwrap_or(usize::MAX);
    let shown = place >= offset && page.orders.len() < limit;
    let status = filter.status_to_check();
    if shown || status.is_some() {
        let Some(document) = document(state, &order_id)? else {
            return Ok(());
        };
        if status.is_some_and(|wanted| wanted != document.status) {
            return Ok(());
        }
        page.orders.extend(document.view(&order_id).filter(|_| shown));
    }
    page.total += 1;
    Ok(())
}

/// One page from the first pages of all partitions.
#[must_use]
pub fn merge(pages: impl IntoIterator<Item = OrderPage>, limit: usize, offset: usize) -> OrderPage {
    let mut merged = OrderPage::default();
    for page in pages {
        merged.total += page.total;
        merged.orders.extend(page.orders);
    }
    merged
        .orders
        .sort_by(|one, other| other.created_at.cmp(&one.created_at).then_with(|| one.order_id.cmp(&other.order_id)));
    merged.orders = merged.orders.into_iter().skip(offset).take(limit).collect();
    merged
}
