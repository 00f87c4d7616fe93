use headwater_contracts::orders::{OrderCancelled, OrderConfirmed};
use headwater_contracts::payments::{PaymentFailed, PaymentProcessed, PaymentRefunded, RefundFailed};
use headwater_contracts::{domains, topics};
use headwater_event::OrderId;
use headwater_streams::{
    Call, CallResult, Context, Error, Failure, Input as Record, Processor, StoreSpec, TimeKind, Timer, Topology,
};

use crate::payment::{Action, Fact, Input, Payment, payment_id};
use crate::{Answer, Request, Settings, choreography};

/// The processor's name.
pub const NAME: &str = "payments";
/// The outside call that [`crate::ProviderCalls`] makes.
pub const STEP: &str = "provider";

const ORDERS: &str = "orders";
const EVENTS: &str = "payments";
const STORE: &str = "payments";
const RETRY_REFUND: &str = "retry-refund";

/// The topology with the usual settings.
///
/// # Errors
/// When it is not valid, which its tests would show.
pub fn topology() -> Result<Topology, Error> {
    topology_with(Settings::default())
}

/// The topology with these settings.
///
/// # Errors
/// When it is not valid, which its tests would show.
pub fn topology_with(settings: Settings) -> Result<Topology, Error> {
    let mut topology = Topology::named(NAME);
    let mut main = topology.subtopology("main", domains::ORDER);
    main.events(ORDERS, topics::ORDERS_EVENTS).only::<OrderConfirmed>().only::<OrderCancelled>();
    main.store(StoreSpec::key_value(STORE));
    main.sink(EVENTS, topics::PAYMENTS_EVENTS);
    main.processor("charges", &[ORDERS], &[STORE], move || Charges { settings });
    topology.choreography(choreography());
    topology
        .unpublished("charges and refunds that the provider has not answered, and orders that must never be charged");
    topology.build()
}

/// Feeds one order's [`Payment`] with what happens, and does what it wants.
struct Charges {
    settings: Settings,
}

impl Processor for Charges {
    fn process(&mut self, record: &Record<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let (order_id, input) = if record.is::<OrderConfirmed>() {
            let OrderConfirmed { order_id, customer_id, total, .. } = record.decode()?;
            (order_id, Input::OrderConfirmed { customer_id, total })
        } else {
            let OrderCancelled { order_id, reason, .. } = record.decode()?;
            (order_id, Input::OrderCancelled { reason })
        };
        self.turn(&order_id, input, context)
    }

    fn on_timer(&mut self, timer: &Timer, context: &mut Context<'_>) -> Result<(), Failure> {
        self.turn(&OrderId::new(timer.key_text())?, Input::RefundDue, context)
    }

    fn on_call_result(&mut self, result: &CallResult, context: &mut Context<'_>) -> Result<(), Failure> {
        let unreadable = |error| Failure::state(format!("a payment's call can't be read: {error}"));
        let answer = match &result.outcome {
            Ok(answer) => serde_json::from_slice(answer).map_err(unreadable)?,
            Err(reason) => Answer::Refused { reason: reason.clone() },
        };
        let (order_id, input) = match serde_json::from_slice(&result.request).map_err(unreadable)? {
            Request::Charge { order_id, .. } => (order_id, Input::ChargeAnswered(answer)),
            Request::Refund { order_id, tries, .. } => (order_id, Input::RefundAnswered { tries, answer }),
        };
        self.turn(&order_id, input, context)
    }
}

impl Charges {
    fn turn(&self, order_id: &OrderId, input: Input, context: &mut Context<'_>) -> Result<(), Failure> {
        let key = order_id.as_str().as_bytes();
        let before: Payment = context.get_json(STORE, key)?.unwrap_or_default();
        let turn = before.clone().on(order_id, input, &self.settings)?;
        if turn.payment != before {
            context.put_json(STORE, key, &turn.payment)?;
        }
        for action in turn.actions {
            match action {
                Action::Ask(request) => ask(order_id, &request, context)?,
                Action::RetryRefundIn { wait_ms } => {
                    context.schedule(RETRY_REFUND, key, context.now().plus_millis(wait_ms), TimeKind::WallClock)?;
                }
                Action::Emit(fact) => emit(order_id, fact, context)?,
            }
        }
        Ok(())
    }
}

/// A refund waits behind the charge of its order: calls of one ordering key are made one after another.
fn ask(order_id: &OrderId, request: &Request, context: &mut Context<'_>) -> Result<(), Failure> {
    let bytes =
        serde_json::to_vec(request).map_err(|error| Failure::state(format!("a request is no JSON: {error}")))?;
    context.call(Call {
        step: STEP,
        ordering_key: order_id.as_str().as_bytes(),
        idempotency_key: request.idempotency_key(),
        request: bytes,
    })
}

fn emit(order_id: &OrderId, fact: Fact, context: &mut Context<'_>) -> Result<(), Failure> {
    let (order_id, payment_id) = (order_id.clone(), payment_id(order_id)?);
    match fact {
        Fact::Processed { amount } => context.send(EVENTS, &PaymentProcessed { order_id, payment_id, amount }),
        Fact::Failed { reason } => context.send(EVENTS, &PaymentFailed { order_id, payment_id, reason }),
        Fact::Refunded { amount, reason } => {
            context.send(EVENTS, &PaymentRefunded { order_id, payment_id, amount, reason })
        }
        Fact::RefundFailed { reason } => context.send(EVENTS, &RefundFailed { order_id, payment_id, reason }),
    }
}

#[cfg(test)]
mod tests;
