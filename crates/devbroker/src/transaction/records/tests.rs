#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

#[test]
fn transactions_come_back_as_they_went() {
    let mut transaction = Transaction::new(7, 1000, 5);
    transaction.producer.epoch = 3;
    for state in 0..6 {
        transaction.state = State::from_number(state).unwrap();
        transaction.partitions.clear();
        if transaction.state != State::Empty {
            transaction.partitions.extend([
                TopicPartition::new("a", 0),
                TopicPartition::new("a", 2),
                TopicPartition::new("b", 1),
            ]);
        }
        assert_eq!(read_value(&value(&transaction)), Some(transaction.clone()));
    }
    assert_eq!(read_key(&key("tx")).as_deref(), Some("tx"));
}

#[test]
fn bytes_that_are_no_record_are_none() {
    for bytes in [&b""[..], b"\0", b"\0\x01\0\xff", b"\xff\xff\xff\xff"] {
        assert_eq!(read_key(bytes), None);
        assert_eq!(read_value(bytes), None);
    }
}
