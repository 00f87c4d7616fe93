#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn gbp() -> Currency {
    Currency::new("GBP").unwrap()
}

fn stocked(on_hand: i64, price_minor: Option<i64>) -> Option<Product> {
    let received = CatalogueFact::Received { quantity: on_hand }.evolve("a", None);
    Some(Product { price: price_minor.map(|minor| Money::new(minor, gbp())), ..received })
}

fn reserve(quantity: i64, unit_price_minor: Option<i64>) -> HoldCommand {
    HoldCommand::Reserve { quantity, currency: gbp(), unit_price_minor }
}

/// Applies commands of one order to one SKU; gives the answers as words, and on hand, reserved and confirmed at the end.
fn run(product: Option<Product>, commands: &[HoldCommand]) -> (Vec<String>, Option<[i64; 3]>) {
    let (mut product, mut hold) = (product, None);
    let mut words = Vec::new();
    for command in commands {
        words.push(match command.apply(&mut product, &mut hold) {
            Answer::Reserved { quantity, unit_price_minor } => format!("reserved {quantity} at {unit_price_minor}"),
            Answer::Rejected { reason } => format!("rejected {reason}"),
            Answer::Released { quantity } => format!("released {quantity}"),
            Answer::Confirmed { quantity } => format!("confirmed {quantity}"),
            Answer::ConfirmationFailed { reason } => format!("confirmation failed {reason}"),
        });
        assert!(product.as_ref().is_none_or(Product::is_balanced));
    }
    (words, product.map(|product| [product.on_hand, product.reserved, product.confirmed]))
}

fn check(product: Option<Product>, commands: &[HoldCommand], answers: &[&str], stock: Option<[i64; 3]>) {
    assert_eq!(run(product, commands), (answers.iter().map(|&word| word.to_owned()).collect(), stock));
}

use HoldCommand::{Confirm, Release};

#[test]
fn stock_is_reserved_confirmed_and_restocked() {
    let commands = [reserve(3, None), Confirm, Release];
    check(stocked(10, Some(250)), &commands[..1], &["reserved 3 at 250"], Some([7, 3, 0]));
    check(stocked(10, Some(250)), &commands[..2], &["reserved 3 at 250", "confirmed 3"], Some([7, 0, 3]));
    check(stocked(10, Some(250)), &commands, &["reserved 3 at 250", "confirmed 3", "released 3"], Some([10, 0, 0]));
}

#[test]
fn the_last_unit_can_be_reserved_and_one_more_cannot() {
    check(stocked(3, Some(1)), &[reserve(3, None)], &["reserved 3 at 1"], Some([0, 3, 0]));
    check(stocked(3, Some(1)), &[reserve(4, None)], &["rejected out_of_stock"], Some([3, 0, 0]));
}

#[test]
fn an_agreed_price_wins_over_the_catalogue_and_needs_none() {
    check(stocked(9, Some(250)), &[reserve(1, Some(200))], &["reserved 1 at 200"], Some([8, 1, 0]));
    check(stocked(9, None), &[reserve(1, Some(200))], &["reserved 1 at 200"], Some([8, 1, 0]));
    check(stocked(9, None), &[reserve(1, None)], &["rejected price_unknown"], Some([9, 0, 0]));
}

#[test]
fn a_catalogue_price_in_another_currency_is_a_mismatch() {
    let euros = HoldCommand::Reserve { quantity: 1, currency: Currency::new("EUR").unwrap(), unit_price_minor: None };
    check(stocked(9, Some(250)), &[euros], &["rejected currency_mismatch"], Some([9, 0, 0]));
}

#[test]
fn an_unknown_product_is_rejected() {
    check(None, &[reserve(1, Some(5)), Release], &["rejected unknown_product", "released 0"], None);
}

#[test]
fn a_release_that_overtakes_its_reserve_leaves_a_tombstone() {
    check(stocked(9, Some(1)), &[Release, reserve(1, None)], &["released 0", "rejected released"], Some([9, 0, 0]));
}

#[test]
fn released_is_terminal() {
    check(
        stocked(9, Some(1)),
        &[reserve(2, None), Release, Confirm, reserve(2, None)],
        &["reserved 2 at 1", "released 2", "confirmation failed released", "rejected released"],
        Some([9, 0, 0]),
    );
}

