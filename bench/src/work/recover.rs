//! Kept going until it is killed, saying when it has come somewhere: for a restart after kill -9.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Arguments, Failure, SEEN, counter, pause, start, topology};

const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Prints `seen=N` once it has processed so many records, `committed=1` once a transaction has committed since it started,
/// and then `restored=N`, the changelog records that it replayed. Ends by being killed.
pub fn run(arguments: &Arguments, state: PathBuf) -> Result<(), Failure> {
    let (application, _calls, metrics) = start(arguments, state, vec![topology(arguments)?])?;
    let (mut seen, mut committed) = (false, false);
    loop {
        if !seen && SEEN.load(Ordering::Relaxed) >= arguments.n {
            seen = true;
            say(&format!("seen={}", arguments.n))?;
        }
        if seen && !committed && has_committed(&metrics) {
            committed = true;
            say(&format!("committed=1\nrestored={:.0}", counter(&metrics, "headwater_restored_records_total")))?;
        }
        if let Some(why) = application.failed() {
            return Err(why.into());
        }
        pause(LOOK_EVERY);
    }
}

fn has_committed(metrics: &prometheus::Registry) -> bool {
    let families = metrics.gather();
    let counted = families.iter().filter(|family| family.name() == "headwater_transactions_total");
    counted.flat_map(|family| family.get_metric()).any(|metric| {
        let is_committed = metric.get_label().iter().any(|label| label.value() == "committed");
        is_committed && metric.get_counter().get_value() > 0.0
    })
}

fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}
