use headwater_contracts::sagas::{SagaStep, SagaView};
use headwater_event::OrderId;

use crate::saga::Saga;

/// The document of a saga. It follows from the saga's events alone.
#[must_use]
pub fn view(order_id: &OrderId, saga: &Saga) -> SagaView {
    let judgement = saga.judge();
    let steps = saga.timeline().into_iter().map(|step| SagaStep {
        event_id: step.event_id.to_string(),
        causation_id: step.causation_id.map(|cause| cause.to_string()),
        r#type: step.event.clone(),
        at: step.at,
    });
    SagaView {
        order_id: order_id.clone(),
        correlation_id: saga.correlation_id().map(ToString::to_string).unwrap_or_default(),
        state: judgement.state.word().to_owned(),
        steps: steps.collect(),
        anomalies: judgement.anomalies,
        started_at: saga.started_at(),
        updated_at: saga.updated_at(),
        ended_at: judgement.ended_at,
    }
}
