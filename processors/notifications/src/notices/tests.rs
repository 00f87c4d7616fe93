#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use headwater_event::{Currency, CustomerId, Money, OrderId, ShipmentId, Timestamp};
use proptest::prelude::*;

use super::{News, Notices, Outcome, Template};

fn order() -> OrderId {
    OrderId::new("o-1").unwrap()
}

fn customer() -> CustomerId {
    CustomerId::new("c-1").unwrap()
}

fn all_news() -> [News; 4] {
    [
        News::OrderConfirmed { total: Money::new(2_034, Currency::new("GBP").unwrap()) },
        News::OrderShipped { shipment_id: ShipmentId::new("ship-1").unwrap() },
        News::OrderDelivered { delivered_at: Timestamp::from_millis(0) },
        News::OrderCancelled { reason: "requested".to_owned() },
    ]
}

#[test]
fn news_are_told_once_in_plain_words() {
    let mut notices = Notices::default();
    notices.know(customer());
    let texts: Vec<String> =
        all_news().into_iter().map(|news| notices.hear(&order(), news).unwrap().to_string()).collect();
    assert_eq!(
        texts,
        [
            "order o-1 is confirmed; it costs 20.34 GBP",
            "order o-1 is on its way as ship-1",
            "order o-1 has arrived, 1970-01-01T00:00:00.000Z",
            "order o-1 is cancelled: requested",
        ]
    );
    assert!(all_news().into_iter().all(|news| notices.hear(&order(), news).is_none()));
}

#[test]
fn nothing_is_sent_while_nobody_knows_to_whom() {
    let [confirmed, ..] = all_news();
    assert_eq!(Notices::default().hear(&order(), confirmed), None);
}

#[test]
fn the_first_customer_of_an_order_is_its_customer() {
    let mut notices = Notices::default();
    notices.know(customer());
    notices.know(CustomerId::new("c-2").unwrap());
    assert_eq!(notices.customer_id, Some(customer()));
}

#[test]
fn a_message_that_was_refused_is_not_said_to_be_sent_and_not_tried_again() {
    let mut notices = Notices::default();
    notices.know(customer());
    let [confirmed, ..] = all_news();
    notices.hear(&order(), confirmed.clone()).unwrap();
    assert!(!notices.answered(Template::OrderConfirmed, false));
    assert!(!notices.answered(Template::OrderConfirmed, true), "its one answer has come");
    assert_eq!(notices.hear(&order(), confirmed), None);
}

#[test]
fn the_state_is_readable_json() {
    let messages = BTreeMap::from([(Template::OrderShipped, Outcome::Sent)]);
    let notices = Notices { customer_id: Some(customer()), messages };
    let json = serde_json::to_string(&notices).unwrap();
    assert_eq!(json, r#"{"customer_id":"c-1","messages":{"order_shipped":"sent"}}"#);
    assert_eq!(serde_json::from_str::<Notices>(&json).unwrap(), notices);
}

proptest! {
    #[test]
    fn any_order_of_events_and_answers_sends_each_message_at_most_once(
        steps in proptest::collection::vec((0_usize..9, any::<bool>()), 0..60),
    ) {
        let mut notices = Notices::default();
        let mut asked: BTreeMap<Template, u32> = BTreeMap::new();
        let mut sent: BTreeMap<Template, u32> = BTreeMap::new();
        for (what, yes) in steps {
            match (all_news().get(what), all_news().get(what.wrapping_sub(4))) {
                (Some(news), _) => {
                    if let Some(notification) = notices.hear(&order(), news.clone()) {
                        *asked.entry(notification.news.template()).or_default() += 1;
                    }
                }
                (None, Some(news)) => {
                    if notices.answered(news.template(), yes) {
                        prop_assert!(asked.contains_key(&news.template()), "sent without being asked for");
                        *sent.entry(news.template()).or_default() += 1;
                    }
                }
                (None, None) => notices.know(customer()),
            }
        }
        prop_assert!(asked.values().chain(sent.values()).all(|count| *count == 1), "{:?} {:?}", asked, sent);
    }
}
