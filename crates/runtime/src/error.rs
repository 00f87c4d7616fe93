pub use headwater_worker::Error;

/// An error of the Kafka client, by what can be done about it here.
#[allow(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
pub(crate) fn from_kafka(error: headwater_kafka::Error) -> Error {
    use headwater_kafka::ErrorKind;
    match error.kind() {
        ErrorKind::Invalid | ErrorKind::Denied => Error::Configuration(error.to_string()),
        ErrorKind::Fenced => Error::Fenced(error.to_string()),
        _ => Error::Kafka(error.to_string()),
    }
}

/// An error of RocksDB.
#[allow(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
pub(crate) fn from_rocksdb(error: rocksdb::Error) -> Error {
    if error.kind() == rocksdb::ErrorKind::Corruption {
        return Error::Corrupt(format!("local state is damaged: {error}"));
    }
    Error::State(format!("local state can't be used: {error}"))
}
