use headwater_log::{Offset, Partition, TopicName, TopicPartition};

use super::Standings;
use crate::{StartAt, StartOffset};

fn partition(number: u32) -> TopicPartition {
    TopicPartition::new(TopicName::new("events").unwrap(), Partition::new(number))
}

fn at(number: u32, offset: i64) -> StartAt {
    StartAt { partition: partition(number), offset: StartOffset::At(Offset::new(offset).unwrap()) }
}

fn passed(standings: &mut Standings, number: u32, next: i64, assignments: u64) -> bool {
    standings.passed("events", Partition::new(number), Offset::new(next).unwrap(), assignments)
}

#[test]
fn what_was_handed_out_is_not_read_again() {
    let mut standings = Standings::default();
    standings.assigned(&[at(0, 5), at(1, 7)]);
    assert!(passed(&mut standings, 1, 9, 1));
    assert!(passed(&mut standings, 0, 6, 1));
    assert!(!standings.passed("others", Partition::new(0), Offset::new(3).unwrap(), 1), "not assigned");
    assert_eq!(standings.of(&[partition(0), partition(1), partition(2)]), [at(0, 6), at(1, 9)]);
    standings.sought(&at(1, 2));
    assert_eq!(standings.of(&[partition(1)]), [at(1, 2)]);
}

#[test]
fn what_was_taken_before_a_partition_came_again_does_not_count() {
    let mut standings = Standings::default();
    standings.assigned(&[at(0, 5), at(1, 5)]);
    let before = standings.assignments();
    standings.unassigned(&[partition(0)]);
    assert!(!passed(&mut standings, 0, 8, before), "gone");
    standings.assigned(&[at(0, 5)]);
    assert!(!passed(&mut standings, 0, 8, before), "of its earlier life");
    assert!(passed(&mut standings, 1, 8, before), "it has stayed");
    assert_eq!(standings.assigned_after(before), [at(0, 5)]);
    assert_eq!(standings.running_but(&[]), [at(1, 8), at(0, 5)]);
}

#[test]
fn a_rebalance_leaves_alone_what_the_application_has_paused() {
    let mut standings = Standings::default();
    standings.assigned(&[at(0, 1), at(1, 1), at(2, 1)]);
    standings.paused(&[partition(1)], true);
    assert_eq!(standings.running_but(&[partition(2)]), [at(0, 1)]);
    assert_eq!(standings.paused_partitions(), [partition(1)]);
    standings.paused(&[partition(1)], false);
    assert_eq!(standings.running_but(&[partition(2)]), [at(0, 1), at(1, 1)]);
    standings.replaced(&[at(2, 4)]);
    assert_eq!(standings.running_but(&[]), [at(2, 4)]);
}
