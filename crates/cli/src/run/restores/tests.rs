use super::*;

#[test]
fn a_restore_says_records_and_time_left_once_they_are_known() {
    let begun = RestoreProgress { tasks: 1, left: 10, ..RestoreProgress::default() };
    assert_eq!(words(begun), "of 1 task");
    let time_left = Some(Duration::from_millis(2_400));
    let under_way = RestoreProgress { tasks: 2, restored_records: 7, passed: 9, left: 10, time_left };
    assert_eq!(words(under_way), "of 2 tasks, 7 records restored, 3 s left");
}
