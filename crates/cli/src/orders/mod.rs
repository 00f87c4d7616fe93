//! `headwater orders`: orders as customers and support see them.

use clap::{Args, Subcommand};
use headwater_contracts::orders::OrderView;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::api_client::{ApiArgs, ApiClient};
use crate::output::{Format, Grid, OutputArgs, note, one_line};
use crate::settings::Settings;

/// `headwater orders`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater orders get o-1\n  \
    headwater orders list --status cancelled\n  \
    headwater orders list --customer c-1 --from 2026-01-01 --limit 10 -o json")]
pub struct OrdersArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: OrdersCommand,
}

/// What to ask about orders.
#[derive(Debug, Clone, Subcommand)]
pub enum OrdersCommand {
    /// Show one order.
    #[command(after_help = "Examples:\n  headwater orders get o-1\n  headwater orders get o-1 -o json | jq .status")]
    Get {
        /// The order's id
        #[arg(value_name = "ORDER")]
        order: String,
        /// Which instance is asked.
        #[command(flatten)]
        api: ApiArgs,
        /// How the answer is written.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// List orders, newest first.
    List(ListArgs),
}

/// `headwater orders list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater orders list\n  \
    headwater orders list --status delivered --from 2026-01-01 --to 2026-01-31\n  \
    headwater orders list --customer c-1 --limit 100 --offset 100")]
pub struct ListArgs {
    /// Only this customer's
    #[arg(long, value_name = "CUSTOMER")]
    pub customer: Option<String>,
    /// Only those in this state: created, confirmed, paid, shipped, delivered, cancelled
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// Only those placed on this day or later: 2026-01-31
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Only those placed on this day or earlier
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    /// After how many
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub offset: usize,
    /// Which instance is asked.
    #[command(flatten)]
    pub api: ApiArgs,
    /// How the answer is written.
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(Deserialize, Serialize)]
struct OrderList {
    orders: Vec<OrderView>,
    total: u64,
}

/// Runs it.
///
/// # Errors
/// Failed, with what the instance answers.
pub fn run(arguments: &OrdersArgs, settings: &Settings) -> Result<(), Error> {
    match &arguments.command {
        OrdersCommand::Get { order, api, output } => {
            let order: OrderView = ApiClient::new(settings, api)?.get(&["orders", order], &[])?;
            output.print(&order, || describe(&order))
        }
        OrdersCommand::List(arguments) => {
            let list: OrderList = ApiClient::new(settings, &arguments.api)?.get(&["orders"], &parameters(arguments))?;
            arguments.output.print(&list, || table(&list.orders).to_text())?;
            if arguments.output.format == Format::Table {
                note(&format!("{} of {}", list.orders.len(), list.total));
            }
            Ok(())
        }
    }
}

fn parameters(arguments: &ListArgs) -> Vec<(&'static str, String)> {
    let filters = [
        ("customer_id", &arguments.customer),
        ("status", &arguments.status),
        ("date_from", &arguments.from),
        ("date_to", &arguments.to),
    ];
    let mut parameters: Vec<_> = filters.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect();
    parameters.push(("limit", arguments.limit.to_string()));
    parameters.push(("offset", arguments.offset.to_string()));
    parameters
}

fn table(orders: &[OrderView]) -> Grid {
    let mut grid = Grid::new(&["ORDER", "CUSTOMER", "STATUS", "PAYMENT", "INVENTORY", "TOTAL", "CREATED", "REASON"]);
    for order in orders {
        grid.row([
            one_line(order.order_id.as_str(), 40),
            one_line(order.customer_id.as_str(), 40),
            order.status.clone(),
            order.payment_status.clone(),
            order.inventory_status.clone(),
            total(order),
            order.created_at.to_string(),
            order.cancellation_reason.clone().unwrap_or_default(),
        ]);
    }
    grid
}

/// Minor units as they are: how many make a major one is the currency's business.
fn total(order: &OrderView) -> String {
    match order.total_minor {
        Some(minor) => format!("{minor} {}", order.currency.as_str()),
        None => "-".to_owned(),
    }
}

fn describe(order: &OrderView) -> String {
    let mut lines = vec![
        ("order", order.order_id.to_string()),
        ("customer", order.customer_id.to_string()),
        ("status", order.status.clone()),
        ("payment", order.payment_status.clone()),
        ("inventory", order.inventory_status.clone()),
        ("total", total(order)),
        ("created", order.created_at.to_string()),
        ("updated", order.updated_at.to_string()),
    ];
    let more = [
        ("payment id", order.payment_id.as_ref().map(ToString::to_string)),
        ("shipment id", order.shipment_id.as_ref().map(ToString::to_string)),
        ("cancelled for", order.cancellation_reason.clone()),
        ("detail", order.cancellation_detail.clone()),
    ];
    lines.extend(more.into_iter().filter_map(|(name, value)| Some((name, value.filter(|text| !text.is_empty())?))));
    let mut text: String = lines.iter().map(|(name, value)| format!("{name:<14} {}\n", one_line(value, 500))).collect();
    let mut grid = Grid::new(&["SKU", "QUANTITY", "UNIT PRICE"]);
    for line in &order.items {
        let price = line.unit_price_minor.map_or_else(|| "the catalogue's".to_owned(), |minor| minor.to_string());
        grid.row([one_line(line.sku.as_str(), 40), line.quantity.to_string(), price]);
    }
    text.push('\n');
    text.push_str(&grid.to_text());
    text
}

#[cfg(test)]
mod tests;
