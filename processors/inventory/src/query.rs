//! Reads of committed state. A SKU's product lies with the task of [`crate::LEDGER`] whose partition its key hashes to.

use headwater_contracts::inventory::ProductView;
use headwater_event::Sku;
use headwater_streams::{StateBase, StateError};

use crate::ledger::Product;
use crate::topology::{PRODUCTS, product_view};

/// A SKU's product and stock; None where the SKU is not known to this partition.
///
/// # Errors
/// When state can't be read.
pub fn product(state: &dyn StateBase, sku: &Sku) -> Result<Option<ProductView>, StateError> {
    let Some(bytes) = state.get(PRODUCTS, sku.as_str().as_bytes())? else {
        return Ok(None);
    };
    let product: Product = serde_json::from_slice(&bytes)
        .map_err(|error| StateError { message: format!("stored product {sku} can't be read: {error}") })?;
    Ok(Some(product_view(sku, product)))
}
