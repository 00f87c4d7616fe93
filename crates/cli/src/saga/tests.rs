#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::json;

use super::*;

fn saga(ended: Option<i64>) -> SagaView {
    serde_json::from_value(json!({
        "order_id": "o-1", "correlation_id": "c", "state": "completed", "anomalies": ["two payments"],
        "steps": [
            {"event_id": "1", "type": "headwater.orders.OrderCreated", "at": 1000, "causation_id": "0"},
            {"event_id": "2", "type": "headwater.inventory.InventoryReserved", "at": 1040, "causation_id": "1"},
            {"event_id": "3", "type": "headwater.orders.OrderConfirmed", "at": 1050},
        ],
        "started_at": 1000, "updated_at": 1050, "ended_at": ended
    }))
    .unwrap()
}

#[test]
fn a_saga_shows_every_event_with_its_cause() {
    let text = describe(&saga(Some(1_050)));
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(lines.contains(&vec!["anomaly", "two", "payments"]), "{text}");
    assert!(text.contains("after 50 ms"), "{text}");
    let causes: Vec<&str> = lines.iter().skip(8).filter_map(|line| line.last().copied()).collect();
    assert_eq!(causes, ["saga", "OrderCreated", "-"], "{text}");
}

#[test]
fn watching_shows_each_event_once() {
    let saga = saga(None);
    let ids = |steps: Vec<&SagaStep>| steps.into_iter().map(|step| step.event_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(unseen(&saga, &[])), ["1", "2", "3"]);
    assert_eq!(ids(unseen(&saga, &["1".to_owned(), "3".to_owned()])), ["2"]);
}

#[test]
fn a_list_says_which_sagas_go_on() {
    let text = table(&[saga(None), saga(Some(1_050))]).render(None);
    assert!(text.contains("(goes on)") && text.contains("50 ms"), "{text}");
}
