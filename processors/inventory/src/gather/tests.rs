#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

pub(super) fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

pub(super) fn line(text: &str, quantity: i64, unit_price_minor: Option<i64>) -> Line {
    Line { sku: sku(text), quantity, unit_price_minor }
}

pub(super) fn created(lines: Vec<Line>) -> News {
    News::Created { currency: Currency::new("GBP").unwrap(), lines }
}

fn answered(text: &str, answer: Answer) -> News {
    News::Answered { sku: sku(text), answer }
}

fn held(text: &str, unit_price_minor: i64) -> News {
    answered(text, Answer::Reserved { quantity: 1, unit_price_minor })
}

fn rejected(text: &str, reason: &str) -> News {
    answered(text, Answer::Rejected { reason: reason.into() })
}

fn released(text: &str) -> News {
    answered(text, Answer::Released { quantity: 1 })
}

fn confirmed(text: &str) -> News {
    answered(text, Answer::Confirmed { quantity: 1 })
}

fn cancelled() -> News {
    News::Cancelled { reason: "requested".into() }
}

pub(super) fn word(saying: &Saying) -> String {
    match saying {
        Saying::Ask { sku, command: HoldCommand::Reserve { quantity, unit_price_minor, .. } } => {
            format!("reserve {quantity} {sku} {unit_price_minor:?}")
        }
        Saying::Ask { sku, command: HoldCommand::Release } => format!("release {sku}"),
        Saying::Ask { sku, command: HoldCommand::Confirm } => format!("confirm {sku}"),
        Saying::Reserved { total, .. } => format!("RESERVED {}", total.minor),
        Saying::ReservationFailed { reason, rejected } => {
            let skus: Vec<_> = rejected.iter().map(|(sku, _)| sku.as_str()).collect();
            format!("RESERVATION FAILED {reason} {}", skus.join(","))
        }
        Saying::Confirmed => "CONFIRMED".to_owned(),
        Saying::ConfirmationFailed { reason } => format!("CONFIRMATION FAILED {reason}"),
        Saying::Released { reason } => format!("RELEASED {reason}"),
        Saying::ExpiryDue => "EXPIRY DUE".to_owned(),
    }
}

fn check(news: Vec<News>, expected: &[&str]) -> Gathering {
    let mut gathering = Gathering::default();
    let mut words = Vec::new();
    for news in news {
        words.extend(gathering.hear(news).iter().map(word));
        let text = serde_json::to_string(&gathering).unwrap();
        assert_eq!(serde_json::from_str::<Gathering>(&text).unwrap(), gathering);
    }
    assert_eq!(words, expected);
    gathering
}

#[test]
fn it_decides_only_after_every_sku_has_answered() {
    let lines = vec![line("a", 1, None), line("b", 2, Some(10))];
    let asked = ["reserve 1 a None", "reserve 2 b Some(10)"];
    check(vec![created(lines.clone()), rejected("a", "out_of_stock")], &asked);
    check(
        vec![created(lines.clone()), rejected("a", "out_of_stock"), held("b", 10)],
        &[asked[0], asked[1], "release b", "RESERVATION FAILED out_of_stock a"],
    );
    check(vec![created(lines), held("b", 10), held("a", 5)], &[asked[0], asked[1], "RESERVED 25"]);
}

#[test]
fn repeated_lines_ask_once_and_keep_the_price_of_each() {
    let lines = vec![line("a", 1, Some(10)), line("b", 1, Some(1)), line("a", 2, Some(7))];
    check(
        vec![created(lines), held("a", 10), held("b", 1)],
        &["reserve 3 a Some(10)", "reserve 1 b Some(1)", "RESERVED 25"],
    );
}

#[test]
fn repeated_lines_of_which_one_has_no_price_take_the_catalogues_for_that_one() {
    let lines = vec![line("a", 1, Some(10)), line("a", 2, None)];
    check(vec![created(lines), held("a", 4)], &["reserve 3 a None", "RESERVED 18"]);
}

#[test]
fn a_total_that_overflows_is_refused_and_everything_given_back() {
    let gathering = check(
        vec![created(vec![line("a", i64::MAX, None)]), held("a", 2)],
        &[&format!("reserve {} a None", i64::MAX), "release a", "RESERVATION FAILED total_too_large "],
    );
    assert_eq!(gathering.phase, Phase::Refused);
}

