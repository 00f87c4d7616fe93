use std::collections::BTreeMap;
use std::time::Duration;

use headwater_tests::deadline::wait_for;
use headwater_tests::platform::Platform;
use headwater_tests::reader::{RawRecord, Seen, TopicReader};

use crate::kind::Expected;
use crate::shop::{Landed, Sent};

const MESSAGE: &str = "__streams.errors.message";
const REFERENCE: &str = "__headwater.dead-letter-reference";

/// Everything that came of the broken input.
pub struct Outcomes {
    events: Vec<Seen>,
    replies: Vec<Seen>,
    letters: Vec<RawRecord>,
    payments: Vec<Seen>,
}

impl Outcomes {
    /// Reads the topics once nothing is under way any more: no order is open, and twice the same.
    pub fn read(platform: &Platform, within: Duration) -> Self {
        let mut before = None;
        wait_for("nothing is under way any more", within, || {
            let outcomes = Self::read_once(platform)?;
            let decoded = [&outcomes.events, &outcomes.replies, &outcomes.payments].map(Vec::len);
            let sizes = (decoded, outcomes.letters.len());
            let open = outcomes.open_orders();
            if before.replace(sizes) == Some(sizes) && open.is_empty() {
                return Ok(outcomes);
            }
            Err(format!("{sizes:?} records, open: {open:?}"))
        })
    }

    fn read_once(platform: &Platform) -> Result<Self, String> {
        let mut reader = TopicReader::new(platform);
        // A stranger's rubbish lies among the events too: only what the orders processor wrote is decoded.
        let own = |record: &RawRecord| record.headers.last_text("ce_source") == Some("/headwater/orders");
        Ok(Self {
            events: reader.read_where("orders.events", own)?,
            replies: [reader.read("orders.replies")?, reader.read("inventory.replies")?].concat(),
            payments: reader.read("payments.events")?,
            letters: ["orders.commands.dlq", "inventory.commands.dlq", "orders.events.dlq"]
                .iter()
                .map(|topic| reader.read_raw(topic))
                .collect::<Result<Vec<_>, _>>()?
                .concat(),
        })
    }

    fn open_orders(&self) -> Vec<&str> {
        let mut open: BTreeMap<&str, bool> = BTreeMap::new();
        for event in &self.events {
            let ends = matches!(event.kind(), "OrderDelivered" | "OrderCancelled");
            *open.entry(&event.key).or_default() |= ends;
        }
        open.into_iter().filter(|(_, ended)| !ended).map(|(order, _)| order).collect()
    }

    /// Whether what was sent came to what is expected; else what it came to.
    pub fn check(&self, expected: &Expected, sent: &Sent) -> Result<(), String> {
        match expected {
            Expected::Reply { reason, field } => {
                self.no_letters(sent)?;
                self.life(sent, &[])?;
                self.reply(sent, reason, *field)
            }
            Expected::DeadLetter { says } => {
                self.no_replies(sent)?;
                self.letter(sent, says, false)
            }
            Expected::Reference { says } => {
                self.no_replies(sent)?;
                self.letter(sent, says, true)
            }
            Expected::Cancelled { reason } => {
                self.no_letters(sent)?;
                self.no_replies(sent)?;
                self.life(sent, &["OrderCreated", "OrderCancelled"])?;
                let cancelled = self.of(sent).find(|event| event.kind() == "OrderCancelled");
                let found = cancelled.map_or("", |event| event.text("reason"));
                if found == *reason { Ok(()) } else { Err(format!("cancelled for {found}")) }
            }
            Expected::Delivered => {
                self.no_letters(sent)?;
                self.no_replies(sent)?;
                self.delivered(sent)
            }
            Expected::DeliveredAndReply { reason } => {
                self.no_letters(sent)?;
                self.reply(sent, reason, Some("order_id"))?;
                self.delivered(sent)
            }
            Expected::CancelledAndReply { reason, field } => {
                self.no_letters(sent)?;
                self.reply(sent, reason, *field)?;
                self.life(sent, &["OrderCreated", "OrderCancelled"])
            }
        }
    }

    fn of<'a>(&'a self, sent: &'a Sent) -> impl Iterator<Item = &'a Seen> {
        self.events.iter().filter(|event| event.key.starts_with(&sent.id))
    }

    fn delivered(&self, sent: &Sent) -> Result<(), String> {
        self.life(sent, &["OrderCreated", "OrderConfirmed", "OrderPaid", "OrderShipped", "OrderDelivered"]).or_else(
            // The payment provider declines some.
            |why| match self.payments.iter().find(|event| event.key == sent.id && event.kind() == "PaymentFailed") {
                Some(_) => self.life(sent, &["OrderCreated", "OrderConfirmed", "OrderCancelled"]),
                None => Err(why),
            },
        )
    }

