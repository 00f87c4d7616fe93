#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_event::{OrderId, Timestamp};

use super::{Action, Fact, Input, Shipment, shipment_id};
use crate::Settings;

const NOW: Timestamp = Timestamp::from_millis(1_000);
const ARRIVED: Input = Input::Arrived { at: Timestamp::from_millis(1_050) };

fn word(action: &Action) -> String {
    match action {
        Action::Emit(Fact::Dispatched { .. }) => "dispatched".to_owned(),
        Action::Emit(Fact::Failed { reason }) => format!("failed {reason}"),
        Action::Emit(Fact::Delivered { at, .. }) => format!("delivered {}", at.as_millis()),
        Action::Emit(Fact::Recalled { shipment_id }) => {
            format!("recalled {}", shipment_id.as_ref().map_or("nothing", |_| "parcel"))
        }
        Action::Emit(Fact::RecallRefused { reason, .. }) => format!("recall refused {reason}"),
        Action::Start { timer, due } => format!("{} at {}", timer.name(), due.as_millis()),
        Action::StopTimers => "stop".to_owned(),
    }
}

/// Feeds inputs one after another; what each gave must be as written, separated by commas.
#[track_caller]
fn check(settings: &Settings, steps: &[(Input, &str)]) -> Shipment {
    let mut shipment = Shipment::Absent;
    for (at, (input, expected)) in steps.iter().enumerate() {
        let turn = shipment.on(&OrderId::new("o-1").unwrap(), *input, NOW, settings).unwrap();
        let actions: Vec<String> = turn.actions.iter().map(word).collect();
        assert_eq!(actions.join(", "), *expected, "step {at}: {input:?}");
        shipment = turn.shipment;
    }
    shipment
}

const LEAVES: (Input, &str) = (Input::StockConfirmed, "dispatched, overdue at 1801000, arrival at 1050");

#[test]
fn a_paid_order_with_its_stock_is_dispatched_once_and_delivered_once() {
    let delivered = check(
        &Settings::default(),
        &[
            (Input::OrderPaid, ""),
            LEAVES,
            (Input::StockConfirmed, ""),
            (Input::OrderPaid, ""),
            (ARRIVED, "stop, delivered 1050"),
            (ARRIVED, ""),
            (Input::Overdue, ""),
            (Input::StockConfirmed, ""),
        ],
    );
    assert_eq!(delivered, Shipment::Delivered { recall_refused: false });
}

#[test]
fn confirmed_stock_that_overtakes_the_payment_dispatches() {
    check(&Settings::default(), &[LEAVES, (Input::OrderPaid, "")]);
}

#[test]
fn nothing_leaves_for_an_order_cancelled_before_dispatch() {
    for first in [&[][..], &[(Input::OrderPaid, "")]] {
        let mut steps = first.to_vec();
        steps.extend([(Input::OrderCancelled, ""), (Input::OrderPaid, ""), (Input::StockConfirmed, "")]);
        steps.push((Input::CancellationRequested, ""));
        assert_eq!(check(&Settings::default(), &steps), Shipment::Withdrawn);
    }
}

#[test]
fn a_request_before_the_payment_withdraws_and_leaves_the_answer_to_payments() {
    check(&Settings::default(), &[(Input::CancellationRequested, ""), (Input::StockConfirmed, "")]);
}

#[test]
fn a_request_between_payment_and_dispatch_is_answered_once_and_nothing_leaves() {
    check(
        &Settings::default(),
        &[
            (Input::OrderPaid, ""),
            (Input::CancellationRequested, "recalled nothing"),
            (Input::CancellationRequested, ""),
            (Input::StockConfirmed, ""),
            (Input::OrderCancelled, ""),
        ],
    );
}

#[test]
fn a_parcel_on_its_way_is_called_back_once() {
    let recalled = check(
        &Settings::default(),
        &[
            LEAVES,
            (Input::CancellationRequested, "stop, recalled parcel"),
            (Input::CancellationRequested, ""),
            (ARRIVED, ""),
            (Input::Overdue, ""),
            (Input::OrderCancelled, ""),
        ],
    );
    assert_eq!(recalled, Shipment::Recalled);
}

#[test]
fn a_refused_recall_lets_the_parcel_arrive() {
    let settings = Settings { recall_refused_per_mille: 1_000, ..Settings::default() };
    check(
        &settings,
        &[
            LEAVES,
            (Input::CancellationRequested, "recall refused carrier_refused"),
            (Input::CancellationRequested, ""),
            (ARRIVED, "stop, delivered 1050"),
            (Input::CancellationRequested, ""),
        ],
    );
}

#[test]
fn what_has_arrived_is_not_called_back() {
    check(
        &Settings::default(),
        &[
            LEAVES,
            (ARRIVED, "stop, delivered 1050"),
            (Input::CancellationRequested, "recall refused already_delivered"),
            (Input::CancellationRequested, ""),
        ],
    );
}

#[test]
fn a_parcel_that_never_arrives_fails_when_it_is_overdue() {
    let settings = Settings { lost_per_mille: 1_000, ..Settings::default() };
    let failed = check(
        &settings,
        &[
            (Input::StockConfirmed, "dispatched, overdue at 1801000"),
            (Input::Overdue, "stop, failed lost"),
            (Input::Overdue, ""),
            (Input::OrderCancelled, ""),
            (Input::CancellationRequested, ""),
        ],
    );
    assert_eq!(failed, Shipment::Failed);
}

#[test]
fn an_order_that_the_carrier_does_not_take_fails_once() {
    let settings = Settings { failed_per_mille: 1_000, ..Settings::default() };
    let steps =
        [(Input::StockConfirmed, "failed carrier_refused"), (Input::StockConfirmed, ""), (Input::OrderCancelled, "")];
    check(&settings, &steps);
}

#[test]
fn without_a_delay_parcels_arrive_as_they_leave() {
    check(&Settings::none(), &[(Input::StockConfirmed, "dispatched, delivered 1000"), (ARRIVED, "")]);
}

#[test]
fn shares_are_kept_and_an_order_is_decided_the_same_every_time() {
    let settings = Settings { failed_per_mille: 100, ..Settings::default() };
    let failed = || (0..10_000).filter(|n| !settings.takes(&OrderId::new(&format!("o-{n}")).unwrap())).count();
    assert!(failed().abs_diff(1_000) < 100, "{}", failed());
    assert_eq!(failed(), failed());
    shipment_id(&OrderId::new(&"x".repeat(200)).unwrap()).unwrap();
}

#[test]
fn the_state_is_readable_json() {
    let json = serde_json::to_string(&Shipment::Dispatched { recall_refused: false }).unwrap();
    assert_eq!(json, r#"{"state":"dispatched","recall_refused":false}"#);
    assert_eq!(serde_json::to_string(&Shipment::Paid).unwrap(), r#"{"state":"paid"}"#);
}
