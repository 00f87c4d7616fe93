//! Whatever comes into a command topic, or into an event topic from a stranger, gets a clear answer or a dead letter,
//! and the orders behind it on the same partition finish.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod binary;
mod kind;
mod outcome;
mod shop;
mod stock;
mod text;
mod typed;

use std::time::Duration;

use headwater_tests::headwater::Headwater;
use headwater_tests::platform::Platform;

use kind::{Kind, Schemas};
use outcome::Outcomes;
use shop::Shop;

const KINDS_MIN: usize = 30;
const WITHIN: Duration = Duration::from_secs(90);

#[test]
fn broken_input_is_answered_and_the_orders_behind_it_finish() {
    let folder = tempfile::tempdir().unwrap();
    let (mut process, ports) = Headwater::dev(&folder.path().join("dev"), None, &[], &folder.path().join("dev.log"));
    let platform = Platform::of_dev(&ports);
    let kinds = kinds(&Schemas::fetch(&platform));
    let mut shop = Shop::open(&platform);
    for (number, kind) in kinds.iter().enumerate() {
        shop.send(number, kind);
    }
    shop.wait_until_the_good_orders_are_delivered(WITHIN, || process.check().unwrap());
    let outcomes = Outcomes::read(&platform, WITHIN);
    let wrong: Vec<String> = kinds
        .iter()
        .zip(shop.sent())
        .filter_map(|(kind, sent)| {
            let what = outcomes.check(&kind.expected, sent).err()?;
            Some(format!("{}: expected {:?}\n      {what}", kind.name, kind.expected))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} kinds\n  {}", wrong.len(), kinds.len(), wrong.join("\n  "));
    println!("{} kinds of broken input, {} good orders behind them", kinds.len(), shop.good_orders());
    process.check().unwrap();
}

fn kinds(schemas: &Schemas) -> Vec<Kind> {
    [text::kinds(), typed::kinds(), binary::kinds(schemas), stock::kinds()].concat()
}

#[test]
fn there_are_many_kinds_and_each_has_a_name_of_its_own() {
    let kinds = kinds(&Schemas::none());
    let names: std::collections::BTreeSet<&str> = kinds.iter().map(|kind| kind.name).collect();
    assert_eq!(names.len(), kinds.len());
    assert!(names.len() >= KINDS_MIN, "{}", names.len());
}
