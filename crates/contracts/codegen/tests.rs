#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Error, SchemaFile, generate};

const TOPICS: &str = "
topics:
  - name: shop.events
    owner: shop
    domain: order
    key: order_id
    anchor: true
    schemas: [schemas/shop/Sold.avsc]
";
const SOLD: &str = r#"{"type":"record","name":"Sold","namespace":"headwater.shop","doc":"It was sold.","fields":[
  {"name":"order_id","type":{"type":"string","headwater.type":"OrderId"},"doc":"The order."},
  {"name":"type","type":"string","doc":"A word that Rust keeps.","default":"cash"},
  {"name":"prices","type":{"type":"array","items":"headwater.Price"},"doc":"What was paid [each]."},
  {"name":"last","type":["null","headwater.Price"],"doc":"The last one."},
  {"name":"tier","type":"headwater.shop.Tier","doc":"How good.","default":"top_tier"},
  {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"When."}]}"#;
const PRICE: &str = r#"{"type":"record","name":"Price","namespace":"headwater","doc":"A price.","fields":[
  {"name":"minor","type":"long","doc":"Minor units."}]}"#;
const TIER: &str =
    r#"{"type":"enum","name":"Tier","namespace":"headwater.shop","doc":"A tier.","symbols":["top_tier","low"]}"#;

fn file(context: &str, name: &str, text: &str) -> SchemaFile {
    SchemaFile { context: context.to_owned(), name: name.to_owned(), text: text.to_owned() }
}

fn shop(sold: &str, topics: &str) -> Result<String, Error> {
    generate(&[file("shop", "Sold", sold), file("shared", "Price", PRICE), file("shop", "Tier", TIER)], topics)
}

/// The schema is refused and the build's message holds every one of `words`.
#[track_caller]
fn refused(outcome: Result<String, Error>, words: &[&str]) {
    let text = outcome.expect_err("accepted").to_string();
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}

#[test]
fn a_record_becomes_a_documented_struct_with_typed_fields_and_defaults() {
    let code = shop(SOLD, TOPICS).unwrap();
    for line in [
        "/// It was sold.",
        "pub order_id: ::headwater_event::OrderId,",
        "pub r#type: ::std::string::String,",
        "fn sold_type() -> ::std::string::String { \"cash\".to_owned() }",
        "/// What was paid \\[each\\].",
        "pub prices: ::std::vec::Vec<crate::shared::Price>,",
        "#[serde(default)]\npub last: ::std::option::Option<crate::shared::Price>,",
        "fn sold_tier() -> crate::shop::Tier { crate::shop::Tier::TopTier }",
        "pub at: ::headwater_event::Timestamp,",
        "#[serde(rename = \"top_tier\")]\nTopTier,",
        "impl ::headwater_event::Message for Sold {",
        "fn subject(&self) -> &str { self.order_id.as_str() }",
    ] {
        assert!(code.contains(line), "{line} is not in\n{code}");
    }
    assert!(!code.contains("Message for Price"), "a part of messages is no message");
}

#[test]
fn a_topic_becomes_a_set_a_typed_name_and_a_row() {
    let code = shop(SOLD, TOPICS).unwrap();
    for line in [
        "pub enum ShopEvents {",
        "Sold(crate::shop::Sold),",
        "impl From<crate::shop::Sold> for ShopEvents {",
        "const SUBJECT_PER_RECORD: bool = true;",
        "pub const ORDER: ::headwater_event::Domain = ::headwater_event::Domain::new(\"order\", \"shop.events\");",
        "pub const SHOP_EVENTS: ::headwater_event::Topic<crate::sets::ShopEvents>",
        "value_schema: None",
    ] {
        assert!(code.contains(line), "{line} is not in\n{code}");
    }
}

