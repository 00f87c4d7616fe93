use super::*;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn time_left_follows_the_rate_so_far_over_all_tasks() {
    let meter = RestoreMeter::default();
    meter.remaining("a", 1_000, at(10));
    meter.remaining("b", 500, at(10));
    assert_eq!(meter.progress(at(10)).time_left, None);
    meter.restored(300);
    meter.remaining("a", 700, at(12));
    let expected =
        RestoreProgress { tasks: 2, restored_records: 300, passed: 300, left: 1_200, time_left: Some(at(8)) };
    assert_eq!(meter.progress(at(12)), expected);
}

#[test]
fn a_task_that_is_done_counts_as_passed_and_the_next_wave_begins_anew() {
    let meter = RestoreMeter::default();
    meter.remaining("a", 100, at(0));
    meter.remaining("b", 100, at(0));
    meter.restored(60);
    meter.ended("a", at(1));
    let progress = meter.progress(at(1));
    assert_eq!((progress.tasks, progress.passed, progress.left), (1, 100, 100));
    meter.ended("b", at(2));
    assert_eq!(meter.progress(at(2)), RestoreProgress::default());
    meter.remaining("a", 10, at(50));
    assert_eq!(meter.progress(at(51)), RestoreProgress { tasks: 1, left: 10, ..RestoreProgress::default() });
}

#[test]
fn what_began_again_from_the_start_does_not_count_backwards() {
    let meter = RestoreMeter::default();
    meter.remaining("a", 100, at(0));
    meter.remaining("a", 40, at(1));
    meter.remaining("a", 100, at(2));
    assert_eq!((meter.progress(at(2)).passed, meter.progress(at(2)).left), (60, 100));
}
