#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::sync::Arc;

use headwater_event::Domain;
use headwater_streams::{Context, Failure, Input, Limits, LocalSchemas, Processor, TopicFacts};

use super::*;

struct Nothing;

impl Processor for Nothing {
    fn process(&mut self, _: &Input<'_>, _: &mut Context<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

fn topology(name: &str, anchor: &'static str) -> Topology {
    let mut topology = Topology::named(name);
    let mut part = topology.subtopology("main", Domain::new("test", anchor));
    part.raw("in", anchor);
    part.processor("nothing", &["in"], &[], || Nothing);
    part.stateless();
    topology.build().unwrap()
}

/// The anchors that are subscribed to, with the topologies whose tasks come with each.
fn placed(anchors: &[(&'static str, u32)]) -> Vec<(String, Vec<usize>)> {
    let facts = anchors.iter().map(|(name, partitions)| TopicFacts {
        declared_name: (*name).to_owned(),
        name: TopicName::new(name).unwrap(),
        id: Default::default(),
        partitions: NonZeroU32::new(*partitions).unwrap(),
        record_bytes_max: 1_000_000,
    });
    let environment =
        TaskEnvironment::new(Arc::new(LocalSchemas::new()), "cluster", facts.collect(), Limits::default()).unwrap();
    let topologies: Vec<Topology> =
        (0..).zip(anchors).map(|(number, (anchor, _)): (usize, _)| topology(&format!("p{number}"), anchor)).collect();
    let placement = Placement::new(&topologies, &environment).unwrap();
    let named = |anchor: &TopicName| {
        let parts = placement.subtopologies_of(anchor).iter().map(|part| part.topology);
        (anchor.to_string(), parts.collect())
    };
    placement.subscription().map(named).collect()
}

#[test]
fn domains_of_one_partition_count_share_an_anchor() {
    let found = placed(&[("orders", 6), ("skus", 6), ("users", 3), ("carts", 6)]);
    assert_eq!(found, [("carts".to_owned(), vec![3, 0, 1]), ("users".to_owned(), vec![2])]);
}

#[test]
fn domains_of_other_counts_have_anchors_of_their_own() {
    let found = placed(&[("orders", 6), ("skus", 12)]);
    assert_eq!(found, [("orders".to_owned(), vec![0]), ("skus".to_owned(), vec![1])]);
}