#[test]
fn a_paid_order_confirms_all_its_stock() {
    let lines = vec![line("a", 1, None), line("b", 1, None)];
    check(
        vec![
            created(lines),
            held("a", 1),
            held("b", 1),
            News::Confirmed,
            News::Paid,
            News::Paid,
            confirmed("b"),
            confirmed("a"),
        ],
        &["reserve 1 a None", "reserve 1 b None", "RESERVED 2", "confirm a", "confirm b", "CONFIRMED"],
    );
}

#[test]
fn stock_that_cannot_be_confirmed_is_told_and_given_back_on_cancellation() {
    let lines = vec![line("a", 1, None), line("b", 1, None)];
    let failed = answered("a", Answer::ConfirmationFailed { reason: "released".into() });
    check(
        vec![
            created(lines),
            held("a", 1),
            held("b", 1),
            News::Paid,
            failed,
            confirmed("b"),
            cancelled(),
            released("b"),
            released("a"),
        ],
        &[
            "reserve 1 a None",
            "reserve 1 b None",
            "RESERVED 2",
            "confirm a",
            "confirm b",
            "CONFIRMATION FAILED released",
            "release a",
            "release b",
            "RELEASED requested",
        ],
    );
}

#[test]
fn a_payment_for_what_is_not_reserved_fails_its_confirmation() {
    check(vec![News::Paid], &["CONFIRMATION FAILED not_reserved"]);
}

#[test]
fn a_cancellation_while_answers_are_outstanding_releases_all_and_says_so_once() {
    let lines = vec![line("a", 1, None), line("b", 1, None)];
    let gathering = check(
        vec![
            created(lines),
            held("a", 1),
            cancelled(),
            held("b", 1),
            released("a"),
            cancelled(),
            released("b"),
            released("b"),
            cancelled(),
        ],
        &["reserve 1 a None", "reserve 1 b None", "release a", "release b", "RELEASED requested"],
    );
    assert_eq!(gathering, Gathering { phase: Phase::Released, ..Gathering::default() });
}

#[test]
fn a_cancellation_after_a_refusal_waits_for_what_is_being_given_back() {
    let lines = vec![line("a", 1, None), line("b", 1, None)];
    check(
        vec![created(lines.clone()), rejected("a", "x"), held("b", 1), cancelled(), released("b")],
        &["reserve 1 a None", "reserve 1 b None", "release b", "RESERVATION FAILED x a", "RELEASED requested"],
    );
    check(
        vec![created(vec![line("a", 1, None)]), rejected("a", "x"), cancelled()],
        &["reserve 1 a None", "RESERVATION FAILED x a", "RELEASED requested"],
    );
}

#[test]
fn a_cancellation_after_confirmation_takes_the_stock_back() {
    check(
        vec![created(vec![line("a", 1, None)]), held("a", 1), News::Paid, confirmed("a"), cancelled(), released("a")],
        &["reserve 1 a None", "RESERVED 1", "confirm a", "CONFIRMED", "release a", "RELEASED requested"],
    );
}

#[test]
fn a_cancellation_while_confirming_waits_for_the_release_alone() {
    check(
        vec![created(vec![line("a", 1, None)]), held("a", 1), News::Paid, cancelled(), confirmed("a"), released("a")],
        &["reserve 1 a None", "RESERVED 1", "confirm a", "release a", "RELEASED requested"],
    );
}

#[test]
fn a_hold_expires_as_a_request_and_only_while_it_is_not_pinned() {
    let lines = vec![line("a", 1, None)];
    check(vec![created(lines.clone()), News::Expired], &["reserve 1 a None"]);
    let held_on = check(
        vec![created(lines.clone()), held("a", 1), News::Expired],
        &["reserve 1 a None", "RESERVED 1", "EXPIRY DUE"],
    );
    assert_eq!(held_on.phase, Phase::Reserved, "the hold stays until the order is cancelled");
    let pinned =
        check(vec![created(lines), held("a", 1), News::Confirmed, News::Expired], &["reserve 1 a None", "RESERVED 1"]);
    assert!(!pinned.may_expire());
}

#[test]
fn a_repeated_order_and_answers_of_strangers_change_nothing() {
    let lines = vec![line("a", 1, None)];
    check(
        vec![
            created(lines.clone()),
            created(lines),
            held("z", 1),
            confirmed("a"),
            released("a"),
            held("a", 1),
            held("a", 9),
        ],
        &["reserve 1 a None", "RESERVED 1"],
    );
}

#[test]
fn a_cancellation_of_an_order_never_seen_is_released_at_once() {
    check(vec![cancelled(), created(vec![line("a", 1, None)])], &["RELEASED requested"]);
}
