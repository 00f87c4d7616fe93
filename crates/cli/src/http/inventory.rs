use axum::Json;
use axum::extract::{Path, State};
use headwater_contracts::inventory::ProductView;
use headwater_event::Sku;

use super::{Api, Problem};
use crate::query::{Answer, Query};

/// One product with its stock.
pub async fn product(State(api): State<Api>, Path(sku): Path<String>) -> Result<Json<ProductView>, Problem> {
    Sku::new(&sku).map_err(|error| Problem::bad_request(error.to_string()))?;
    match api.ask(Query::Product { sku: sku.clone() }).await? {
        Answer::Product(Some(product)) => Ok(Json(product)),
        _ => Err(Problem::not_found(format!(
            "there is no product {sku}: send DefineProduct or ReceiveStock to inventory.commands"
        ))),
    }
}
