//! Whatever arrives: the connection may end, the broker never does.

use bytes::{BufMut, BytesMut};
use kafka_protocol::messages::*;
use proptest::prelude::*;

use crate::client::{Client, broker, text};

async fn still_serves(broker: &headwater_devbroker::Broker) {
    let mut client = Client::connect(broker).await;
    let response = client.ask(ApiVersionsRequest::default(), 0).await;
    assert_eq!(response.error_code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_version_of_api_versions_is_answered_in_version_0() {
    let broker = broker().await;
    let mut client = Client::connect(&broker).await;
    client.send_raw(&[0, 18, 0, 77, 0, 0, 0, 5, 0xff, 0xff, 0, 0, 0]).await;
    let frame = client.read_raw().await.unwrap();
    assert_eq!(&frame[..6], [0, 0, 0, 5, 0, 35], "UNSUPPORTED_VERSION");
    // The connection goes on.
    client.send_raw(&[0, 18, 0, 0, 0, 0, 0, 6, 0xff, 0xff]).await;
    assert_eq!(&client.read_raw().await.unwrap()[..6], [0, 0, 0, 6, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_that_lie_close_the_connection() {
    let broker = broker().await;
    let metadata_with_two_billion_topics = [0, 3, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff];
    let produce_with_two_billion_topics =
        [0, 0, 0, 3, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0, 0, 9, 0x7f, 0xff, 0xff, 0xff];
    let negative_count = [0, 3, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0];
    let endless_tags = [0, 3, 0, 12, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    let unknown_api = [0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    let sasl = [0, 17, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 5, b'P', b'L', b'A', b'I', b'N'];
    let http = *b"GET / HTTP/1.1\r\nHost: kafka\r\n\r\n";
    let frames: [&[u8]; 7] = [
        &metadata_with_two_billion_topics,
        &produce_with_two_billion_topics,
        &negative_count,
        &endless_tags,
        &unknown_api,
        &sasl,
        &http,
    ];
    for frame in frames {
        let mut client = Client::connect(&broker).await;
        client.send_raw(frame).await;
        assert_eq!(client.read_raw().await, None, "{frame:?}");
    }
    still_serves(&broker).await;
}

/// A request that is whole, as bytes.
fn whole_requests() -> Vec<Vec<u8>> {
    fn one<R: kafka_protocol::protocol::Request>(request: R, version: i16) -> Vec<u8> {
        let mut bytes = BytesMut::new();
        bytes.put_i16(R::KEY);
        bytes.put_i16(version);
        bytes.put_i32(1);
        bytes.put_i16(-1);
        if R::header_version(version) >= 2 {
            bytes.put_u8(0);
        }
        request.encode(&mut bytes, version).unwrap();
        bytes.to_vec()
    }
    let join = JoinGroupRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_session_timeout_ms(10_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![join_group_request::JoinGroupRequestProtocol::default().with_name(text("range"))]);
    vec![
        one(MetadataRequest::default().with_topics(None), 12),
        one(join, 9),
        one(crate::client::fetch_request("t", 0, 1, false), 12),
        one(InitProducerIdRequest::default().with_transaction_timeout_ms(1000), 4),
        one(DescribeConfigsRequest::default(), 4),
        one(ListGroupsRequest::default(), 5),
        one(DescribeLogDirsRequest::default().with_topics(None), 4),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Each case sends a hundred frames: noise, and requests with some bytes changed.
    #[test]
    fn noise_ends_connections_only(
        noise in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 50),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 50),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let broker = broker().await;
            let requests = whole_requests();
            let changed = changes.iter().map(|(which, at, byte)| {
                let mut frame = which.get(&requests).clone();
                let at = at.index(frame.len());
                frame[at] ^= byte;
                frame
            });
            for frame in noise.iter().cloned().chain(changed) {
                let mut client = Client::connect(&broker).await;
                client.send_raw(&frame).await;
            }
            still_serves(&broker).await;
            broker.stop().await.unwrap();
        });
    }
}
