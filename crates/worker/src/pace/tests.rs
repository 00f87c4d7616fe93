use std::time::Duration;

use super::{Pace, WAIT_MAX};

const NOW: Duration = Duration::from_secs(5);

#[test]
fn one_abort_is_no_reason_to_wait_and_each_further_one_doubles_the_wait() {
    let mut pace = Pace::default();
    let waits: Vec<u128> = (0..4)
        .map(|_| {
            pace.aborted(NOW);
            pace.wait(NOW).unwrap_or_default().as_millis()
        })
        .collect();
    assert_eq!(waits, [0, 10, 20, 40]);
    for _ in 0..100 {
        pace.aborted(NOW);
    }
    assert_eq!(pace.wait(NOW), Some(WAIT_MAX));
    assert_eq!(pace.wait(NOW + WAIT_MAX), None, "it ends");
}

#[test]
fn a_commit_begins_the_count_anew() {
    let mut pace = Pace::default();
    pace.aborted(NOW);
    pace.aborted(NOW);
    pace.committed();
    pace.aborted(NOW);
    assert_eq!(pace.wait(NOW), None);
}
