#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::VecDeque;

use headwater_event::Sku;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

pub(crate) fn order_id() -> OrderId {
    OrderId::new("o-1").unwrap()
}

pub(crate) fn created(placed_at_ms: i64) -> Change {
    Change::Created(Created {
        customer_id: CustomerId::new("c-1").unwrap(),
        currency: Currency::new("GBP").unwrap(),
        items: vec![OrderLine { sku: Sku::new("a").unwrap(), quantity: 2, unit_price_minor: None }],
        placed_at: Timestamp::from_millis(placed_at_ms),
    })
}

fn payment(status: PaymentStatus) -> Change {
    Change::Payment(status, PaymentId::new("p-1").unwrap())
}

pub(crate) fn cancelled(reason: &str) -> Change {
    Change::Cancelled(Cancellation { reason: reason.into(), detail: String::new() })
}

fn view(changes: Vec<Change>) -> OrderView {
    let mut document = Document::default();
    for (at, change) in (1..).zip(changes) {
        document.apply(change, Timestamp::from_millis(at));
    }
    document.view(&order_id()).unwrap()
}

#[test]
fn a_delivered_order_shows_all_that_happened() {
    let view = view(vec![
        created(0),
        Change::Inventory(InventoryStatus::Reserved),
        Change::Confirmed(500),
        payment(PaymentStatus::Completed),
        Change::Paid,
        Change::Inventory(InventoryStatus::Confirmed),
        Change::Shipped(ShipmentId::new("s-1").unwrap()),
        Change::Delivered,
    ]);
    assert_eq!(
        (view.status.as_str(), view.payment_status.as_str(), view.inventory_status.as_str()),
        ("delivered", "completed", "confirmed")
    );
    assert_eq!((view.total_minor, view.updated_at.as_millis()), (Some(500), 8));
    assert_eq!((view.payment_id.unwrap().as_str(), view.shipment_id.unwrap().as_str()), ("p-1", "s-1"));
}

#[test]
fn an_order_out_of_stock_is_cancelled_and_stays_rejected_when_the_rest_is_released() {
    let view = view(vec![
        created(0),
        Change::Inventory(InventoryStatus::Rejected),
        cancelled("out_of_stock"),
        Change::Inventory(InventoryStatus::Released),
    ]);
    assert_eq!((view.status.as_str(), view.inventory_status.as_str()), ("cancelled", "rejected"));
    assert_eq!((view.cancellation_reason.as_deref(), view.cancellation_detail), (Some("out_of_stock"), None));
}

#[test]
fn a_refunded_order_says_so() {
    let view = view(vec![
        created(0),
        Change::Confirmed(500),
        payment(PaymentStatus::Completed),
        cancelled("requested"),
        Change::Inventory(InventoryStatus::Released),
        payment(PaymentStatus::Refunded),
        Change::Seen,
    ]);
    assert_eq!((view.payment_status.as_str(), view.inventory_status.as_str()), ("refunded", "released"));
}

#[test]
fn an_order_is_not_shown_before_it_is_known_to_be_created() {
    let mut document = Document::default();
    document.apply(payment(PaymentStatus::Completed), Timestamp::from_millis(1));
    assert_eq!(document.view(&order_id()), None);
}

#[test]
fn revenue_is_what_paid_orders_that_are_not_cancelled_come_to() {
    let mut document = Document::default();
    let mut revenue = |change| {
        document.apply(change, Timestamp::default());
        document.revenue_minor()
    };
    assert_eq!(revenue(created(0)), None);
    assert_eq!(revenue(Change::Confirmed(500)), None);
    assert_eq!(revenue(Change::Paid), Some(500));
    assert_eq!(revenue(Change::Delivered), Some(500));
    assert_eq!(revenue(cancelled("requested")), None);
}

/// Events by topic; order within a topic is kept.
fn topics() -> [Vec<Change>; 3] {
    [
        vec![created(7), Change::Confirmed(500), Change::Paid, cancelled("shipment_failed")],
        vec![
            Change::Inventory(InventoryStatus::Reserved),
            Change::Inventory(InventoryStatus::Confirmed),
            Change::Inventory(InventoryStatus::Released),
        ],
        vec![payment(PaymentStatus::Completed), Change::Seen, payment(PaymentStatus::Refunded)],
    ]
}

fn bytes_of(choices: &[usize]) -> String {
    let mut queues = topics().map(|events| {
        let timed =
            events.into_iter().enumerate().map(|(place, change)| (change, Timestamp::from_millis(place as i64 * 3)));
        timed.collect::<VecDeque<_>>()
    });
    let mut document = Document::default();
    for choice in choices.iter().chain([0, 1, 2].iter().cycle()) {
        if queues.iter().all(VecDeque::is_empty) {
            break;
        }
        let Some((change, at)) = queues[choice % 3].pop_front() else { continue };
        if choice % 5 == 0 {
            document.apply(change.clone(), at);
        }
        document.apply(change, at);
        document = serde_json::from_str(&serde_json::to_string(&document).unwrap()).unwrap();
    }
    format!(
        "{} {}",
        serde_json::to_string(&document).unwrap(),
        serde_json::to_string(&document.view(&order_id())).unwrap()
    )
}

proptest! {
    #[test]
    fn every_interleaving_of_the_topics_gives_the_same_bytes(choices in vec(0_usize..100, 0..40)) {
        prop_assert_eq!(bytes_of(&choices), bytes_of(&[]));
    }
}
