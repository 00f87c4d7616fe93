use headwater_event::{Envelope, EventId, MessageType, header};
use headwater_log::Headers;
use serde_json::Value;

use super::case::{Answer, Case, CaseStep, Crash, Expected, Send, Verify};
use super::compare::{difference, is_type};
use crate::{DriverOptions, Error, Naming, Received, TestDriver, Topology};

/// Runs a case; what differs.
pub(super) fn run(topologies: &[&Topology], options: &DriverOptions, case: &Case) -> Result<Vec<String>, Error> {
    let mut driver = TestDriver::with(topologies, options)?;
    let mut sent = 0;
    for step in &case.given {
        take(&mut driver, topologies, step, &mut sent)?;
    }
    for topic in case.verify.outputs.keys() {
        driver.take_outputs(topic)?;
    }
    for topic in case.verify.dead_letters.keys() {
        driver.take_outputs(&format!("{topic}.dlq"))?;
    }
    for step in &case.ingest {
        take(&mut driver, topologies, step, &mut sent)?;
    }
    verify(&mut driver, &case.verify)
}

fn take(driver: &mut TestDriver, topologies: &[&Topology], step: &CaseStep, sent: &mut u64) -> Result<(), Error> {
    match step {
        CaseStep::Send(send) => {
            *sent += 1;
            dispatch(driver, topologies, send, *sent)
        }
        CaseStep::Advance(by) => driver.advance(by.ms),
        CaseStep::CallResult(answer) => answer_call(driver, answer),
        CaseStep::Crash(Crash::Disk) => driver.crash().and_then(|()| driver.settle()),
        CaseStep::Crash(Crash::Memory) => driver.crash_without_disk().and_then(|()| driver.settle()),
    }
}

fn dispatch(driver: &mut TestDriver, topologies: &[&Topology], send: &Send, number: u64) -> Result<(), Error> {
    let mut headers = Headers::new();
    let mut key = send.key.clone();
    let value = match (&send.json, &send.avro, &send.text) {
        (Some(json), None, None) => Some(json.to_string().into_bytes()),
        (None, Some(avro), None) => {
            let name = send.message_type.as_deref().ok_or_else(|| Error::new("send", "avro needs a type"))?;
            let (message, naming) = find_type(topologies, &send.topic, name)?;
            let subject = avro.as_object().and_then(|fields| fields.values().next()).and_then(Value::as_str);
            let subject = key.get_or_insert_with(|| subject.unwrap_or_default().to_owned());
            if !send.headers.contains_key(header::ID) {
                let id = EventId::of_text(&format!("sent {number}"));
                Envelope::root(id, "/spec", message.full_name, subject.as_str(), driver.now()).write(&mut headers);
            }
            Some(driver.encode_value(&send.topic, message, &naming, avro)?)
        }
        (None, None, Some(text)) => Some(text.clone().into_bytes()),
        (None, None, None) => None,
        _ => return Err(Error::new("send", "give one of json, avro and text")),
    };
    for (name, value) in &send.headers {
        headers.remove(name);
        headers.push(name, value);
    }
    driver.send_raw(&send.topic, key.as_deref().map(str::as_bytes), value.as_deref(), headers)
}

fn find_type(topologies: &[&Topology], topic: &str, name: &str) -> Result<(MessageType, Naming), Error> {
    let subtopologies = || topologies.iter().flat_map(|topology| topology.subtopologies());
    let of_sinks = subtopologies().flat_map(|s| &s.sinks).map(|sink| (&sink.topic, sink.types));
    let of_sources = subtopologies().flat_map(|s| &s.sources).map(|source| (&source.topic, source.types));
    let mut types = of_sources.chain(of_sinks).filter(|(at, _)| *at == topic).map(|(_, types)| types);
    // The driver finds schemas by id, so it does not matter under which subject they lie.
    let found = types.find_map(|types| types.iter().find(|known| is_type(name, known.full_name)));
    let missing = || Error::new("send", format!("{topic} holds no {name}"));
    found.map(|message| (*message, Naming::PerRecord)).ok_or_else(missing)
}

fn answer_call(driver: &mut TestDriver, answer: &Answer) -> Result<(), Error> {
    let is_it = |call: &crate::CallToStart| {
        answer.step.as_deref().is_none_or(|step| step == call.step)
            && answer.idempotency_key.as_deref().is_none_or(|key| key == call.idempotency_key)
    };
    let open = driver.open_calls().into_iter().find(|open| is_it(&open.call));
    let open = open.ok_or_else(|| Error::new("call_result", "no such call is open"))?;
    let outcome = match (&answer.refused, &answer.ok) {
        (Some(reason), None) => Err(reason.clone()),
        (None, Some(value)) => Ok(value.to_string().into_bytes()),
        (None, None) => Ok(Vec::new()),
        (Some(_), Some(_)) => return Err(Error::new("call_result", "give one of ok and refused")),
    };
    driver.complete_call(&open.call.idempotency_key, outcome)
}

