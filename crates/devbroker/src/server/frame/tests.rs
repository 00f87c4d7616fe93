#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

#[test]
fn a_length_alone_costs_no_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for (bytes, whole) in [
        (&[0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8][..], true),
        (&[0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8][..], false),
        (&[0x06, 0, 0, 0, 1][..], false),
        (&[0x7f, 0xff, 0xff, 0xff][..], false),
        (&[0xff, 0xff, 0xff, 0xff][..], false),
        (&[0, 0, 0, 0][..], false),
    ] {
        let mut reader = bytes;
        let read = runtime.block_on(read_frame(&mut reader));
        assert_eq!(read.is_ok(), whole, "{bytes:?}");
    }
    assert!(runtime.block_on(read_frame(&mut &b""[..])).unwrap().is_none());
}

#[test]
fn an_unknown_version_of_api_versions_is_no_error() {
    let frame = parse_frame(Bytes::from_static(&[0, 18, 0, 99, 0, 0, 0, 7, 0, 0])).unwrap();
    assert!(frame.unsupported_api_versions);
    assert_eq!((frame.version, frame.correlation_id), (0, 7));
}

#[test]
fn unknown_apis_and_versions_are_refused() {
    for bytes in [[0, 200, 0, 0], [0, 17, 0, 0], [0, 0, 0, 2], [0, 0, 0, 99], [0x7f, 0xff, 0, 0], [0xff, 0xff, 0, 0]] {
        let mut frame = bytes.to_vec();
        frame.extend_from_slice(&[0; 12]);
        assert!(parse_frame(Bytes::from(frame)).is_err(), "{bytes:?}");
    }
}
