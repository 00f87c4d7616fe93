//! DescribeProducers, DescribeTransactions, ListTransactions: what `kafka-transactions` asks.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_producers_response::{PartitionResponse, ProducerState, TopicResponse};
use kafka_protocol::messages::describe_transactions_response::{TopicData, TransactionState};
use kafka_protocol::messages::list_transactions_response::TransactionState as ListedTransaction;
use kafka_protocol::messages::{
    DescribeProducersRequest, DescribeProducersResponse, DescribeTransactionsRequest, DescribeTransactionsResponse,
    ListTransactionsRequest, ListTransactionsResponse, ProducerId, TransactionalId,
};

use super::Node;
use super::answers::{NONE, text, topic_name};
use crate::cluster::lock::lock;
use crate::transaction::machine::{State, Transaction};

/// DescribeProducers.
pub(super) fn describe_producers(node: &Node, request: DescribeProducersRequest) -> DescribeProducersResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partition_indexes.iter().map(|index| producers(node, &topic.name, *index));
        let partitions = partitions.collect();
        TopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions)
    });
    DescribeProducersResponse::default().with_topics(topics.collect())
}

fn producers(node: &Node, topic: &str, index: i32) -> PartitionResponse {
    let answer = PartitionResponse::default().with_partition_index(index);
    let known = node
        .catalog
        .partition(topic, index)
        .ok_or(ResponseError::UnknownTopicOrPartition)
        .and_then(|partition| partition.with_log(|log| Ok(log.active_producers())));
    match known {
        Err(error) => answer.with_error_code(error.code()),
        Ok(producers) => {
            let states = producers.iter().map(|producer| {
                ProducerState::default()
                    .with_producer_id(ProducerId(producer.producer_id))
                    .with_producer_epoch(i32::from(producer.producer_epoch))
                    .with_last_sequence(producer.last_sequence)
                    .with_last_timestamp(producer.last_timestamp_ms)
                    .with_coordinator_epoch(producer.coordinator_epoch)
                    .with_current_txn_start_offset(producer.transaction_start_offset.unwrap_or(NONE))
            });
            answer.with_active_producers(states.collect())
        }
    }
}

/// DescribeTransactions.
pub(super) fn describe_transactions(node: &Node, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse {
    let states = request.transactional_ids.into_iter().map(|id| match node.transactions.entry(&id) {
        Some(entry) => described(&lock(&entry)).with_transactional_id(id),
        None => TransactionState::default()
            .with_error_code(ResponseError::TransactionalIdNotFound.code())
            .with_transactional_id(id),
    });
    DescribeTransactionsResponse::default().with_transaction_states(states.collect())
}

fn described(transaction: &Transaction) -> TransactionState {
    let mut topics: Vec<TopicData> = Vec::new();
    for at in &transaction.partitions {
        match topics.last_mut() {
            Some(topic) if *topic.topic == *at.topic => topic.partitions.push(at.partition),
            _ => {
                topics.push(TopicData::default().with_topic(topic_name(&at.topic)).with_partitions(vec![at.partition]))
            }
        }
    }
    TransactionState::default()
        .with_transaction_state(text(transaction.state.name()))
        .with_transaction_timeout_ms(transaction.timeout_ms)
        .with_transaction_start_time_ms(transaction.started_ms)
        .with_producer_id(ProducerId(transaction.producer.id))
        .with_producer_epoch(transaction.producer.epoch)
        .with_topics(topics)
}

const STATE_NAMES: [State; 6] = [
    State::Empty,
    State::Ongoing,
    State::PrepareCommit,
    State::PrepareAbort,
    State::CompleteCommit,
    State::CompleteAbort,
];

/// ListTransactions, by state, producer and age where asked.
pub(super) fn list_transactions(node: &Node, request: ListTransactionsRequest) -> ListTransactionsResponse {
    let now_ms = node.clock.now_ms();
    let wanted = |transaction: &Transaction| {
        let state = transaction.state.name();
        let by_state = request.state_filters.is_empty() || request.state_filters.iter().any(|f| f.as_str() == state);
        let by_producer = request.producer_id_filters.is_empty()
            || request.producer_id_filters.iter().any(|id| id.0 == transaction.producer.id);
        let by_age = request.duration_filter < 0
            || (transaction.started_ms >= 0 && now_ms - transaction.started_ms > request.duration_filter);
        by_state && by_producer && by_age
    };
    let mut listed = Vec::new();
    for (id, entry) in node.transactions.all() {
        let transaction = lock(&entry);
        if wanted(&transaction) {
            listed.push(
                ListedTransaction::default()
                    .with_transactional_id(TransactionalId(text(&id)))
                    .with_producer_id(ProducerId(transaction.producer.id))
                    .with_transaction_state(text(transaction.state.name())),
            );
        }
    }
    let known = |name: &str| STATE_NAMES.iter().any(|state| state.name() == name);
    let unknown = request.state_filters.iter().filter(|name| !known(name)).cloned().collect();
    ListTransactionsResponse::default().with_unknown_state_filters(unknown).with_transaction_states(listed)
}
