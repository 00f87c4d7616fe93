#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

#[test]
fn a_value_without_header_is_too_short() {
    for actual_bytes in 0..HEADER_BYTES {
        let bytes = vec![0; actual_bytes];
        assert_eq!(decode(&bytes), Err(WireError::TooShort { actual_bytes }));
    }
}

#[test]
fn text_is_a_wrong_magic_byte_even_when_short() {
    assert_eq!(decode(b"{}"), Err(WireError::WrongMagic { found: b'{' }));
    assert_eq!(decode(b"{\"type\":1}"), Err(WireError::WrongMagic { found: b'{' }));
}

#[test]
fn the_id_is_big_endian() {
    let mut framed = Vec::new();
    encode_header_into(&mut framed, SchemaId(0x0102_0304));
    assert_eq!(framed, [0, 1, 2, 3, 4]);
}

proptest! {
    #[test]
    fn header_and_body_come_back(id: u32, body: Vec<u8>) {
        let mut framed = Vec::new();
        encode_header_into(&mut framed, SchemaId(id));
        framed.extend_from_slice(&body);
        prop_assert!(is_framed(&framed));
        prop_assert_eq!(decode(&framed), Ok((SchemaId(id), body.as_slice())));
    }
}
