#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_log::Partition;
use headwater_order_views::query::{OrderPage, StatusCount};
use headwater_runtime::members::Member;

use super::route::{claims, next_round};
use super::*;

fn member(instance: &str, tasks: &[&str]) -> Member {
    Member {
        application: "order-views".to_owned(),
        instance: instance.to_owned(),
        worker: 0,
        url: format!("http://{instance}"),
        tasks: tasks.iter().map(|task| (*task).to_owned()).collect(),
        restoring: Vec::new(),
        standby_copies: 0,
        standbys: Vec::new(),
    }
}

/// `order-views` tasks of partitions, as the members topic has them.
fn tasks(partitions: &[u32]) -> Vec<String> {
    let target = Query::StatusDistribution.target();
    partitions.iter().map(|p| format!("{}/{}/{p}", target.processor, target.subtopology)).collect()
}

fn holding(instance: &str, partitions: &[u32]) -> Member {
    Member { tasks: tasks(partitions), ..member(instance, &[]) }
}

#[test]
fn each_partition_is_asked_of_the_one_who_holds_it() {
    let members = [holding("a", &[0, 1]), holding("b", &[2]), member("c", &["sagas/main/0"])];
    let wanted: Vec<Partition> = (0..4).map(Partition::new).collect();
    let mut claims = claims(Query::StatusDistribution.target(), &wanted, &members, "http://self");
    let round: Vec<(String, Vec<u32>)> = next_round(&mut claims)
        .into_iter()
        .map(|(owner, partitions)| (owner.instance, partitions.iter().map(|p| p.get()).collect()))
        .collect();
    assert_eq!(round, [("a".to_owned(), vec![0, 1]), ("b".to_owned(), vec![2])]);
    assert!(next_round(&mut claims).is_empty(), "partition 3 has no owner, and nobody is asked twice");
}

#[test]
fn an_instance_never_asks_itself() {
    let members = [holding("self", &[0]), holding("b", &[0])];
    let mut claims = claims(Query::StatusDistribution.target(), &[Partition::new(0)], &members, "http://self");
    let owners: Vec<String> = next_round(&mut claims).into_keys().map(|owner| owner.instance).collect();
    assert_eq!(owners, ["b"]);
}

#[test]
fn after_a_crash_the_next_claim_is_tried_and_no_more_than_three() {
    let members: Vec<Member> = ["a", "b", "c", "d", "e"].iter().map(|name| holding(name, &[7])).collect();
    let mut claims = claims(Query::StatusDistribution.target(), &[Partition::new(7)], &members, "http://self");
    let mut asked = Vec::new();
    loop {
        let round = next_round(&mut claims);
        if round.is_empty() {
            break;
        }
        asked.extend(round.into_keys().map(|owner| owner.instance));
    }
    assert_eq!(asked, ["a", "b", "c"]);
}

#[test]
fn questions_about_one_key_go_to_one_partition() {
    assert_eq!(Query::Order { order_id: "o-1".into() }.key(), Some("o-1"));
    assert_eq!(Query::Product { sku: "84029E".into() }.key(), Some("84029E"));
    assert_eq!(Query::Product { sku: "84029E".into() }.target().domain.name, "sku");
    assert_eq!(Query::RevenueByDay.key(), None);
}

#[test]
fn parts_become_one_answer() {
    let count = |status: &str, orders| StatusCount { status: status.to_owned(), orders };
    let parts = vec![
        Answer::StatusDistribution(vec![count("delivered", 3), count("cancelled", 1)]),
        Answer::StatusDistribution(vec![count("delivered", 4)]),
    ];
    let Answer::StatusDistribution(sums) = merge(&Query::StatusDistribution, parts) else { panic!("another answer") };
    assert!(sums.contains(&count("delivered", 7)) && sums.contains(&count("cancelled", 1)), "{sums:?}");

    let page = |total| Answer::Orders(OrderPage { orders: vec![], total });
    let query = Query::Orders(OrdersQuery { limit: 5, ..OrdersQuery::default() });
    let Answer::Orders(merged) = merge(&query, vec![page(2), page(40)]) else { panic!("another answer") };
    assert_eq!(merged.total, 42);
    assert_eq!(merge(&Query::Order { order_id: "x".into() }, vec![]), Answer::Order(None));
}

#[test]
fn what_travels_between_instances_reads_back() {
    let bodies = [
        Query::Orders(OrdersQuery { status: Some("delivered".into()), limit: 3, ..OrdersQuery::default() }),
        Query::Sagas { state: None, limit: 1, offset: 2 },
        Query::RevenueByDay,
    ];
    for query in bodies {
        let body = PartitionsQuery { query, partitions: vec![0, 5] };
        let text = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<PartitionsQuery>(&text).unwrap(), body, "{text}");
    }
    let answers =
        PartitionsAnswer { answers: [(3, Answer::Orders(OrderPage::default())), (4, Answer::Order(None))].into() };
    let text = serde_json::to_string(&answers).unwrap();
    assert_eq!(serde_json::from_str::<PartitionsAnswer>(&text).unwrap(), answers, "{text}");
}
