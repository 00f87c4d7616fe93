//! Records of the `_schemas` topic: lines in turn a key and a value, an empty value being a tombstone. What is read is
//! written and read to the same, and a registry over it answers.

use headwater_schema::registry::{MemoryLog, Record, RegisterRequest, Registry, RegistryState, SchemaLog};

pub fn target(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let log = MemoryLog::default();
    let mut state = RegistryState::default();
    while let Some(key) = lines.next() {
        let value = lines.next().filter(|value| !value.is_empty());
        let Ok(record) = Record::read(key, value) else { continue };
        let written = record.value();
        let again = Record::read(&record.key(), written.as_deref());
        assert_eq!(again.as_ref().ok(), Some(&record), "{again:?}");
        log.append(&record.key(), written.as_deref()).expect("memory");
        state.apply(record);
    }
    let registry = Registry::open(Box::new(log)).expect("records that were read before");
    assert!(*registry.state() == state, "the state is a fold of the log");
    let request = RegisterRequest { schema: Some("\"string\"".to_owned()), ..RegisterRequest::default() };
    if let Ok(id) = registry.register("orders-value", &request, false) {
        assert!(registry.state().versions_of_id(id).next().is_some(), "what is registered is found by its id");
    }
}
