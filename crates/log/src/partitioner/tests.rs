#![allow(clippy::unwrap_used)]
use super::*;

/// The vectors of Kafka's own `UtilsTest.testMurmur2`.
#[test]
fn hashes_agree_with_javas() {
    let cases: &[(&[u8], i32)] = &[
        (b"21", -973_932_308),
        (b"foobar", -790_332_482),
        (b"a-little-bit-long-string", -985_981_536),
        (b"a-little-bit-longer-string", -1_486_304_829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        (b"abc", 479_470_107),
    ];
    for (key, expected) in cases {
        assert_eq!(murmur2(key), *expected, "{}", String::from_utf8_lossy(key));
    }
}

#[test]
fn a_partition_is_always_in_range() {
    for count in 1..50 {
        for key in 0..200_u32 {
            let partition = partition_of_key(&key.to_le_bytes(), NonZeroU32::new(count).unwrap());
            assert!(partition.get() < count);
        }
    }
}
