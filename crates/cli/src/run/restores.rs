//! On a terminal, a bar while stores are restored.

use std::convert::Infallible;
use std::time::Duration;

use headwater_runtime::RestoreProgress;

use crate::output::Progress;
use crate::service::Service;

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Shows restores as they come and go, for as long as it is polled.
pub async fn show(service: &Service) -> Infallible {
    let mut bar: Option<Progress> = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let progress = service.restore_progress();
        if progress.tasks == 0 {
            if let Some(bar) = bar.take() {
                bar.finish();
            }
            continue;
        }
        let bar = bar.get_or_insert_with(Progress::of_restore);
        bar.set_total(progress.passed + progress.left);
        bar.set(progress.passed);
        bar.say(words(progress));
    }
}

fn words(progress: RestoreProgress) -> String {
    let tasks = match progress.tasks {
        1 => "1 task".to_owned(),
        tasks => format!("{tasks} tasks"),
    };
    let records = progress.restored_records;
    match progress.time_left {
        Some(left) => format!("of {tasks}, {records} records restored, {} s left", left.as_secs() + 1),
        None => format!("of {tasks}"),
    }
}

#[cfg(test)]
mod tests;
