use headwater_contracts::inventory::{
    ConfirmStock, InventoryConfirmationFailed, InventoryConfirmed, InventoryReleased, InventoryReservationFailed,
    InventoryReserved, RejectedLine, ReleaseStock, ReservationExpiryDue, ReserveStock, StockConfirmationFailed,
    StockConfirmed, StockRejected, StockReleased, StockReserved,
};
use headwater_contracts::orders::{OrderCancelled, OrderConfirmed, OrderCreated, OrderPaid};
use headwater_contracts::shared;
use headwater_event::OrderId;
use headwater_streams::{Context, Failure, Input, Processor, TimeKind, Timer};

use crate::Settings;
use crate::gather::{Gathering, Line, News, PricedLine, Saying};
use crate::ledger::{Answer, HoldCommand};

pub(super) const GATHERINGS: &str = "gatherings";
pub(super) const STOCK_COMMANDS: &str = "stock-commands";
pub(super) const EVENTS: &str = "events";
/// The timer of a hold's expiry, keyed by order.
const EXPIRY: &str = "expiry";

/// Decides on the orders of one partition.
pub(super) struct GatherProcessor {
    settings: Settings,
}

impl GatherProcessor {
    pub(super) const fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn tell(&self, order_id: &OrderId, news: News, context: &mut Context<'_>) -> Result<(), Failure> {
        let key = order_id.as_str().as_bytes();
        let before: Gathering = context.get_json(GATHERINGS, key)?.unwrap_or_default();
        let mut gathering = before.clone();
        let sayings = gathering.hear(news);
        if gathering != before {
            context.put_json(GATHERINGS, key, &gathering)?;
        }
        match (before.may_expire(), gathering.may_expire()) {
            (false, true) => {
                let due = context.now().plus_millis(self.settings.reservation_ms);
                context.schedule(EXPIRY, key, due, TimeKind::WallClock)?;
            }
            (true, false) => context.cancel(EXPIRY, key)?,
            _ => {}
        }
        sayings.into_iter().try_for_each(|saying| say(order_id, saying, context))
    }
}

impl Processor for GatherProcessor {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let (order_id, news) = read(input)?;
        self.tell(&order_id, news, context)
    }

    fn on_timer(&mut self, timer: &Timer, context: &mut Context<'_>) -> Result<(), Failure> {
        self.tell(&OrderId::new(timer.key_text())?, News::Expired, context)
    }
}

fn read(input: &Input<'_>) -> Result<(OrderId, News), Failure> {
    let answered = |order_id, sku, answer| Ok((order_id, News::Answered { sku, answer }));
    if input.is::<OrderCreated>() {
        let OrderCreated { order_id, currency, items, .. } = input.decode()?;
        let lines = items.into_iter().map(|item| Line {
            sku: item.sku,
            quantity: item.quantity,
            unit_price_minor: item.unit_price_minor,
        });
        Ok((order_id, News::Created { currency, lines: lines.collect() }))
    } else if input.is::<OrderConfirmed>() {
        Ok((input.decode::<OrderConfirmed>()?.order_id, News::Confirmed))
    } else if input.is::<OrderPaid>() {
        Ok((input.decode::<OrderPaid>()?.order_id, News::Paid))
    } else if input.is::<OrderCancelled>() {
        let OrderCancelled { order_id, reason, .. } = input.decode()?;
        Ok((order_id, News::Cancelled { reason }))
    } else if input.is::<StockReserved>() {
        let StockReserved { order_id, sku, quantity, unit_price_minor } = input.decode()?;
        answered(order_id, sku, Answer::Reserved { quantity, unit_price_minor })
    } else if input.is::<StockRejected>() {
        let StockRejected { order_id, sku, reason } = input.decode()?;
        answered(order_id, sku, Answer::Rejected { reason })
    } else if input.is::<StockReleased>() {
        let StockReleased { order_id, sku, quantity } = input.decode()?;
        answered(order_id, sku, Answer::Released { quantity })
    } else if input.is::<StockConfirmed>() {
        let StockConfirmed { order_id, sku, quantity } = input.decode()?;
        answered(order_id, sku, Answer::Confirmed { quantity })
    } else if input.is::<StockConfirmationFailed>() {
        let StockConfirmationFailed { order_id, sku, reason } = input.decode()?;
        answered(order_id, sku, Answer::ConfirmationFailed { reason })
    } else {
        Err(Failure::decode(format!("{} says nothing about an order's stock", input.message_type())))
    }
}

fn say(order_id: &OrderId, saying: Saying, context: &mut Context<'_>) -> Result<(), Failure> {
    let order_id = order_id.clone();
    match saying {
        Saying::Ask { sku, command: HoldCommand::Reserve { quantity, currency, unit_price_minor } } => {
            context.send(STOCK_COMMANDS, &ReserveStock { sku, order_id, quantity, currency, unit_price_minor })
        }
        Saying::Ask { sku, command: HoldCommand::Release } => {
            context.send(STOCK_COMMANDS, &ReleaseStock { sku, order_id })
        }
        Saying::Ask { sku, command: HoldCommand::Confirm } => {
            context.send(STOCK_COMMANDS, &ConfirmStock { sku, order_id })
        }
        Saying::Reserved { lines, total } => {
            let items = lines.into_iter().map(|PricedLine { sku, quantity, unit_price_minor }| shared::PricedLine {
                sku,
                quantity,
                unit_price_minor,
            });
            context.send(EVENTS, &InventoryReserved { order_id, items: items.collect(), total })
        }
        Saying::ReservationFailed { reason, rejected } => {
            let rejected = rejected.into_iter().map(|(sku, reason)| RejectedLine { sku, reason }).collect();
            context.send(EVENTS, &InventoryReservationFailed { order_id, reason, rejected })
        }
        Saying::Confirmed => context.send(EVENTS, &InventoryConfirmed { order_id }),
        Saying::ConfirmationFailed { reason } => {
            context.send(EVENTS, &InventoryConfirmationFailed { order_id, reason })
        }
        Saying::Released { reason } => context.send(EVENTS, &InventoryReleased { order_id, reason }),
        Saying::ExpiryDue => context.send(EVENTS, &ReservationExpiryDue { order_id }),
    }
}