#[test]
fn a_schema_stands_alone_and_defines_each_type_once() {
    let code = shop(SOLD, TOPICS).unwrap();
    let literal = code.lines().find(|line| line.contains("const SCHEMA") && line.contains("It was sold")).unwrap();
    assert_eq!(literal.matches(r#"\"name\":\"Price\""#).count(), 1, "{literal}");
    assert!(literal.contains(r#"[\"null\",\"headwater.Price\"]"#), "{literal}");
    assert!(literal.contains(r#"\"name\":\"Tier\",\"doc\""#), "the namespace is the record's own: {literal}");
}

#[test]
fn a_topic_whose_subject_is_its_own_takes_one_schema_or_a_union_of_several() {
    let one = TOPICS.replace("anchor: true", "anchor: true\n    subject_strategy: topic");
    assert!(shop(SOLD, &one).unwrap().contains(r#"value_schema: Some("{\"type\":\"record\",\"name\":\"Sold\""#));
    let two = one.replace("Sold.avsc]", "Sold.avsc, schemas/shop/Lost.avsc]");
    let lost = SOLD.replace("Sold", "Lost");
    let files = [
        file("shop", "Sold", SOLD),
        file("shop", "Lost", &lost),
        file("shared", "Price", PRICE),
        file("shop", "Tier", TIER),
    ];
    let code = generate(&files, &two).unwrap();
    let row = code.lines().find(|line| line.contains("DeclaredTopic {")).unwrap();
    assert!(row.contains(r#"value_schema: Some("[{\"type\":\"record\",\"name\":\"Sold\""#), "{row}");
    assert_eq!(row.matches(r#"\"name\":\"Price\""#).count(), 1, "{row}");
}

#[test]
fn schemas_that_break_a_habit_are_refused_with_the_place_named() {
    let edit = |from: &str, to: &str| shop(&SOLD.replace(from, to), TOPICS);
    refused(edit(r#""doc":"It was sold.","#, ""), &["schemas/shop/Sold.avsc", "doc is missing"]);
    refused(edit(r#","doc":"The order.""#, ""), &["schemas/shop/Sold.avsc", "field order_id", "doc is missing"]);
    refused(edit("headwater.shop\",", "headwater.store\","), &["headwater.store.Sold", "headwater.shop.Sold"]);
    refused(edit("OrderId", "Colour"), &["field order_id", "Colour"]);
    refused(edit("headwater.Price", "headwater.Cost"), &["headwater.Cost", "no file"]);
    refused(edit(r#""default":"top_tier""#, r#""default":"best""#), &["tier", "best", "headwater.shop.Tier"]);
    refused(edit(r#""default":"cash""#, r#""default":7"#), &["type", "default 7"]);
    refused(edit(r#"["null","headwater.Price"]"#, r#"["string","long"]"#), &["field last", "null first"]);
    refused(edit(r#""type":"string","doc""#, r#""type":"bytes","doc""#), &["field type", "bytes"]);
    refused(edit("}]}", "}]"), &["schemas/shop/Sold.avsc", "not JSON"]);
}

#[test]
fn topics_that_do_not_fit_their_schemas_are_refused_with_the_topic_named() {
    let edit = |from: &str, to: &str| shop(SOLD, &TOPICS.replace(from, to));
    refused(edit("key: order_id", "key: sku"), &["shop.events", "first field", "headwater.shop.Sold", "sku"]);
    refused(edit("shop/Sold.avsc", "shop/Bought.avsc"), &["shop.events", "headwater.shop.Bought"]);
    refused(edit("schemas/shop/Sold.avsc", "Sold.avsc"), &["shop.events", "Sold.avsc"]);
    refused(edit("anchor: true", "anchor: false"), &["shop.events", "anchor: true"]);
    refused(edit("[schemas/shop/Sold.avsc]", "[]"), &["schemas/shop/Sold.avsc is in no topic"]);
    refused(edit("topics:", "topic:"), &["topics.yaml"]);
    let second = format!("{TOPICS}  - {{name: shop.other, domain: order, key: order_id, anchor: true}}\n");
    refused(shop(SOLD, &second), &["exactly one anchor"]);
}
