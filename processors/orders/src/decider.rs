use headwater_event::OrderId;
use headwater_streams::{Deadline, Decider, Rejection, TimeKind};

use crate::decide::decide;
use crate::{Fact, Moment, Order, OrderCommand, Refusal, WHOLE, timers};

/// [`Order`] as streams runs it: commands and facts carry the order's id, which the model does not need.
pub struct Orders;

/// Something about one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed<T> {
    /// The order.
    pub order_id: OrderId,
    /// What.
    pub body: T,
}

impl<T> Addressed<T> {
    pub(crate) const fn to(order_id: OrderId, body: T) -> Self {
        Self { order_id, body }
    }
}

impl Decider for Orders {
    type State = Order;
    type Command = Addressed<OrderCommand>;
    type Event = Addressed<Fact>;

    fn decide(
        order: &Order,
        command: Self::Command,
        moment: &headwater_streams::Moment,
    ) -> Result<Vec<Self::Event>, Rejection> {
        let Addressed { order_id, body } = command;
        let moment = Moment { now: moment.now, event_time: moment.event_time };
        let facts = decide(order, body, moment).map_err(rejection)?;
        Ok(facts.into_iter().map(|fact| Addressed::to(order_id.clone(), fact)).collect())
    }

    fn evolve(order: Order, event: &Self::Event) -> Order {
        order.evolve(&event.body)
    }

    fn timers(order: &Order) -> Vec<Deadline> {
        let deadline = |(name, due)| Deadline { name, due, kind: TimeKind::WallClock };
        timers(order).into_iter().map(deadline).collect()
    }

    fn on_deadline(name: &str, order: &Order) -> Option<Self::Command> {
        let Order::Open(open) = order else {
            return None;
        };
        let timer = if name == WHOLE { WHOLE } else { open.step.timer().filter(|timer| *timer == name)? };
        Some(Addressed::to(open.order_id.clone(), OrderCommand::TimeOut { timer }))
    }
}

fn rejection(Refusal { reason, message, field }: Refusal) -> Rejection {
    match field {
        None => Rejection::new(reason, message),
        Some(field) => Rejection::of_field(reason, field, message),
    }
}
