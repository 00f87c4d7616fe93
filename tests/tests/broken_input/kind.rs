use headwater_schema::{SchemaId, WriterSchema, wire};
use headwater_tests::platform::Platform;
use serde_json::{Value, json};

/// One kind of broken input and what must become of it.
#[derive(Clone)]
pub struct Kind {
    pub name: &'static str,
    /// Makes the records, given an id that nothing else has.
    pub records: fn(&str, &Schemas) -> Vec<Sending>,
    pub schemas: Schemas,
    pub expected: Expected,
}

/// What must become of a kind's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// A reply with this reason, about this field.
    Reply { reason: &'static str, field: Option<&'static str> },
    /// The last record's dead letter, with the original bytes, and this in its reason.
    DeadLetter { says: &'static str },
    /// A dead letter that only refers to the record, which is too large for it.
    Reference { says: &'static str },
    /// An order that is created once, and cancelled with this reason.
    Cancelled { reason: &'static str },
    /// An order that is delivered once: the input was not that broken.
    Delivered,
    /// An order that is delivered once, and a reply with this reason to what came again.
    DeliveredAndReply { reason: &'static str },
    /// An order that is cancelled as asked, and a reply with this reason to what was refused before.
    CancelledAndReply { reason: &'static str, field: Option<&'static str> },
}

/// One record to send.
#[derive(Debug, Clone)]
pub struct Sending {
    pub topic: &'static str,
    pub key: Option<String>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub place: Place,
    pub compressed: bool,
}

/// Which partition a record goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Its id's.
    Right,
    /// The one after its id's.
    Wrong,
}

impl Sending {
    /// A record on `orders.commands`, without a key, on the partition of its id.
    #[must_use]
    pub fn order(value: impl Into<Vec<u8>>) -> Self {
        Self {
            topic: "orders.commands",
            key: None,
            value: Some(value.into()),
            headers: Vec::new(),
            place: Place::Right,
            compressed: false,
        }
    }

    /// The same on another topic.
    #[must_use]
    pub fn on(mut self, topic: &'static str) -> Self {
        self.topic = topic;
        self
    }

    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    #[must_use]
    pub fn place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }
}

/// A good order of one line.
#[must_use]
pub fn good_order(id: &str) -> Value {
    json!({"type": "PlaceOrder", "order_id": id, "customer_id": "c-1", "currency": "GBP",
        "items": [{"sku": "PLENTY", "quantity": 1, "unit_price_minor": 100}]})
}

/// A good order with one place changed; an empty path adds or replaces fields of the whole.
#[must_use]
pub fn order_with(id: &str, pointer: &str, value: Value) -> Vec<u8> {
    let mut order = good_order(id);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let target = order.pointer_mut(parent).unwrap();
    match target {
        Value::Object(fields) => {
            fields.insert(field.to_owned(), value);
        }
        other => panic!("{pointer} of {other}"),
    }
    order.to_string().into_bytes()
}

/// A good order without one of its fields.
#[must_use]
pub fn order_without(id: &str, field: &str) -> Vec<u8> {
    let mut order = good_order(id);
    order.as_object_mut().unwrap().shift_remove(field);
    order.to_string().into_bytes()
}

/// The schemas of the registry that the binary kinds break.
#[derive(Debug, Clone, Default)]
pub struct Schemas {
    commands: Option<(u32, String)>,
    created: Option<(u32, String)>,
}

impl Schemas {
    /// None: for looking at the list without a registry.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn fetch(platform: &Platform) -> Self {
        let latest = |subject: &str| {
            let url = format!("{}/subjects/{subject}/versions/latest", platform.registry_url);
            let answer: Value = reqwest::blocking::get(&url).unwrap().json().unwrap();
            let id = answer["id"].as_u64().unwrap_or_else(|| panic!("{url}: {answer}"));
            (u32::try_from(id).unwrap(), answer["schema"].as_str().unwrap().to_owned())
        };
        Self {
            commands: Some(latest("orders.commands-value")),
            created: Some(latest("orders.events-headwater.orders.OrderCreated")),
        }
    }

    /// A command in Avro, framed.
    #[must_use]
    pub fn command(&self, full_name: &str, value: &Value) -> Vec<u8> {
        let (id, schema) = self.commands.as_ref().unwrap();
        encode(*id, schema, Some(full_name), value)
    }

    /// A good order in Avro, framed.
    #[must_use]
    pub fn order(&self, id: &str) -> Vec<u8> {
        let mut order = good_order(id);
        let fields = order.as_object_mut().unwrap();
        fields.shift_remove("type");
        fields.insert("confirmation".to_owned(), "automatic".into());
        fields.insert("placed_at".to_owned(), Value::Null);
        self.command("headwater.orders.PlaceOrder", &order)
    }

    /// An event in Avro, framed: no command.
    #[must_use]
    pub fn event(&self, id: &str) -> Vec<u8> {
        let (schema_id, schema) = self.created.as_ref().unwrap();
        let value = json!({"order_id": id, "customer_id": "c-1", "currency": "GBP", "confirmation": "automatic",
            "items": [{"sku": "PLENTY", "quantity": 1, "unit_price_minor": 100}], "placed_at": 0});
        encode(*schema_id, schema, None, &value)
    }
}

fn encode(id: u32, schema: &str, branch: Option<&str>, value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::encode_header_into(&mut bytes, SchemaId(id));
    WriterSchema::compile(schema).unwrap().encode_value_into(&mut bytes, branch, value).unwrap();
    bytes
}

/// A kind whose records need no schemas.
#[must_use]
pub fn kind(name: &'static str, expected: Expected, records: fn(&str, &Schemas) -> Vec<Sending>) -> Kind {
    Kind { name, records, schemas: Schemas::none(), expected }
}

/// Expectations, short enough for a list.
#[must_use]
pub const fn reply(reason: &'static str, field: &'static str) -> Expected {
    Expected::Reply { reason, field: Some(field) }
}

#[must_use]
pub const fn dead(says: &'static str) -> Expected {
    Expected::DeadLetter { says }
}
