use headwater_contracts::inventory::ProductView;
use headwater_contracts::orders::OrderView;
use headwater_contracts::sagas::SagaView;
use headwater_event::{OrderId, Sku};
use headwater_order_views::query::{DayRevenue, Filter, OrderPage, StatusCount};
use headwater_sagas::query::SagaPage;
use headwater_streams::StateBase;
use serde::{Deserialize, Serialize};

use super::Query;

/// One partition's answer, or that of all together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", content = "value", rename_all = "snake_case")]
pub enum Answer {
    /// One order, where there is one.
    Order(Option<OrderView>),
    /// A page of orders.
    Orders(OrderPage),
    /// One saga, where there is one.
    Saga(Option<SagaView>),
    /// A page of sagas.
    Sagas(SagaPage),
    /// One product, where there is one.
    Product(Option<ProductView>),
    /// Orders by state.
    StatusDistribution(Vec<StatusCount>),
    /// Revenue by day.
    RevenueByDay(Vec<DayRevenue>),
}

/// Answers from one partition's committed state. Pages hold everything up to the page's end, for [`merge`].
///
/// # Errors
/// A sentence, when the question makes no sense or the state can't be read.
pub fn answer(state: &dyn StateBase, query: &Query) -> Result<Answer, String> {
    let unreadable = |error: headwater_streams::StateError| error.to_string();
    let order = |id: &str| OrderId::new(id).map_err(|error| error.to_string());
    Ok(match query {
        Query::Order { order_id } => {
            Answer::Order(headwater_order_views::query::get(state, &order(order_id)?).map_err(unreadable)?)
        }
        Query::Orders(orders) => {
            let filter = filter_of(orders)?;
            let limit = orders.offset.saturating_add(orders.limit);
            Answer::Orders(headwater_order_views::query::list(state, &filter, limit, 0).map_err(unreadable)?)
        }
        Query::Saga { order_id } => {
            Answer::Saga(headwater_sagas::query::get(state, &order(order_id)?).map_err(unreadable)?)
        }
        Query::Sagas { state: in_state, limit, offset } => {
            let limit = offset.saturating_add(*limit);
            let page = headwater_sagas::query::list(state, in_state.as_deref(), limit, 0);
            Answer::Sagas(page.map_err(unreadable)?)
        }
        Query::Product { sku } => {
            let sku = Sku::new(sku).map_err(|error| error.to_string())?;
            Answer::Product(headwater_inventory::query::product(state, &sku).map_err(unreadable)?)
        }
        Query::StatusDistribution => {
            Answer::StatusDistribution(headwater_order_views::query::status_distribution(state).map_err(unreadable)?)
        }
        Query::RevenueByDay => {
            Answer::RevenueByDay(headwater_order_views::query::revenue_by_day(state).map_err(unreadable)?)
        }
    })
}

/// The filter of texts.
///
/// # Errors
/// A sentence that names the text and what it may be.
pub fn filter_of(orders: &super::OrdersQuery) -> Result<Filter, String> {
    Filter::of_texts(
        orders.customer_id.as_deref(),
        orders.status.as_deref(),
        orders.date_from.as_deref(),
        orders.date_to.as_deref(),
    )
    .map_err(|error| error.to_string())
}

/// One answer from those of all partitions that were asked. Answers to another question are left out.
#[must_use]
pub fn merge(query: &Query, parts: Vec<Answer>) -> Answer {
    macro_rules! only {
        ($variant:ident) => {
            parts.into_iter().filter_map(|part| match part {
                Answer::$variant(value) => Some(value),
                _ => None,
            })
        };
    }
    match query {
        Query::Order { .. } => Answer::Order(only!(Order).flatten().next()),
        Query::Saga { .. } => Answer::Saga(only!(Saga).flatten().next()),
        Query::Product { .. } => Answer::Product(only!(Product).flatten().next()),
        Query::Orders(orders) => {
            Answer::Orders(headwater_order_views::query::merge(only!(Orders), orders.limit, orders.offset))
        }
        Query::Sagas { limit, offset, .. } => {
            Answer::Sagas(headwater_sagas::query::merge(only!(Sagas), *limit, *offset))
        }
        Query::StatusDistribution => Answer::StatusDistribution(
            headwater_order_views::query::merge_status_distribution(only!(StatusDistribution)),
        ),
        Query::RevenueByDay => Answer::RevenueByDay(headwater_order_views::query::merge_revenue(only!(RevenueByDay))),
    }
}