fn verify(driver: &mut TestDriver, expected: &Verify) -> Result<Vec<String>, Error> {
    let mut differences = Vec::new();
    for (topic, records) in &expected.outputs {
        let actual = driver.take_outputs(topic)?;
        outputs(&mut differences, topic, records, &actual);
    }
    for (topic, letters) in &expected.dead_letters {
        let actual = driver.take_outputs(&format!("{topic}.dlq"))?;
        let reason =
            |letter: &Received| letter.headers.last_text("__streams.errors.message").unwrap_or_default().to_owned();
        let reasons: Vec<String> = actual.iter().map(reason).collect();
        let fits = letters.iter().zip(&actual).zip(&reasons).all(|((letter, actual), reason)| {
            reason.contains(&letter.message) && letter.key.as_ref().is_none_or(|key| *key == actual.key)
        });
        if letters.len() != actual.len() || !fits {
            differences.push(format!("dead letters of {topic}: expected {letters:?}, are {reasons:?}"));
        }
    }
    for (store, keys) in &expected.stores {
        for (key, value) in keys {
            let actual = driver.store(store)?.get(key.as_bytes());
            let actual = actual.map_or(Value::Null, |bytes| {
                serde_json::from_slice(&bytes)
                    .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
            });
            differences.extend(difference(&format!("store {store}[{key}]"), value, &actual));
        }
    }
    timers_and_calls(&mut differences, driver, expected)?;
    for (name, count) in &expected.counters {
        let actual =
            driver.counters().by_name(name).ok_or_else(|| Error::new("counters", format!("there is no {name}")))?;
        if actual != *count {
            differences.push(format!("counter {name}: expected {count}, is {actual}"));
        }
    }
    Ok(differences)
}

fn outputs(differences: &mut Vec<String>, topic: &str, expected: &[Expected], actual: &[Received]) {
    if expected.len() != actual.len() {
        let found: Vec<String> = actual.iter().map(|r| format!("{} {} {}", r.key, r.message_type, r.value)).collect();
        differences.push(format!("{topic}: expected {} records, are {}: {found:#?}", expected.len(), actual.len()));
        return;
    }
    for (at, (expected, actual)) in expected.iter().zip(actual).enumerate() {
        let path = format!("{topic}[{at}]");
        if let Some(name) = expected.message_type.as_deref().filter(|name| !is_type(name, &actual.message_type)) {
            differences.push(format!("{path}: expected {name}, is {} {}", actual.message_type, actual.value));
            continue;
        }
        if let Some(key) = expected.key.as_ref().filter(|key| **key != actual.key) {
            differences.push(format!("{path}: expected key {key}, is {}", actual.key));
        }
        differences.extend(expected.value.as_ref().and_then(|value| difference(&path, value, &actual.value)));
        for (name, value) in &expected.headers {
            let found = actual.headers.last_text(name);
            if found != Some(value) {
                differences.push(format!("{path}: expected header {name}: {value}, is {found:?}"));
            }
        }
    }
}

fn timers_and_calls(differences: &mut Vec<String>, driver: &TestDriver, expected: &Verify) -> Result<(), Error> {
    if let Some(timers) = &expected.timers {
        let actual = driver.timers()?;
        let now = driver.now();
        let fits = timers.iter().all(|timer| {
            actual.iter().any(|found| {
                found.name == timer.name
                    && timer.key.as_ref().is_none_or(|key| *key == found.key_text())
                    && timer.due_in.is_none_or(|due| found.due == now.plus_millis(due.ms))
            })
        });
        if timers.len() != actual.len() || !fits {
            let found: Vec<String> =
                actual.iter().map(|t| format!("{} {} in {} ms", t.name, t.key_text(), t.due.since_ms(now))).collect();
            differences.push(format!("timers: expected {timers:?}, are {found:?}"));
        }
    }
    let Some(calls) = &expected.calls else { return Ok(()) };
    let actual = driver.open_calls();
    let fits = calls.iter().all(|call| {
        actual.iter().any(|found| {
            let request = serde_json::from_slice(&found.call.request).unwrap_or(Value::Null);
            call.step.as_ref().is_none_or(|step| *step == found.call.step)
                && call.idempotency_key.as_ref().is_none_or(|key| *key == found.call.idempotency_key)
                && call.request.as_ref().is_none_or(|expected| difference("", expected, &request).is_none())
        })
    });
    if calls.len() != actual.len() || !fits {
        let found: Vec<String> = actual
            .iter()
            .map(|a| format!("{} {} {}", a.call.step, a.call.idempotency_key, String::from_utf8_lossy(&a.call.request)))
            .collect();
        differences.push(format!("calls: expected {calls:?}, are {found:?}"));
    }
    Ok(())
}
