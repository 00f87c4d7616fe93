//! A bound on what the log costs, far above what it should: it catches a mistake, not a drift.

use super::*;
use std::time::{Duration, Instant};

#[test]
#[allow(clippy::disallowed_methods, reason = "this test is about time")]
fn a_million_records_go_in_and_out_quickly() {
    let records: Vec<String> =
        (0..100).map(|i| format!("key-{i}=a value of about forty bytes, give or take")).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let batches: Vec<Bytes> = (0..10_000).map(|i| batch(&records).by(1, 0, i * 100).bytes()).collect();
    let folder = tempfile::tempdir().unwrap();
    let storage: Arc<dyn Storage> = Arc::new(DiskStorage::new(folder.path()).unwrap());
    let mut log = open(&storage, &LogConfig { segment_bytes: 16 << 20, ..LogConfig::default() });
    let start = Instant::now();
    for batch in batches {
        log.append(batch, NOW).unwrap();
    }
    let appended = start.elapsed();
    let start = Instant::now();
    let (mut offset, mut bytes) = (0, 0);
    while offset < 1_000_000 {
        let fetched = log.read(offset, 1 << 20, Isolation::ReadCommitted).unwrap().records;
        assert!(!fetched.is_empty());
        bytes += fetched.len() as u64;
        let mut at = 0;
        while at < fetched.len() {
            offset = i64::from_be_bytes(fetched[at..at + 8].try_into().unwrap()) + 100;
            at += 12 + u32::from_be_bytes(fetched[at + 8..at + 12].try_into().unwrap()) as usize;
        }
    }
    let read = start.elapsed();
    assert_eq!(bytes, log.size_bytes());
    let start = Instant::now();
    let reopened = open(&storage, log.config());
    let recovered = start.elapsed();
    assert_eq!(reopened.high_watermark(), 1_000_000);
    println!("{bytes} bytes: append {appended:?}, read {read:?}, check all after an unclean stop {recovered:?}");
    assert!(appended + read + recovered < Duration::from_secs(5));
    let mut log = reopened;
    log.set_config(LogConfig {
        cleanup_policy: CleanupPolicy { delete: false, compact: true },
        ..log.config().clone()
    });
    let start = Instant::now();
    let (mut steps, mut longest) = (1, Duration::ZERO);
    loop {
        let step = Instant::now();
        let more = log.maintain(NOW, 1 << 20).unwrap().more;
        longest = longest.max(step.elapsed());
        if !more {
            break;
        }
        steps += 1;
    }
    let compacted = start.elapsed();
    println!("compacted to {} bytes in {compacted:?}, {steps} steps, the longest {longest:?}", log.size_bytes());
    assert!(log.size_bytes() < bytes / 3);
    assert!(compacted < Duration::from_secs(5));
}
