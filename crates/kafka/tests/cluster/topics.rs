use std::cell::RefCell;
use std::collections::BTreeSet;

use headwater_kafka::admin::ConfigChange;
use headwater_kafka::topics::{
    Actual, Declaration, Plan, PlanOptions, SchemaRegistry, SchemaStatus, SchemaSubject, TopicChange, apply, full_name,
    import, plan, plan_schemas, subjects,
};
use headwater_kafka::{Error, ErrorKind, TopicPrefix};
use headwater_log::TopicName;

use crate::broker::{Broker, broker, name};

fn planned(broker: &Broker, declared: &Declaration, options: &PlanOptions) -> Plan {
    plan(declared, &Actual::read(&broker.admin).unwrap(), options).unwrap()
}

#[test]
fn the_projects_own_topics_are_applied_and_then_nothing_is_left_to_do() {
    let Some(broker) = broker() else { return };
    let declared = Declaration::parse(include_str!("../../../../topics.yaml"), "topics.yaml").unwrap();
    let prefix = TopicPrefix::new(&format!("{}.", name("p"))).unwrap();
    let mut options = PlanOptions { prefix: prefix.clone(), allow_delete: false };
    let first = planned(&broker, &declared, &options);
    assert_eq!(first.changes.len(), declared.expanded(&prefix).unwrap().len());
    let mut done = 0;
    apply(&first, &broker.admin, None, &mut |_| done += 1).unwrap();
    assert_eq!(done, first.changes.len());
    let second = planned(&broker, &declared, &options);
    assert!(!second.has_drifted(), "{second:?}");

    let commands = prefix.apply(&TopicName::new("orders.commands").unwrap()).unwrap();
    let change = ConfigChange::Set { name: "retention.ms".to_owned(), value: "1000".to_owned() };
    broker.admin.alter_configs(&[(commands.clone(), vec![change])]).unwrap();
    let drift = planned(&broker, &declared, &options);
    assert_eq!(drift.changes.len(), 1);
    assert!(matches!(&drift.changes[0], TopicChange::AlterConfigs { topic, configs }
        if *topic == commands && configs[0].before.as_deref() == Some("1000")));
    apply(&drift, &broker.admin, None, &mut |_| {}).unwrap();
    assert!(planned(&broker, &declared, &options).is_empty());

    let imported = import(&Actual::read(&broker.admin).unwrap(), &prefix).unwrap();
    let imported = Declaration::parse(&imported, "imported").unwrap();
    assert_eq!(imported.topics.len(), declared.topics.len());
    assert!(!planned(&broker, &imported, &options).has_drifted());

    options.allow_delete = true;
    let retired = "version: 1\ndefaults: {partitions: 6}\ntopics:\n";
    let lines = declared.expanded(&TopicPrefix::none()).unwrap();
    let lines = lines.iter().map(|topic| format!("  - {{name: {}, owner: o, absent: true}}\n", topic.name));
    let retired = Declaration::parse(&format!("{retired}{}", lines.collect::<String>()), "retired").unwrap();
    let last = planned(&broker, &retired, &options);
    assert_eq!(last.changes.len(), first.changes.len());
    apply(&last, &broker.admin, None, &mut |_| {}).unwrap();
    assert!(planned(&broker, &retired, &options).is_empty());
}

#[test]
fn a_plan_for_another_cluster_is_not_applied() {
    let Some(broker) = broker() else { return };
    let plan = Plan { cluster_id: "elsewhere".to_owned(), ..Plan::default() };
    let error = apply(&plan, &broker.admin, None, &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
}

/// A registry in memory that takes any first version, and refuses those it is told to.
#[derive(Default)]
struct Registry {
    subjects: RefCell<BTreeSet<String>>,
    refused: BTreeSet<String>,
}

impl SchemaRegistry for Registry {
    fn compare(&self, subject: &SchemaSubject) -> Result<SchemaStatus, Error> {
        Ok(if self.refused.contains(&subject.subject) {
            SchemaStatus::Incompatible("field total was removed".to_owned())
        } else if self.subjects.borrow().contains(&subject.subject) {
            SchemaStatus::Registered
        } else {
            SchemaStatus::New
        })
    }

    fn register(&self, subject: &SchemaSubject) -> Result<u32, Error> {
        let mut subjects = self.subjects.borrow_mut();
        subjects.insert(subject.subject.clone());
        Ok(u32::try_from(subjects.len()).unwrap())
    }
}

#[test]
fn schemas_are_checked_first_and_registered_by_apply() {
    let Some(broker) = broker() else { return };
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let declared = Declaration::parse(include_str!("../../../../topics.yaml"), "topics.yaml").unwrap();
    let name_of = |path: &str| full_name(&std::fs::read_to_string(format!("{root}{path}")).unwrap(), path);
    let subjects = subjects(&declared, &TopicPrefix::none(), name_of).unwrap();
    let names: Vec<_> = subjects.iter().map(|subject| subject.subject.as_str()).collect();
    assert!(names.contains(&"orders.commands-value"), "{names:?}");
    assert!(names.contains(&"orders.events-headwater.orders.OrderCreated"), "{names:?}");

    let mut registry = Registry::default();
    let cluster_id = broker.admin.describe_cluster().unwrap().cluster_id;
    let schemas = plan_schemas(&subjects, &registry).unwrap();
    assert_eq!(schemas.len(), subjects.len());
    let plan = Plan { cluster_id, schemas, ..Plan::default() };
    assert_eq!(apply(&plan, &broker.admin, None, &mut |_| {}).unwrap_err().kind(), ErrorKind::Refused);
    apply(&plan, &broker.admin, Some(&registry), &mut |_| {}).unwrap();
    assert!(plan_schemas(&subjects, &registry).unwrap().is_empty());

    registry.refused.insert("orders.commands-value".to_owned());
    let error = plan_schemas(&subjects, &registry).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("subject orders.commands-value is BACKWARD_TRANSITIVE"), "{error}");
    assert!(error.to_string().contains("field total was removed"), "{error}");
}