    /// Exactly these events of the order, in this order, beside those that orders say for their own memory.
    fn life(&self, sent: &Sent, expected: &[&str]) -> Result<(), String> {
        let is_memory = |kind: &&str| matches!(*kind, "OrderStockHeld" | "OrderConfirmationRequested");
        let found: Vec<&str> = self.of(sent).map(Seen::kind).filter(|kind| !is_memory(kind)).collect();
        if found == expected { Ok(()) } else { Err(format!("events {found:?}")) }
    }

    fn replies_to<'a>(&'a self, sent: &'a Sent) -> Vec<&'a Seen> {
        // Ids that are no valid ones are shown in the reply as far as they can be.
        self.replies.iter().filter(|reply| reply.key.starts_with(&sent.id)).collect()
    }

    fn reply(&self, sent: &Sent, reason: &str, field: Option<&str>) -> Result<(), String> {
        let replies = self.replies_to(sent);
        let [reply] = replies.as_slice() else {
            return Err(format!("{} replies; letters: {:?}", replies.len(), self.messages(sent)));
        };
        let (found, text) = reply.text("reason").split_once(": ").unwrap_or_default();
        // A remedy is a sentence, not a word.
        let explains = text.split_whitespace().count() >= 3;
        let about = reply.value["field"].as_str();
        if found == reason && about == field.filter(|field| !field.is_empty()) && explains {
            return Ok(());
        }
        Err(format!("replied {}, field {about:?}", reply.text("reason")))
    }

    fn no_replies(&self, sent: &Sent) -> Result<(), String> {
        match self.replies_to(sent).first() {
            None => Ok(()),
            Some(reply) => Err(format!("replied {}, field {}", reply.text("reason"), reply.value["field"])),
        }
    }

    fn letters_of(&self, landed: &Landed) -> Vec<&RawRecord> {
        let text = |letter: &RawRecord, name: &str| letter.headers.last_text(name).map(str::to_owned);
        let is_of = |letter: &&RawRecord| {
            text(letter, "__streams.errors.topic").as_deref() == Some(landed.topic)
                && text(letter, "__streams.errors.partition") == Some(landed.partition.to_string())
                && text(letter, "__streams.errors.offset") == Some(landed.offset.to_string())
                || is_forwarded(letter) && letter.value == landed.value
        };
        self.letters.iter().filter(is_of).collect()
    }

    fn messages(&self, sent: &Sent) -> Vec<&str> {
        let letters = sent.landed.iter().flat_map(|landed| self.letters_of(landed));
        letters.filter_map(|letter| letter.headers.last_text(MESSAGE)).collect()
    }

    fn no_letters(&self, sent: &Sent) -> Result<(), String> {
        match self.messages(sent).as_slice() {
            [] => Ok(()),
            found => Err(format!("dead letters {found:?}")),
        }
    }

    /// The last record's dead letter; one for each of its readers on an event topic.
    fn letter(&self, sent: &Sent, says: &str, is_reference: bool) -> Result<(), String> {
        let landed = sent.landed.last().ok_or("nothing was sent")?;
        let letters = self.letters_of(landed);
        let is_enough = if landed.topic.ends_with(".events") { !letters.is_empty() } else { letters.len() == 1 };
        if !is_enough {
            return Err(format!("{} dead letters", letters.len()));
        }
        for letter in letters {
            let message = letter.headers.last_text(MESSAGE).unwrap_or_default();
            if !message.contains(says) || message.split_whitespace().count() < 3 {
                return Err(format!("dead letter says {message:?}"));
            }
            let is_in_place = letter.partition == landed.partition || is_forwarded(letter);
            if letter.topic != format!("{}.dlq", landed.topic) || !is_in_place {
                return Err(format!("dead letter in {}[{}]", letter.topic, letter.partition));
            }
            match (is_reference, letter.headers.last(REFERENCE).is_some()) {
                (true, true) => {
                    let text = String::from_utf8_lossy(letter.value.as_deref().unwrap_or_default());
                    if !text.contains("sha256") {
                        return Err(format!("the reference says {text}"));
                    }
                }
                (false, false) if letter.value == landed.value => {}
                (_, found) => return Err(format!("reference: {found}; the original bytes differ or are missing")),
            }
        }
        Ok(())
    }
}

/// Whether a record was sent on to its id's partition before it was found to be broken.
fn is_forwarded(letter: &RawRecord) -> bool {
    letter.headers.last_text("__streams.errors.topic").is_some_and(|topic| topic.ends_with("-repartition"))
}
