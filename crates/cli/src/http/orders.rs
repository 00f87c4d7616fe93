use axum::Json;
use axum::extract::{Path, Query as Parameters, State};
use headwater_contracts::orders::OrderView;
use headwater_event::OrderId;
use serde::{Deserialize, Serialize};

use super::{Api, Problem, paging};
use crate::query::{Answer, OrdersQuery, Query, filter_of};

#[derive(Debug, Deserialize)]
pub struct ListParameters {
    customer_id: Option<String>,
    status: Option<String>,
    date_from: Option<String>,
    date_to: Option<String>,
    limit: Option<String>,
    offset: Option<String>,
}

/// A page of orders.
#[derive(Debug, Serialize)]
pub struct OrderList {
    orders: Vec<OrderView>,
    total: u64,
    limit: usize,
    offset: usize,
}

/// One order.
pub async fn get(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<OrderView>, Problem> {
    OrderId::new(&id).map_err(|error| Problem::bad_request(error.to_string()))?;
    match api.ask(Query::Order { order_id: id.clone() }).await? {
        Answer::Order(Some(order)) => Ok(Json(order)),
        _ => Err(Problem::not_found(format!(
            "there is no order {id}: a command that was rejected leaves none, its reason is in orders.replies"
        ))),
    }
}

/// Orders, newest first, with how many there are in all.
pub async fn list(
    State(api): State<Api>,
    Parameters(parameters): Parameters<ListParameters>,
) -> Result<Json<OrderList>, Problem> {
    let (limit, offset) = paging::page(parameters.limit.as_deref(), parameters.offset.as_deref())?;
    let ListParameters { customer_id, status, date_from, date_to, .. } = parameters;
    let query = OrdersQuery { customer_id, status, date_from, date_to, limit, offset };
    filter_of(&query).map_err(Problem::bad_request)?;
    match api.ask(Query::Orders(query)).await? {
        Answer::Orders(page) => Ok(Json(OrderList { orders: page.orders, total: page.total, limit, offset })),
        _ => Err(Problem::internal("orders were asked for, and something else was answered")),
    }
}
