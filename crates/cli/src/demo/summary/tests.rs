#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

#[test]
fn percentiles_are_values_that_occurred() {
    let values: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
    assert_eq!(percentile(&values, 50), Duration::from_millis(100));
    assert_eq!(percentile(&values, 99), Duration::from_millis(198));
    assert_eq!(percentile(&values[..1], 99), Duration::from_millis(1));
    assert_eq!(percentile(&[], 99), Duration::ZERO);
}

#[test]
fn counters_are_summed_over_their_labels() {
    let counters = Counters(
        "# HELP headwater_transactions_total Transactions by outcome.\n\
         headwater_transactions_total{consumergroup=\"h\",outcome=\"aborted\"} 2\n\
         headwater_transactions_total{consumergroup=\"h\",outcome=\"committed\"} 40\n"
            .to_owned(),
    );
    assert_eq!(counters.sum("headwater_transactions_total", "committed"), 40);
    assert_eq!(counters.sum("headwater_transactions_total", ""), 42);
    assert_eq!(counters.sum("headwater_missing_total", ""), 0);
}

#[test]
fn money_is_shown_as_pounds() {
    assert_eq!(pounds(1_234_567), "12345.67 GBP");
}
