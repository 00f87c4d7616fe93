//! A small application with everything a task can do: it counts, forwards, keeps timers, and calls outside; a second
//! processor sums what the first says. It looks up prices, a table; a third keeps tables and does nothing else.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use headwater_event::{Domain, Timestamp};
use headwater_log::Headers;
use headwater_streams::{
    Call, CallResult, Context, Error, Failure, Input, LocalSchemas, Processor, Schemas, StoreSpec, TimeKind, Timer,
    Topology,
};

use crate::chance::Chance;
use crate::cluster::Cluster;
use crate::work::{Incoming, Work};

const IN: Domain = Domain::new("in", "numbers");
const MID: Domain = Domain::new("mid", "counts");
/// Keys of records that somebody else writes to `counts`; each comes once.
const STRANGER: &str = "stranger-";
/// Says of a price that there is none.
const NO_PRICE: &str = "none";

/// The application and its model.
pub(crate) struct Counting {
    pub(crate) records: u64,
    pub(crate) partitions: u32,
    /// Whether what the first says is of the domain of what comes in, so that whoever has the one task has the other, and
    /// may fuse them; else only who has all of the first may.
    pub(crate) is_one_domain: bool,
}

struct Counter;

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

fn weight(value: &str) -> u64 {
    value.bytes().fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

fn calls(value: &str) -> bool {
    !weight(value).is_multiple_of(3)
}

impl Processor for Counter {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let key = input.key().unwrap_or_default().to_vec();
        let value = text(input.value());
        let count: u64 = context.get_json("counts", &key)?.unwrap_or(0) + 1;
        context.put_json("counts", &key, &count)?;
        context.send_raw("mid", Some(&key), Some(format!("{count} {value}").as_bytes()), Headers::new())?;
        let price = context.get("prices", &key)?;
        let price = price.as_deref().map_or(NO_PRICE.to_owned(), |price| text(Some(price)));
        context.send_raw("looked", Some(&key), Some(format!("{value} {price}").as_bytes()), Headers::new())?;
        let due = context.now().plus_millis((weight(&value) % 4_000) as i64);
        context.schedule("bell", value.as_bytes(), due, TimeKind::WallClock)?;
        if calls(&value) {
            let call = Call { step: "charge", ordering_key: &key, idempotency_key: value, request: key.clone() };
            context.call(call)?;
        }
        Ok(())
    }

    fn on_timer(&mut self, timer: &Timer, context: &mut Context<'_>) -> Result<(), Failure> {
        context.send_raw("out", Some(&timer.key), Some(b"bell"), Headers::new())
    }

    fn on_call_result(&mut self, result: &CallResult, context: &mut Context<'_>) -> Result<(), Failure> {
        let answer = result.outcome.as_deref().unwrap_or_default();
        let said = format!("paid {}", String::from_utf8_lossy(answer));
        context.send_raw("out", Some(result.idempotency_key.as_bytes()), Some(said.as_bytes()), Headers::new())
    }
}

struct Summer;

impl Processor for Summer {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let key = input.key().unwrap_or_default().to_vec();
        let value = text(input.value());
        let count: u64 = value.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
        let sum: u64 = context.get_json("sums", &key)?.unwrap_or(0) + count;
        context.put_json("sums", &key, &sum)?;
        context.send_raw("sums", Some(&key), Some(sum.to_string().as_bytes()), Headers::new())
    }
}

