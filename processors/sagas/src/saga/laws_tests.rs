#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, VecDeque};

use headwater_event::OrderId;
use proptest::collection::vec;
use proptest::prelude::*;

use super::tests::{DELIVERED, REFUNDED, step};
use super::*;
use crate::view::view;

/// The topic of an event, by its context.
fn topic(step: &Step) -> String {
    step.event.split('.').nth(1).unwrap_or_default().to_owned()
}

/// An interleaving of the topics that keeps the order within each, some events coming twice.
fn interleaved(steps: &[Step], choices: &[usize]) -> Vec<Step> {
    let mut topics: BTreeMap<String, VecDeque<Step>> = BTreeMap::new();
    for step in steps {
        topics.entry(topic(step)).or_default().push_back(step.clone());
    }
    let mut arrived = Vec::new();
    for choice in choices.iter().cycle() {
        topics.retain(|_, queue| !queue.is_empty());
        if topics.is_empty() {
            break;
        }
        let place = choice % topics.len();
        let next = topics.values_mut().nth(place).and_then(VecDeque::pop_front).unwrap();
        if choice % 7 == 0 {
            arrived.push(next.clone());
        }
        arrived.push(next);
    }
    arrived
}

fn document(steps: &[Step]) -> String {
    let mut saga = Saga::default();
    for step in steps {
        saga.add(step.clone());
        saga = Saga::from_bytes(&saga.to_bytes()).unwrap();
    }
    serde_json::to_string(&view(&OrderId::new("o-1").unwrap(), &saga)).unwrap()
}

proptest! {
    #[test]
    fn every_interleaving_of_the_topics_gives_the_same_bytes(
        refunded in any::<bool>(),
        strays in vec((0_usize..13, 0_usize..13), 0..4),
        times in vec(0_i64..6, 20),
        choices in vec(0_usize..100, 1..60),
    ) {
        let texts: Vec<&str> = if refunded { REFUNDED.to_vec() } else { DELIVERED.to_vec() };
        let mut steps: Vec<Step> = texts.iter().zip(times.iter().cycle()).map(|(text, at)| step(text, *at)).collect();
        for (index, (event, cause)) in strays.into_iter().enumerate() {
            let event = step(DELIVERED[event], index as i64);
            let cause = step(DELIVERED[cause], 0).event_id;
            let event_id = event.event_id.child("stray", &event.event, index as u32);
            steps.push(Step { event_id, causation_id: Some(cause), ..event });
        }
        prop_assert_eq!(document(&interleaved(&steps, &choices)), document(&steps));
    }
}
