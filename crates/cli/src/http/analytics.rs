use axum::Json;
use axum::extract::State;
use headwater_order_views::query::{DayRevenue, StatusCount};
use serde::Serialize;

use super::{Api, Problem};
use crate::query::{Answer, Query};

/// Orders by state.
#[derive(Debug, Serialize)]
pub struct StatusDistribution {
    statuses: Vec<StatusCount>,
    total: i64,
}

/// Revenue by day.
#[derive(Debug, Serialize)]
pub struct RevenueByDay {
    days: Vec<DayRevenue>,
}

/// How many orders are in each state.
pub async fn status_distribution(State(api): State<Api>) -> Result<Json<StatusDistribution>, Problem> {
    match api.ask(Query::StatusDistribution).await? {
        Answer::StatusDistribution(statuses) => {
            let total = statuses.iter().map(|count| count.orders).sum();
            Ok(Json(StatusDistribution { statuses, total }))
        }
        _ => Err(Problem::internal("a distribution was asked for, and something else was answered")),
    }
}

/// What the orders placed on each day brought in.
pub async fn revenue_by_day(State(api): State<Api>) -> Result<Json<RevenueByDay>, Problem> {
    match api.ask(Query::RevenueByDay).await? {
        Answer::RevenueByDay(days) => Ok(Json(RevenueByDay { days })),
        _ => Err(Problem::internal("revenue was asked for, and something else was answered")),
    }
}