impl Work for Counting {
    fn topologies(&self) -> Result<Vec<Topology>, Error> {
        let mut counter = Topology::named("counter");
        let mut main = counter.subtopology("main", IN);
        main.raw("numbers", "numbers");
        main.store(StoreSpec::key_value("counts"));
        main.table("prices", "prices", StoreSpec::key_value("prices"));
        main.raw_sink("mid", "counts");
        main.raw_sink("looked", "looked");
        main.raw_sink("out", "out");
        main.processor("counter", &["numbers"], &["counts", "prices"], || Counter);
        let mut summer = Topology::named("summer");
        let mut main = summer.subtopology("main", if self.is_one_domain { IN } else { MID });
        main.raw("counts", "counts");
        main.store(StoreSpec::key_value("sums").in_memory());
        main.raw_sink("sums", "sums");
        main.processor("summer", &["counts"], &["sums"], || Summer);
        // Of a topic that another task keeps a table of, and of one that is written and may be fused here: no changelogs.
        let mut mirror = Topology::named("mirror");
        let prices = StoreSpec::key_value("prices");
        let prices = if self.is_one_domain { prices } else { prices.in_memory() };
        mirror.subtopology("prices", IN).table("prices", "prices", prices);
        let mut latest = mirror.subtopology("latest", if self.is_one_domain { IN } else { MID });
        latest.table("latest", "counts", StoreSpec::key_value("latest"));
        Ok(vec![counter.build()?, summer.build()?, mirror.build()?])
    }

    fn partitions(&self) -> NonZeroU32 {
        NonZeroU32::new(self.partitions).unwrap_or(NonZeroU32::MIN)
    }

    fn schemas(&self) -> Arc<dyn Schemas> {
        Arc::new(LocalSchemas::new())
    }

    fn incoming(&self, chance: &mut Chance, _at: Timestamp) -> Vec<Incoming> {
        // Somebody else writes to the inner topic now and then, which fusion must notice.
        let stranger_once_in = if chance.once_in(2) { u64::MAX } else { chance.between(3, 30) };
        let all_lurk = chance.once_in(2);
        let mut one = |number: u64| {
            let (topic, key, value) = if chance.once_in(stranger_once_in) {
                ("counts", format!("{STRANGER}{number}"), format!("{number} stranger"))
            } else {
                ("numbers", format!("k{}", chance.between(0, 7)), format!("v{number}"))
            };
            let lurks = topic == "counts" && (all_lurk || chance.once_in(2));
            Incoming { topic, key: key.into_bytes(), value: Some(value.into_bytes()), headers: Headers::new(), lurks }
        };
        let numbers: Vec<Incoming> = (0..self.records).map(&mut one).collect();
        // Prices of their own chance come in between, some of them deletions.
        let mut chance = Chance::new(chance.between(0, u64::MAX));
        let mut all = Vec::new();
        for (number, record) in numbers.into_iter().enumerate() {
            all.push(record);
            if number % 2 == 1 {
                let key = format!("k{}", chance.between(0, 7)).into_bytes();
                let value = (!chance.once_in(4)).then(|| format!("p{number}").into_bytes());
                all.push(Incoming { topic: "prices", key, value, headers: Headers::new(), lurks: false });
            }
        }
        all
    }

    fn is_compacted(&self, topic: &str) -> bool {
        // Of the inner topic every record counts.
        topic == "prices"
    }

    fn records(&self) -> usize {
        (self.records + self.records / 2) as usize
    }

    fn judge(&self, cluster: &Cluster) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut counts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut sums: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut out: BTreeMap<(String, String), u64> = BTreeMap::new();
        for (key, value) in committed(cluster, "numbers") {
            let said = counts.entry(key.clone()).or_default();
            said.push(format!("{} {value}", said.len() + 1));
            let so_far = said.len() as u64;
            sums.entry(key).or_default().push((so_far * (so_far + 1) / 2).to_string());
            out.insert((value.clone(), "bell".to_owned()), 1);
            if calls(&value) {
                out.insert((value.clone(), format!("paid {value}")), 1);
            }
        }
        judge_lookups(cluster, &mut wrong);
        let (strangers, own): (Vec<_>, Vec<_>) =
            committed(cluster, "counts").into_iter().partition(|(key, _)| key.starts_with(STRANGER));
        for (key, value) in strangers {
            sums.insert(key, value.split(' ').next().map(str::to_owned).into_iter().collect());
        }
        compare("counts", &counts, &by_key(own), &mut wrong);
        compare("sums", &sums, &by_key(committed(cluster, "sums")), &mut wrong);
        let mut said: BTreeMap<(String, String), u64> = BTreeMap::new();
        for entry in committed(cluster, "out") {
            *said.entry(entry).or_default() += 1;
        }
        for (entry, times) in &out {
            let found = said.remove(entry).unwrap_or(0);
            if found != *times {
                wrong.push(format!("out says {entry:?} {found} times, not {times}"));
            }
        }
        wrong.extend(said.keys().map(|entry| format!("out says {entry:?}, which nothing asked for")));
        wrong
    }
}

