#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::json;

use super::*;

#[test]
fn a_table_has_its_columns_under_each_other() {
    let mut grid = Grid::new(&["TOPIC", "RECORDS"]);
    grid.row(["orders.events", "12"]);
    grid.row(["a", "1000000"]);
    assert_eq!(grid.render(None), "TOPIC          RECORDS\norders.events  12\na              1000000\n");
}

#[test]
fn a_table_without_rows_is_its_header() {
    assert_eq!(Grid::new(&["A", "B"]).render(Some(80)), "A  B\n");
}

#[test]
fn a_table_stays_within_the_terminal() {
    let mut grid = Grid::new(&["NAME", "TEXT"]);
    grid.row(["x", &"word ".repeat(40)]);
    assert!(grid.render(Some(40)).lines().all(|line| line.chars().count() <= 40));
}

#[test]
fn one_document_in_every_format() {
    let document = json!({"topic": "orders.events", "records": 12});
    let of = |format| render(format, &document, || "TOPIC".to_owned()).unwrap();
    assert_eq!(of(Format::Table), "TOPIC\n");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&of(Format::Json)).unwrap(), document);
    assert_eq!(of(Format::Yaml), "topic: orders.events\nrecords: 12\n");
}

#[test]
fn control_characters_never_reach_the_terminal() {
    assert_eq!(one_line("a\x1b[31mb\nc", 80), "a [31mb c");
    assert_eq!(one_line("abcdef", 4), "abcd…");
    assert_eq!(one_line("abcd", 4), "abcd");
}
