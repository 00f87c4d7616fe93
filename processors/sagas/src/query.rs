//! Reads of committed state. A saga lies with the task of [`crate::TRACKER`] whose partition its order's id hashes to;
//! a list is merged from all of them.

use std::ops::Bound;

use headwater_contracts::sagas::SagaView;
use headwater_event::OrderId;
use headwater_streams::{StateBase, StateError};
use serde::{Deserialize, Serialize};

use crate::saga::Saga;
use crate::topology::{NEWEST, SAGAS, order_of};
use crate::view::view;

/// How many index entries are read at a time.
const CHUNK: usize = 1_024;

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SagaPage {
    /// The page.
    pub sagas: Vec<SagaView>,
    /// How many there are in all.
    pub total: u64,
}

/// The saga of an order; None where this partition knows none.
///
/// # Errors
/// When state can't be read.
pub fn get(state: &dyn StateBase, order_id: &OrderId) -> Result<Option<SagaView>, StateError> {
    let Some(bytes) = state.get(SAGAS, order_id.as_str().as_bytes())? else {
        return Ok(None);
    };
    let saga =
        Saga::from_bytes(&bytes).map_err(|error| StateError { message: format!("order {order_id}: {error}") })?;
    Ok(Some(view(order_id, &saga)))
}

/// One partition's sagas, in one state or all, newest first. For a merged page of `limit` after `offset`, ask every
/// partition for `offset + limit` after 0, and [`merge`].
///
/// # Errors
/// When state can't be read.
pub fn list(
    state: &dyn StateBase,
    in_state: Option<&str>,
    limit: usize,
    offset: usize,
) -> Result<SagaPage, StateError> {
    let mut page = SagaPage::default();
    let mut after: Option<Vec<u8>> = None;
    loop {
        let from = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let chunk = state.scan(NEWEST, from, Bound::Unbounded, CHUNK)?;
        for (key, word) in &chunk {
            if in_state.is_some_and(|wanted| wanted.as_bytes() != &word[..]) {
                continue;
            }
            let place = usize::try_from(page.total).unwrap_or(usize::MAX);
            page.total += 1;
            if place >= offset
                && page.sagas.len() < limit
                && let Some(order_id) = order_of(key)
            {
                page.sagas.extend(get(state, &order_id)?);
            }
        }
        if chunk.len() < CHUNK {
            return Ok(page);
        }
        after = chunk.last().map(|(key, _)| key.to_vec());
    }
}

/// One page from the first pages of all partitions.
#[must_use]
pub fn merge(pages: impl IntoIterator<Item = SagaPage>, limit: usize, offset: usize) -> SagaPage {
    let mut merged = SagaPage::default();
    for page in pages {
        merged.total += page.total;
        merged.sagas.extend(page.sagas);
    }
    merged
        .sagas
        .sort_by(|one, other| other.started_at.cmp(&one.started_at).then_with(|| one.order_id.cmp(&other.order_id)));
    merged.sagas = merged.sagas.into_iter().skip(offset).take(limit).collect();
    merged
}

#[cfg(test)]
mod tests;
