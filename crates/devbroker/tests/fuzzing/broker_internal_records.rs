//! A record of `__consumer_offsets` or `__transaction_state`: which, then the key with its length in two bytes, then the
//! value. What is read is written and read to the same.

use headwater_devbroker::fuzzing::internal_record;

pub fn target(bytes: &[u8]) {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let Some((length, rest)) = rest.split_first_chunk::<2>() else { return };
    let (key, value) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
    let is_group = kind & 1 == 0;
    let Ok((key, value)) = internal_record(is_group, key, value) else { return };
    let again = internal_record(is_group, &key, &value).expect("what was written is read");
    assert_eq!(again, (key, value));
}
