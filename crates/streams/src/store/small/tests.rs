use proptest::prelude::*;

use super::Small;

#[test]
fn a_key_and_a_value_of_a_slot_fill_no_more_than_a_line_of_memory() {
    assert_eq!(size_of::<Small>(), 24);
    assert_eq!(size_of::<Option<Small>>(), 24);
}

proptest! {
    #[test]
    fn bytes_of_any_length_come_out_as_they_went_in(bytes in prop::collection::vec(any::<u8>(), 0..40), prefix: u8) {
        let prefixed = Small::prefixed(prefix, &bytes);
        prop_assert_eq!(prefixed.as_slice(), [&[prefix][..], &bytes].concat());
        prop_assert_eq!(prefixed.len(), bytes.len() + 1);
        prop_assert_eq!(Small::from(bytes.as_slice()), Small::from(bytes.clone()));
        prop_assert_eq!(Small::from(bytes.as_slice()).to_bytes(), &bytes);
    }

    #[test]
    fn they_are_ordered_as_their_bytes(one in prop::collection::vec(0..3_u8, 0..30), other in prop::collection::vec(0..3_u8, 0..30)) {
        prop_assert_eq!(Small::from(one.as_slice()).cmp(&Small::from(other.as_slice())), one.cmp(&other));
    }
}
