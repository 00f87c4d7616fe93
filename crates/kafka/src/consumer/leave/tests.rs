#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

#[test]
fn the_request_is_leave_group_version_3() {
    let frame = request("g", &["i1"]);
    let expected: Vec<u8> = [
        &[0, 0, 0, 35][..],         // length
        &[0, 13, 0, 3, 0, 0, 0, 1], // key, version, correlation id
        &[0, 9],
        b"headwater", // client id
        &[0, 1],
        b"g",          // group
        &[0, 0, 0, 1], // one member
        &[0, 0],       // its id is not known
        &[0, 2],
        b"i1",
    ]
    .concat();
    let length = i32::from_be_bytes(frame[..4].try_into().unwrap());
    assert_eq!(length as usize, frame.len() - 4);
    assert_eq!(frame[4..], expected[4..]);
}

fn answer(error: i16, member_error: i16) -> Vec<u8> {
    let mut answer = vec![0, 0, 0, 1, 0, 0, 0, 0];
    answer.extend(error.to_be_bytes());
    answer.extend([0, 0, 0, 1, 0, 0, 0, 2]);
    answer.extend(b"i1");
    answer.extend(member_error.to_be_bytes());
    answer
}

#[test]
fn a_member_that_is_gone_already_is_no_error() {
    assert!(read_answer(&answer(0, 0)).is_ok());
    assert!(read_answer(&answer(0, 25)).is_ok());
    assert_eq!(read_answer(&answer(16, 0)).unwrap_err().code(), Some(16));
    assert_eq!(read_answer(&answer(0, 82)).unwrap_err().kind(), ErrorKind::Fenced);
}

#[test]
fn a_broken_answer_is_an_error_and_no_panic() {
    let whole = answer(0, 0);
    for length in 0..whole.len() {
        assert!(read_answer(&whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn over_tls_it_says_what_happens_instead() {
    let connection = ConnectionSettings::new("localhost:1").with_property("security.protocol", "ssl").unwrap();
    let error = leave_group(&connection, "g", &["i"], Duration::from_secs(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("when the session times out"), "{error}");
}
