//! The text of a topics.yaml. What is parsed can be planned and printed; a cluster made by its plan has nothing left to
//! change; and what is imported from that cluster is parsed, with nothing to change either.

use headwater_kafka::TopicPrefix;
use headwater_kafka::topics::{
    Actual, ActualTopic, Declaration, PlanOptions, TopicChange, import, list, plan, render_json, render_text,
};

pub fn target(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let declared = match Declaration::parse(text, "topics.yaml") {
        Ok(declared) => declared,
        Err(error) => {
            assert!(error.to_string().contains("topics.yaml"), "{error}");
            return;
        }
    };
    for prefix in ["", "staging."] {
        let prefix = TopicPrefix::new(prefix).expect("a prefix");
        applied(&declared, prefix);
    }
}

fn applied(declared: &Declaration, prefix: TopicPrefix) {
    let cluster_id = declared.cluster_id.clone().unwrap_or_else(|| "c".to_owned());
    let empty = Actual { cluster_id: cluster_id.clone(), topics: Vec::new() };
    let options = PlanOptions { prefix, allow_delete: false };
    // A name may grow too long with its prefix.
    let Ok(first) = plan(declared, &empty, &options) else { return };
    assert!(render_text(&first, true).len() > render_text(&first, false).len());
    let json = render_json(&first).expect("plain data");
    assert!(json.starts_with('{'));
    let topics = first.changes.iter().map(|change| match change {
        TopicChange::Create { topic, partitions, replication_factor, configs } => ActualTopic {
            name: topic.clone(),
            partitions: *partitions,
            replication_factor: u32::try_from(*replication_factor).unwrap_or(1),
            own_configs: configs.clone(),
            configs: configs.clone(),
        },
        other => panic!("{other:?} on an empty cluster"),
    });
    let actual = Actual { cluster_id, topics: topics.collect() };
    let again = plan(declared, &actual, &options).expect("what was planned before");
    assert!(again.is_empty() && !again.has_drifted(), "{again:?}");
    assert!(list(declared, &actual, &options.prefix).expect("names that were planned").len() >= actual.topics.len());

    let printed = import(&actual, &options.prefix).expect("plain data");
    let imported = Declaration::parse(&printed, "imported");
    let imported = imported.unwrap_or_else(|error| panic!("{error} in\n{printed}"));
    let nothing = plan(&imported, &actual, &options).expect("what the cluster has");
    assert!(nothing.changes.is_empty(), "{:?} from\n{printed}", nothing.changes);
}
