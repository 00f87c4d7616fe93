#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::outcome::tally;
use super::super::{data, shop};
use super::*;

#[test]
fn prices_are_read_digit_by_digit() {
    let check = |text: &str, expected: Option<i64>| assert_eq!(hundredths(text), expected, "{text}");
    check("3.39", Some(339));
    check("7", Some(700));
    check("1.5", Some(150));
    check("-0.05", Some(-5));
    check("1.234", None);
    check("1.2.3", None);
    check("x", None);
}

#[test]
fn the_file_is_what_it_is_said_to_be() {
    let text = data::text().unwrap();
    let invoices = data::invoices(&text, None).unwrap();
    let count = count(&text, usize::MAX, &shop::stock(&invoices), Profile::DEFAULT).unwrap();
    assert_eq!(count.outcomes.len(), 7_919);
    let Oddities { credit_notes, corrections, guests, .. } = count.oddities;
    assert_eq!((credit_notes, corrections, guests), (345, 75, 830));
    let tally = tally(count.outcomes.values());
    assert_eq!(tally[&Outcome::Rejected("quantity_not_positive".to_owned())], 420);
    assert_eq!(tally[&Outcome::Cancelled("unknown_product".to_owned())], 2);
    assert_eq!(tally.values().sum::<usize>(), 7_919);
    let declined = tally[&Outcome::Cancelled("payment_declined".to_owned())];
    assert!((75..225).contains(&declined), "about 2 % are declined: {declined}");
    let delivered = tally[&Outcome::Delivered];
    assert_eq!(count.by_day.values().map(|day| day.orders).sum::<i64>(), i64::try_from(delivered).unwrap());
}

#[test]
fn each_kind_of_order_ends_as_the_shop_decided() {
    let invoice = |id: &str, sku: &str, quantity: i64, price: &str| {
        format!(
            r#"{{"invoice":"{id}","customer":null,"ordered_at":"2011-08-31T10:00:00Z","items":[{{"sku":"{sku}","quantity":{quantity},"unit_price":"{price}"}}]}}"#
        )
    };
    let stock = Stock { sold_out: [("22222".to_owned(), "LANTERN".to_owned())].into(), ..Stock::default() };
    let check = |line: &str, expected: Outcome| {
        let count = count(line, 1, &stock, Profile::NONE).unwrap();
        assert_eq!(count.outcomes.into_values().collect::<Vec<_>>(), [expected], "{line}");
        count.by_day.get("2011-08-31").copied()
    };
    let sold = check(&invoice("1", "84029E", 6, "3.39"), Outcome::Delivered);
    assert_eq!(sold, Some(Takings { orders: 1, minor: 2034 }));
    assert_eq!(check(&invoice("2", "POST", 1, "0.00"), Outcome::Delivered), Some(Takings { orders: 1, minor: 0 }));
    check(&invoice("C3", "84029E", -1, "3.39"), Outcome::Rejected("quantity_not_positive".to_owned()));
    check(&invoice("4", "22222", 1, "1.00"), Outcome::Cancelled("out_of_stock".to_owned()));
    assert_eq!(check(&invoice("5", "AMAZONFEE", 1, "9.00"), Outcome::Cancelled("unknown_product".to_owned())), None);
}
