#![allow(clippy::unwrap_used, clippy::expect_used)]
use bytes::Bytes;

use super::*;

#[test]
fn offsets_come_back_as_they_went() {
    let at = TopicPartition::new("orders", 3);
    let committed = Committed {
        offset: 42,
        leader_epoch: 0,
        metadata: "hw1;orders=42".to_owned(),
        commit_time_ms: 7,
        log_offset: 11,
    };
    assert_eq!(read_key(&offset_key("g", &at)), Some(Key::Offset { group: "g".to_owned(), at }));
    assert_eq!(read_offset(&offset_value(&committed), 11), Some(committed));
}

#[test]
fn groups_come_back_with_their_members() {
    let mut group = Group::new(5);
    group.generation = 9;
    group.protocol_type = Some("consumer".to_owned());
    group.protocol_name = Some("range".to_owned());
    group.leader = Some("m1".to_owned());
    let member = Member {
        id: "m1".to_owned(),
        instance_id: Some("one".to_owned()),
        client_id: "c".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: 6000,
        rebalance_timeout_ms: 7000,
        protocols: vec![("range".to_owned(), Bytes::from_static(b"topics"))],
        assignment: Bytes::from_static(b"mine"),
        joining: None,
        syncing: None,
        session_deadline_ms: 0,
    };
    group.members.insert("m1".to_owned(), member);
    let back = read_group(&group_value(&group), 100).unwrap();
    assert_eq!((back.state, back.generation, back.leader.as_deref()), (State::Stable, 9, Some("m1")));
    assert_eq!(back.instances.get("one").map(String::as_str), Some("m1"));
    let member = &back.members["m1"];
    assert_eq!(member.assignment, "mine");
    assert_eq!(member.session_deadline_ms, 6100, "the session starts anew");
    assert_eq!(read_key(&group_key("g")), Some(Key::Group("g".to_owned())));
}

#[test]
fn bytes_that_are_no_record_are_none() {
    for bytes in [&b""[..], b"\0", b"\0\x01\0\xff", b"\0\x02\x7f\xff", b"\xff\xff\xff\xff"] {
        assert_eq!(read_key(bytes), None);
        assert_eq!(read_offset(bytes, 0), None);
        assert!(read_group(bytes, 0).is_none());
    }
}
