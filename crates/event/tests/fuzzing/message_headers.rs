//! A record's headers: lines `name=value`, a name alone being null. Headers keep what is put in; an envelope that is read
//! is written and read to the same, and its child's is readable too.

use headwater_event::{Currency, Envelope, Money, Timestamp};
use headwater_log::{Headers, TopicName};

pub fn target(bytes: &[u8]) {
    let mut headers = Headers::new();
    let mut names = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let (name, value) = match line.iter().position(|byte| *byte == b'=') {
            Some(at) => (&line[..at], Some(&line[at + 1..])),
            None => (line, None),
        };
        let Ok(name) = std::str::from_utf8(name) else { continue };
        headers.push_nullable(name, value);
        assert_eq!(headers.last(name), value);
        names.push(name);
        if let Ok(text) = std::str::from_utf8(value.unwrap_or_default()) {
            words(text);
        }
    }
    assert_eq!(headers.iter().map(|header| header.name).collect::<Vec<_>>(), names);
    let copied: Headers = headers.iter().collect();
    assert!(copied.iter().eq(headers.iter()));
    if let Ok(Some(envelope)) = Envelope::read(&headers) {
        assert_eq!(written(&envelope), envelope);
        let child = envelope.child("fuzzed", "a.Child", "k", envelope.time.plus_millis(1), 0);
        assert_eq!(written(&child).causation_id, Some(envelope.id));
    }
    for name in names {
        headers.remove(name);
        assert_eq!(headers.last(name), None);
    }
    assert!(headers.is_empty());
}

fn written(envelope: &Envelope) -> Envelope {
    let mut headers = Headers::new();
    envelope.write(&mut headers);
    let read =
        Envelope::read(&headers).unwrap_or_else(|error| panic!("{envelope:?} was written, and is refused: {error}"));
    read.expect("it has an id")
}

/// The words that are checked wherever they come from.
fn words(text: &str) {
    if let Ok(topic) = TopicName::new(text) {
        assert_eq!(topic.as_str(), text);
    }
    if let Some(time) = Timestamp::parse_rfc3339(text) {
        assert_eq!(Timestamp::parse_rfc3339(&time.to_string()), Some(time), "{text}");
        assert_eq!(time.utc_day(), time.to_string().split('T').next().unwrap_or_default());
    }
    if let Ok(currency) = Currency::new(text) {
        let money = Money::new(i64::MIN, currency);
        assert!(money.plus(money).is_err() && money.times(-1).is_err() && money.to_string().ends_with(text));
    }
}
