use std::time::Duration;

use headwater_kafka::{ConnectionSettings, leave_group};

use crate::settings::ApplicationSettings;

/// Tells the group that these workers have left for good, so that it hands their partitions over at once. Where it can't
/// be told, they are handed over when the session times out.
pub(crate) fn leave(
    connection: &ConnectionSettings,
    settings: &ApplicationSettings,
    workers: impl IntoIterator<Item = usize>,
    deadline: Duration,
) {
    let names: Vec<String> = workers.into_iter().map(|number| settings.worker_name(number)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Err(error) = leave_group(connection, &settings.application, &names, deadline) {
        tracing::warn!(%error, "the group was not told; it hands the partitions over when the session times out");
    }
}
