use axum::Json;
use axum::extract::{Path, Query as Parameters, State};
use headwater_contracts::sagas::SagaView;
use headwater_event::OrderId;
use serde::{Deserialize, Serialize};

use super::{Api, Problem, paging};
use crate::query::{Answer, Query};

#[derive(Debug, Deserialize)]
pub struct ListParameters {
    state: Option<String>,
    limit: Option<String>,
    offset: Option<String>,
}

/// A page of sagas.
#[derive(Debug, Serialize)]
pub struct SagaList {
    sagas: Vec<SagaView>,
    total: u64,
    limit: usize,
    offset: usize,
}

/// The saga of one order.
pub async fn get(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<SagaView>, Problem> {
    OrderId::new(&id).map_err(|error| Problem::bad_request(error.to_string()))?;
    match api.ask(Query::Saga { order_id: id.clone() }).await? {
        Answer::Saga(Some(saga)) => Ok(Json(saga)),
        _ => Err(Problem::not_found(format!("there is no saga of order {id}: one begins with OrderCreated"))),
    }
}

/// Sagas, newest first, with how many there are in all.
pub async fn list(
    State(api): State<Api>,
    Parameters(parameters): Parameters<ListParameters>,
) -> Result<Json<SagaList>, Problem> {
    let (limit, offset) = paging::page(parameters.limit.as_deref(), parameters.offset.as_deref())?;
    let state = parameters.state.filter(|state| !state.trim().is_empty());
    match api.ask(Query::Sagas { state, limit, offset }).await? {
        Answer::Sagas(page) => Ok(Json(SagaList { sagas: page.sagas, total: page.total, limit, offset })),
        _ => Err(Problem::internal("sagas were asked for, and something else was answered")),
    }
}
