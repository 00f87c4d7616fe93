use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_complaint_is_said_at_once_and_then_now_and_again() {
    let mut complaints = Complaints::default();
    assert_eq!(complaints.repeated("broker down", SECOND), Some(0));
    assert_eq!(complaints.repeated("another", SECOND), Some(0));
    for at in 2..=30 {
        assert_eq!(complaints.repeated("broker down", SECOND * at), None);
    }
    assert_eq!(complaints.repeated("broker down", SECOND * 31), Some(29));
    assert_eq!(complaints.repeated("broker down", SECOND * 61), Some(0));
}

#[test]
fn memory_is_bounded() {
    let mut complaints = Complaints::default();
    for number in 0..10_000 {
        assert_eq!(complaints.repeated(&number.to_string(), SECOND), Some(0));
        assert!(complaints.said.len() <= REMEMBERED_MAX);
    }
}
