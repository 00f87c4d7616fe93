use super::*;

#[test]
fn a_topic_that_forgets_keys_is_no_changelog_of_a_table() {
    let week = ("retention.ms", "604800000");
    let cases: [(&[(&str, &str)], bool); 7] = [
        (&[("cleanup.policy", "compact"), week], false),
        (&[("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1")], false),
        (&[("cleanup.policy", "delete"), week], true),
        (&[("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "1048576")], true),
        (&[("cleanup.policy", "compact,delete"), week], true),
        (&[("cleanup.policy", "compact,delete"), ("retention.ms", "-1")], false),
        (&[], false),
    ];
    for (configs, loses) in cases {
        let config = |name: &str| configs.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        assert_eq!(loses_keys(config).is_some(), loses, "{configs:?}");
    }
    let config = |name: &str| Some(if name == "cleanup.policy" { "delete" } else { "7" });
    let why = loses_keys(config).unwrap_or_default();
    let said = TopicName::new("test.prices").map(|topic| not_a_table(&topic, "prices of shop/main", &why));
    assert_eq!(
        said.unwrap_or_default(),
        "topic test.prices has cleanup.policy=delete and retention.ms=7, and the table prices of shop/main is restored \
         from it, so that old keys would be lost: set cleanup.policy=compact (in topics.yaml, then `headwater topics \
         apply`)"
    );
}
