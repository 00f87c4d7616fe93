//! The targets: where each is tested, and whether cargo-fuzz can build it.

/// One fuzz target.
#[derive(Debug)]
pub struct Target {
    /// Its name, which is that of its corpus too.
    pub name: &'static str,
    /// The package whose tests replay it.
    pub package: &'static str,
    /// Needs neither librdkafka nor RocksDB, so that `fuzz/` has it too.
    pub without_cpp: bool,
}

const fn pure(name: &'static str, package: &'static str) -> Target {
    Target { name, package, without_cpp: true }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    pure("avro_value", "headwater-schema"),
    pure("compatibility", "headwater-schema"),
    pure("json_command", "headwater-schema"),
    pure("registry_api", "headwater-schema"),
    pure("registry_log", "headwater-schema"),
    pure("broker_connection", "headwater-devbroker"),
    pure("broker_files", "headwater-devbroker"),
    pure("broker_internal_records", "headwater-devbroker"),
    pure("record_batches", "headwater-devbroker"),
    pure("message_headers", "headwater-event"),
    pure("stored_state", "headwater-streams"),
    pure("stored_saga", "headwater-sagas"),
    pure("snapshot", "headwater-snapshot"),
    Target { without_cpp: false, ..pure("topics_yaml", "headwater-kafka") },
    Target { without_cpp: false, ..pure("broker_answers", "headwater-kafka") },
];