#[test]
fn repeated_requests_get_the_same_answer_and_move_nothing() {
    check(
        stocked(9, Some(1)),
        &[reserve(2, None), reserve(2, None), Confirm, Confirm, Release, Release],
        &["reserved 2 at 1", "reserved 2 at 1", "confirmed 2", "confirmed 2", "released 2", "released 2"],
        Some([9, 0, 0]),
    );
    check(stocked(1, Some(1)), &[reserve(2, None), reserve(1, None)], &["rejected out_of_stock"; 2], Some([1, 0, 0]));
}

#[test]
fn what_is_not_held_cannot_be_confirmed() {
    check(stocked(9, Some(1)), &[Confirm], &["confirmation failed not_held"], Some([9, 0, 0]));
    check(
        stocked(1, Some(1)),
        &[reserve(2, None), Confirm],
        &["rejected out_of_stock", "confirmation failed rejected"],
        Some([1, 0, 0]),
    );
}

fn check_refused(product: Option<&Product>, command: CatalogueCommand, reason: &str, field: &str) {
    let refusal = command.decide("a", product).unwrap_err();
    assert_eq!((refusal.reason, refusal.field.as_deref()), (reason, Some(field)));
}

fn adjust(quantity: i64) -> CatalogueCommand {
    CatalogueCommand::Adjust { quantity, reason: String::new() }
}

fn define(name: &str, description: &str, price_minor: i64) -> CatalogueCommand {
    let price = Money::new(price_minor, gbp());
    CatalogueCommand::Define { name: name.to_owned(), description: description.to_owned(), price }
}

#[test]
fn receiving_an_unknown_sku_defines_it_without_a_price() {
    let facts = CatalogueCommand::Receive { quantity: 1_000 }.decide("84029E", None).unwrap();
    let product = facts.iter().fold(None, |product, fact| Some(fact.evolve("84029E", product))).unwrap();
    assert_eq!(facts.len(), 2);
    assert_eq!((product.name.as_str(), product.price, product.on_hand), ("84029E", None, 1_000));
}

#[test]
fn stock_that_cannot_be_received_is_refused() {
    check_refused(None, CatalogueCommand::Receive { quantity: 0 }, "quantity_not_positive", "quantity");
    check_refused(None, CatalogueCommand::Receive { quantity: i64::MAX }, "quantity_too_large", "quantity");
    let full = stocked(UNITS_MAX, None).unwrap();
    check_refused(Some(&full), CatalogueCommand::Receive { quantity: 1 }, "quantity_too_large", "quantity");
}

#[test]
fn an_adjustment_never_takes_what_is_held() {
    let (mut product, mut hold) = (stocked(10, Some(1)), None);
    reserve(4, None).apply(&mut product, &mut hold);
    let product = product.unwrap();
    check_refused(Some(&product), adjust(-7), "below_held", "quantity");
    let facts = adjust(-6).decide("a", Some(&product)).unwrap();
    let after = facts[0].evolve("a", Some(product));
    assert!(after.is_balanced());
    assert_eq!((after.on_hand, after.reserved, after.adjusted), (0, 4, -6));
}

#[test]
fn adjustments_that_make_no_sense_are_refused() {
    check_refused(None, adjust(5), "unknown_product", "sku");
    let product = stocked(10, None).unwrap();
    check_refused(Some(&product), adjust(0), "quantity_zero", "quantity");
    check_refused(Some(&product), adjust(i64::MAX), "quantity_too_large", "quantity");
    check_refused(Some(&product), adjust(i64::MIN), "quantity_too_large", "quantity");
}

#[test]
fn definitions_are_checked_and_may_change_a_product_but_not_its_stock() {
    check_refused(None, define(" ", "", 1), "name_empty", "name");
    check_refused(None, define(&"n".repeat(NAME_CHARS_MAX + 1), "", 1), "name_too_long", "name");
    check_refused(None, define("n", &"d".repeat(DESCRIPTION_CHARS_MAX + 1), 1), "description_too_long", "description");
    check_refused(None, define("n", "", -1), "price_negative", "price.minor");
    let product = stocked(10, Some(1));
    let facts = define("Mouse", "It clicks.", 2_999).decide("a", product.as_ref()).unwrap();
    let after = facts[0].evolve("a", product);
    assert_eq!((after.name.as_str(), after.price.unwrap().minor, after.on_hand), ("Mouse", 2_999, 10));
}
