#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_contracts::topics::ALL_TOPICS;
use headwater_kafka::TopicPrefix;
use headwater_schema::avro::AvroSchema;

use super::*;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn files_beside_the_declaration_say_what_is_built_in() {
    let declared = Declaration::read(&project().join("topics.yaml")).unwrap();
    let beside = Catalogue::beside(project());
    let of_files = subjects(&declared, &TopicPrefix::none(), |path| beside.full_name(path)).unwrap();
    let of_binary = subjects(&declared, &TopicPrefix::none(), |path| Catalogue::BuiltIn.full_name(path)).unwrap();
    assert_eq!(of_files, of_binary);
    let expected: usize = ALL_TOPICS.iter().map(|topic| topic.subjects(topic.name).len()).sum();
    assert_eq!(of_files.len(), expected);
    for subject in of_files {
        let schema = |catalogue: &Catalogue| AvroSchema::parse(&catalogue.schema(&subject.schemas).unwrap()).unwrap();
        assert_eq!(schema(&beside).canonical(), schema(&Catalogue::BuiltIn).canonical(), "{}", subject.subject);
    }
}

#[test]
fn what_is_not_there_is_named() {
    let missing = ["schemas/orders/Nothing.avsc".to_owned()];
    for catalogue in [Catalogue::BuiltIn, Catalogue::beside(project())] {
        assert!(catalogue.schema(&missing).unwrap_err().to_string().contains("Nothing"));
    }
}

#[test]
fn a_list_says_what_is_missing_and_what_is_undeclared() {
    let topic = |name: &str, is_declared, partitions, retention_ms| TopicListing {
        name: TopicName::new(name).unwrap(),
        owner: Some("orders".to_owned()),
        domain: None,
        description: None,
        is_declared,
        partitions,
        replication_factor: partitions,
        cleanup_policy: Some("delete".to_owned()),
        retention_ms,
    };
    let listed = [
        topic("orders.events", true, Some(6), Some(-1)),
        topic("orders.commands", true, None, Some(604_800_000)),
        topic("orders.old", false, Some(1), Some(7_200_000)),
    ];
    let text = table(&listed).render(None);
    let words: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["orders.events", "orders", "-", "6", "6", "delete", "for", "ever", "ok"]);
    assert_eq!(words[1], ["orders.commands", "orders", "-", "-", "-", "delete", "7d", "missing"]);
    assert_eq!(words[2], ["orders.old", "orders", "-", "1", "1", "delete", "2h", "undeclared"]);
}
