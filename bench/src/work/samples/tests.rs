use super::{Sample, mean_of_tenth};

#[test]
fn a_tenth_is_one_of_records_and_not_of_time() {
    let sample = |records: u64, rss_mib: f64| Sample { second: 0.0, records, rss_mib, heap_mib: 0.0, code_mib: 0.0 };
    let samples = [sample(0, 10.0), sample(99, 30.0), sample(100, 50.0), sample(199, 70.0), sample(1_000, 90.0)];
    assert_eq!(mean_of_tenth(&samples, 0, 1_000), Some(20.0));
    assert_eq!(mean_of_tenth(&samples, 1, 1_000), Some(60.0));
    assert_eq!(mean_of_tenth(&samples, 2, 1_000), None);
    assert_eq!(mean_of_tenth(&samples, 9, 1_000), Some(90.0), "the last record belongs to the last tenth");
}