/// Each number looked its price up once, in order. What was seen of a key never goes back: each price is that of a place in
/// the topic not before the one seen last. A price that compaction took away for the sake of a later one may be missing.
fn judge_lookups(cluster: &Cluster, wrong: &mut Vec<String>) {
    let mut prices: BTreeMap<String, Vec<(u64, Option<String>, bool)>> = BTreeMap::new();
    for (_, log) in cluster.topic("prices") {
        for (offset, record) in log.committed() {
            let is_compacted = log.entries.get(offset as usize).is_some_and(|entry| entry.compacted);
            let price = record.value.as_deref().map(|price| text(Some(price)));
            prices.entry(text(record.key.as_deref())).or_default().push((offset, price, is_compacted));
        }
    }
    let mut asked: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (key, said) in committed(cluster, "looked") {
        let (number, price) = said.split_once(' ').unwrap_or((&said, ""));
        asked.entry(key.clone()).or_default().push(number.to_owned());
        let of_key = prices.get(&key).map(Vec::as_slice).unwrap_or_default();
        let place = places.entry(key.clone()).or_default();
        // Place 0 is before the first price.
        let fits = |at: &usize| match at.checked_sub(1).and_then(|at| of_key.get(at)) {
            None => price == NO_PRICE,
            Some((_, known, is_compacted)) => {
                known.as_deref().unwrap_or(NO_PRICE) == price || (*is_compacted && price == NO_PRICE)
            }
        };
        // What a table had before it was restored may come back, where compaction took all that came since then unread.
        let comes_back = |at: &usize| {
            let since = of_key.get(*at..*place).unwrap_or_default();
            cluster.compacts_unread && fits(at) && since.iter().all(|(.., is_compacted)| *is_compacted)
        };
        let found = (*place..=of_key.len()).find(fits);
        match found.or_else(|| (0..*place).rev().find(comes_back).map(|_| *place)) {
            Some(at) => *place = at,
            None => {
                wrong.push(format!("looked of {key}: {said:?} after the price at place {place} of {of_key:?}"));
                return;
            }
        }
    }
    let mut numbers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, number) in committed(cluster, "numbers") {
        numbers.entry(key).or_default().push(number);
    }
    compare("looked", &numbers, &asked, wrong);
}

fn committed(cluster: &Cluster, topic: &str) -> Vec<(String, String)> {
    let logs = cluster.topic(topic).flat_map(|(_, log)| log.committed());
    logs.map(|(_, record)| (text(record.key.as_deref()), text(record.value.as_deref()))).collect()
}

fn by_key(entries: Vec<(String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in entries {
        all.entry(key).or_default().push(value);
    }
    all
}

fn compare(
    topic: &str,
    expected: &BTreeMap<String, Vec<String>>,
    found: &BTreeMap<String, Vec<String>>,
    wrong: &mut Vec<String>,
) {
    for (key, expected) in expected {
        let found = found.get(key).map(Vec::as_slice).unwrap_or_default();
        let differs = expected.iter().zip(found).position(|(expected, found)| expected != found);
        match differs {
            Some(at) => wrong.push(format!("{topic} of {key}: place {at} is {:?}, not {:?}", found[at], expected[at])),
            None if expected.len() != found.len() => {
                wrong.push(format!("{topic} of {key}: {} records, not {}", found.len(), expected.len()));
            }
            None => {}
        }
    }
    wrong.extend(found.keys().filter(|key| !expected.contains_key(*key)).map(|key| format!("{topic} has key {key}")));
}
