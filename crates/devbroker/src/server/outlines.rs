//! The APIs that this broker serves: versions, and the outline of each request (from Kafka's message definitions).

use kafka_protocol::messages::ApiKey;

use super::shape::{Field, Shape, blob, each, fixed, maybe, numbers, text, texts};

/// One API that is served: what ApiVersions advertises, and the outline that its requests must fit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServedApi {
    /// Which API.
    pub(crate) key: ApiKey,
    /// First version served.
    pub(crate) min_version: i16,
    /// Last version served.
    pub(crate) max_version: i16,
    /// The outline of its requests.
    pub(crate) shape: Shape,
}

const fn served(
    key: ApiKey,
    (min_version, max_version): (i16, i16),
    flexible_since: i16,
    fields: &'static [Field],
) -> ServedApi {
    ServedApi { key, min_version, max_version, shape: Shape { flexible_since, fields } }
}

/// The entry of an API, unless it is not served.
pub(crate) fn served_api(key: ApiKey) -> Option<&'static ServedApi> {
    SERVED.iter().find(|api| api.key as i16 == key as i16)
}

const NEVER: i16 = i16::MAX;
const BOOL: Field = fixed(1);
const I8: Field = fixed(1);
const I16: Field = fixed(2);
const I32: Field = fixed(4);
const I64: Field = fixed(8);
const UUID: Field = fixed(16);
const TOPIC_PARTITIONS: &[Field] = &[text(), numbers(4)];
const CONFIGS: &[Field] = &[text(), text()];

/// Every API that is served, in the order of the keys.
pub(crate) const SERVED: &[ServedApi] = &[
    served(ApiKey::Produce, (3, 12), 9, &[text(), I16, I32, each(&[text(), each(&[I32, blob()])])]),
    served(
        ApiKey::Fetch,
        (4, 17),
        12,
        &[
            I32.until(14),
            I32,
            I32,
            I32,
            I8,
            I32.since(7),
            I32.since(7),
            each(&[
                text().until(12),
                UUID.since(13),
                each(&[I32, I32.since(9), I64, I32.since(12), I64.since(5), I32]),
            ]),
            each(&[text().until(12), UUID.since(13), numbers(4)]).since(7),
            text().since(11),
        ],
    ),
    served(
        ApiKey::ListOffsets,
        (1, 10),
        6,
        &[I32, I8.since(2), each(&[text(), each(&[I32, I32.since(4), I64])]), I32.since(10)],
    ),
    served(
        ApiKey::Metadata,
        (0, 13),
        9,
        &[each(&[UUID.since(10), text()]), BOOL.since(4), BOOL.since(8).until(10), BOOL.since(8)],
    ),
    served(
        ApiKey::OffsetCommit,
        (2, 9),
        8,
        &[text(), I32, text(), text().since(7), I64.until(4), each(&[text(), each(&[I32, I64, I32.since(6), text()])])],
    ),
    served(
        ApiKey::OffsetFetch,
        (1, 9),
        6,
        &[
            text().until(7),
            each(TOPIC_PARTITIONS).until(7),
            each(&[text(), text().since(9), I32.since(9), each(TOPIC_PARTITIONS)]).since(8),
            BOOL.since(7),
        ],
    ),
    served(ApiKey::FindCoordinator, (0, 6), 3, &[text().until(3), I8.since(1), texts().since(4)]),
    served(
        ApiKey::JoinGroup,
        (0, 9),
        6,
        &[text(), I32, I32.since(1), text(), text().since(5), text(), each(&[text(), blob()]), text().since(8)],
    ),
    served(ApiKey::Heartbeat, (0, 4), 4, &[text(), I32, text(), text().since(3)]),
    served(
        ApiKey::LeaveGroup,
        (0, 5),
        4,
        &[text(), text().until(2), each(&[text(), text(), text().since(5)]).since(3)],
    ),
    served(
        ApiKey::SyncGroup,
        (0, 5),
        4,
        &[text(), I32, text(), text().since(3), text().since(5), text().since(5), each(&[text(), blob()])],
    ),
    served(ApiKey::DescribeGroups, (0, 6), 5, &[texts(), BOOL.since(3)]),
    served(ApiKey::ListGroups, (0, 5), 3, &[texts().since(4), texts().since(5)]),
    served(ApiKey::ApiVersions, (0, 4), 3, &[text().since(3), text().since(3)]),
    served(
        ApiKey::CreateTopics,
        (2, 7),
        5,
        &[each(&[text(), I32, I16, each(&[I32, numbers(4)]), each(CONFIGS)]), I32, BOOL],
    ),
    served(ApiKey::DeleteTopics, (1, 6), 4, &[each(&[text(), UUID]).since(6), texts().until(5), I32]),
    served(ApiKey::DeleteRecords, (0, 2), 2, &[each(&[text(), each(&[I32, I64])]), I32]),
    served(ApiKey::InitProducerId, (0, 5), 2, &[text(), I32, I64.since(3), I16.since(3)]),
    served(ApiKey::OffsetForLeaderEpoch, (2, 4), 4, &[I32.since(3), each(&[text(), each(&[I32, I32, I32])])]),
    served(ApiKey::AddPartitionsToTxn, (0, 3), 3, &[text(), I64, I16, each(TOPIC_PARTITIONS)]),
    served(ApiKey::AddOffsetsToTxn, (0, 4), 3, &[text(), I64, I16, text()]),
    served(ApiKey::EndTxn, (0, 4), 3, &[text(), I64, I16, BOOL]),
    served(
        ApiKey::TxnOffsetCommit,
        (0, 4),
        3,
        &[
            text(),
            text(),
            I64,
            I16,
            I32.since(3),
            text().since(3),
            text().since(3),
            each(&[text(), each(&[I32, I64, I32.since(2), text()])]),
        ],
    ),
    served(ApiKey::DescribeAcls, (1, 3), 2, &[I8, text(), I8, text(), text(), I8, I8]),
    served(ApiKey::DescribeConfigs, (1, 4), 4, &[each(&[I8, text(), texts()]), BOOL, BOOL.since(3)]),
    served(ApiKey::AlterConfigs, (0, 2), 2, &[each(&[I8, text(), each(CONFIGS)]), BOOL]),
    served(ApiKey::DescribeLogDirs, (1, 4), 2, &[each(TOPIC_PARTITIONS)]),
    served(ApiKey::CreatePartitions, (0, 3), 2, &[each(&[text(), I32, each(&[numbers(4)])]), I32, BOOL]),
    served(ApiKey::DeleteGroups, (0, 2), 2, &[texts()]),
    served(ApiKey::IncrementalAlterConfigs, (0, 1), 1, &[each(&[I8, text(), each(&[text(), I8, text()])]), BOOL]),
    served(ApiKey::OffsetDelete, (0, 0), NEVER, &[text(), each(&[text(), each(&[I32])])]),
    served(ApiKey::DescribeCluster, (0, 2), 0, &[BOOL, I8.since(1), BOOL.since(2)]),
    served(ApiKey::DescribeProducers, (0, 0), 0, &[each(TOPIC_PARTITIONS)]),
    served(ApiKey::DescribeTransactions, (0, 0), 0, &[texts()]),
    served(ApiKey::ListTransactions, (0, 1), 0, &[texts(), numbers(8), I64.since(1)]),
    served(ApiKey::ListConfigResources, (0, 1), 0, &[numbers(1).since(1)]),
    served(ApiKey::DescribeTopicPartitions, (0, 0), 0, &[each(&[text()]), I32, maybe(&[text(), I32])]),
];
