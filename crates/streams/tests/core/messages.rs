//! Messages of a shop that is small enough for tests.

use headwater_event::{Domain, Message, MessageSet, MessageType, Topic};
use serde::{Deserialize, Serialize};

pub const CART: Domain = Domain::new("cart", "cart.commands");

macro_rules! messages {
    ($($name:ident { $($field:ident : $type:ty = $avro:literal),* } $schema:literal)*) => {$(
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name { pub cart_id: String, $(pub $field: $type),* }
        impl Message for $name {
            const FULL_NAME: &'static str = concat!("shop.", stringify!($name));
            const SCHEMA: &'static str = concat!(
                r#"{"type":"record","namespace":"shop","name":""#, stringify!($name), r#"","fields":["#,
                r#"{"name":"cart_id","type":"string"}"#, $(r#",{"name":""#, stringify!($field), r#"","type":"#, $avro, "}",)* "]}"
            );
            fn subject(&self) -> &str { &self.cart_id }
        }
    )*};
}

messages! {
    AddItem { sku: String = "\"string\"", quantity: i64 = "\"long\"" } ""
    CloseCart {} ""
    ItemAdded { sku: String = "\"string\"", quantity: i64 = "\"long\"" } ""
    CartClosed { reason: String = "\"string\"" } ""
    CartPaid { payment: String = "\"string\"" } ""
    CommandRejected { command_id: String = "\"string\"", reason: String = "\"string\"", field: Option<String> = "[\"null\",\"string\"],\"default\":null" } ""
}

macro_rules! sets {
    ($($name:ident $per_record:literal [$($message:ident),*])*) => {$(
        #[derive(Debug, Clone)]
        pub enum $name {}
        impl MessageSet for $name {
            const TYPES: &'static [MessageType] = &[$(MessageType::of::<$message>()),*];
            const SUBJECT_PER_RECORD: bool = $per_record;
        }
    )*};
}

sets! {
    Commands false [AddItem, CloseCart]
    Events true [ItemAdded, CartClosed]
    Payments true [CartPaid]
    Replies true [CommandRejected]
}

pub const COMMANDS: Topic<Commands> = Topic::new("cart.commands", CART);
pub const EVENTS: Topic<Events> = Topic::new("cart.events", CART);
pub const PAYMENTS: Topic<Payments> = Topic::new("payments.events", CART);
pub const REPLIES: Topic<Replies> = Topic::new("cart.replies", CART);

pub fn add(cart: &str, sku: &str, quantity: i64) -> AddItem {
    AddItem { cart_id: cart.to_owned(), sku: sku.to_owned(), quantity }
}

pub fn added(cart: &str, sku: &str, quantity: i64) -> ItemAdded {
    ItemAdded { cart_id: cart.to_owned(), sku: sku.to_owned(), quantity }
}

pub fn paid(cart: &str) -> CartPaid {
    CartPaid { cart_id: cart.to_owned(), payment: "p-1".to_owned() }
}
