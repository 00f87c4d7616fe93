use std::collections::BTreeSet;

use headwater_event::Timestamp;

use crate::declared::{
    Declared, EXCLUSIVE, INVENTORY_CONFIRMATION_FAILED, INVENTORY_RELEASED, INVENTORY_RESERVATION_FAILED,
    INVENTORY_RESERVED, ORDER_CANCELLED, ORDER_CONFIRMED, ORDER_DELIVERED, PAYMENT_FAILED, PAYMENT_PROCESSED,
    PAYMENT_REFUNDED, REFUND_FAILED, SHIPMENT_FAILED, declared, short,
};
use crate::saga::{State, Step};

/// What a saga's events come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// How far it has come.
    pub state: State,
    /// What the choreography does not allow, for people; sorted.
    pub anomalies: Vec<String>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// How one event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Its cause, or what must have happened before it, has not arrived.
    Waiting,
    /// It counts.
    Counted,
    /// The choreography does not allow it: it is flagged, and does not count.
    Stray,
}

pub(crate) fn judge(steps: &[Step]) -> Judgement {
    let mut anomalies = BTreeSet::new();
    let standings = stand(steps, &mut anomalies);
    let counted: Vec<&Step> = steps
        .iter()
        .zip(&standings)
        .filter(|(_, standing)| **standing == Standing::Counted)
        .map(|(step, _)| step)
        .collect();
    let state = state_of(&counted);
    contradictions(steps, &mut anomalies);
    let mut ended_at = None;
    if state.is_end() {
        ended_at = end_of(state, &counted);
        let waiting = steps.iter().zip(&standings).filter(|(_, standing)| **standing == Standing::Waiting);
        anomalies.extend(waiting.map(|(step, _)| {
            let cause = step.causation_id.map_or_else(|| "none".to_owned(), |cause| cause.to_string());
            format!("{} still waits for what must come before it: its cause is {cause}", short(&step.event))
        }));
    }
    Judgement { state, anomalies: anomalies.into_iter().collect(), ended_at }
}

/// Counts events from their causes on, until nothing changes: which one arrived first makes no difference.
fn stand(steps: &[Step], anomalies: &mut BTreeSet<String>) -> Vec<Standing> {
    let mut standings = vec![Standing::Waiting; steps.len()];
    loop {
        let mut changed = false;
        for (place, step) in steps.iter().enumerate() {
            if standings.get(place) != Some(&Standing::Waiting) {
                continue;
            }
            let standing = stand_one(step, steps, &standings, anomalies);
            if let Some(slot) = standings.get_mut(place) {
                changed |= *slot != standing;
                *slot = standing;
            }
        }
        if !changed {
            return standings;
        }
    }
}

fn stand_one(step: &Step, steps: &[Step], standings: &[Standing], anomalies: &mut BTreeSet<String>) -> Standing {
    let Some(declared) = declared(&step.event) else {
        anomalies.insert(format!("{} is no part of the choreography", step.event));
        return Standing::Stray;
    };
    let cause = step.causation_id.and_then(|cause| steps.iter().position(|other| other.event_id == cause));
    let cause_counts = match cause.and_then(|place| steps.get(place).zip(standings.get(place))) {
        Some((cause, _)) if !declared.caused_by.contains(&cause.event.as_str()) => {
            anomalies.insert(format!("{} must not follow from {}", short(&step.event), short(&cause.event)));
            return Standing::Stray;
        }
        Some((_, standing)) => *standing == Standing::Counted,
        None => declared.outside,
    };
    let counts = |event: &&str| {
        steps.iter().zip(standings).any(|(step, standing)| step.event == **event && *standing == Standing::Counted)
    };
    if cause_counts && declared.after.iter().all(counts) { Standing::Counted } else { Standing::Waiting }
}

fn contradictions(steps: &[Step], anomalies: &mut BTreeSet<String>) {
    let count = |event: &str| steps.iter().filter(|step| step.event == event).count();
    for step in steps {
        let repeats = declared(&step.event).is_none_or(|Declared { repeats, .. }| *repeats);
        if !repeats && count(&step.event) > 1 {
            anomalies.insert(format!("{} happened {} times", short(&step.event), count(&step.event)));
        }
    }
    for (one, other) in EXCLUSIVE {
        if count(one) > 0 && count(other) > 0 {
            anomalies.insert(format!("{} and {} both happened", short(one), short(other)));
        }
    }
}

/// The failures after which an order is bound to be cancelled.
const FATAL: [&str; 4] = [INVENTORY_RESERVATION_FAILED, PAYMENT_FAILED, INVENTORY_CONFIRMATION_FAILED, SHIPMENT_FAILED];

fn state_of(counted: &[&Step]) -> State {
    let has = |event: &str| counted.iter().any(|step| step.event == event);
    if has(ORDER_DELIVERED) {
        return State::Completed;
    }
    if has(ORDER_CANCELLED) {
        if has(REFUND_FAILED) && !has(PAYMENT_REFUNDED) {
            return State::Failed;
        }
        // A confirmed order's charge has an outcome, sooner or later; only then is it known what to pay back.
        let money_is_back = !has(ORDER_CONFIRMED) || has(PAYMENT_FAILED) || has(PAYMENT_REFUNDED);
        let done = money_is_back && has(INVENTORY_RELEASED);
        return if done { State::Compensated } else { State::Compensating };
    }
    if FATAL.iter().any(|event| has(event)) {
        State::Compensating
    } else if has(PAYMENT_PROCESSED) {
        State::PaymentProcessed
    } else if has(INVENTORY_RESERVED) {
        State::InventoryReserved
    } else {
        State::Started
    }
}

/// The time of the last event that the end needed.
fn end_of(state: State, counted: &[&Step]) -> Option<Timestamp> {
    let needed: &[&str] = match state {
        State::Completed => &[ORDER_DELIVERED],
        State::Compensated => &[ORDER_CANCELLED, INVENTORY_RELEASED, PAYMENT_FAILED, PAYMENT_REFUNDED],
        State::Failed => &[ORDER_CANCELLED, REFUND_FAILED],
        _ => return None,
    };
    counted.iter().filter(|step| needed.contains(&step.event.as_str())).map(|step| step.at).max()
}
