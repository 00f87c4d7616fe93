//! Any interleaving of events, answers and timers, with repeats, keeps the books right.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, VecDeque};

use headwater_event::{Currency, CustomerId, Money, OrderId};
use proptest::prelude::*;

use super::{Action, Fact, Input, Payment};
use crate::{Answer, Profile, Request, Settings};

/// A provider with books, and the queue in front of it: one request of an order after another.
#[derive(Default)]
struct World {
    payment: Payment,
    queue: VecDeque<Request>,
    answered: Vec<Request>,
    refund_due: bool,
    books: BTreeMap<String, Answer>,
    charges: u32,
    refunds: u32,
    facts: Vec<Fact>,
    profile: Profile,
}

impl World {
    fn feed(&mut self, input: Input) {
        let payment = std::mem::take(&mut self.payment);
        let settings = Settings { refund_tries_max: 3, ..Settings::default() };
        let turn = payment.on(&OrderId::new("o-1").unwrap(), input, &settings).unwrap();
        self.payment = turn.payment;
        for action in turn.actions {
            match action {
                Action::Ask(request) => self.queue.push_back(request),
                Action::RetryRefundIn { .. } => self.refund_due = true,
                Action::Emit(fact) => self.facts.push(fact),
            }
        }
    }

    /// Moves money once for each key, as a provider does.
    fn ask(&mut self, request: &Request) -> Answer {
        let key = request.idempotency_key();
        if let Some(answer) = self.books.get(&key) {
            return answer.clone();
        }
        let answer = match (request, self.profile.answer(&key)) {
            (Request::Refund { .. }, _) if self.charges == 0 => Answer::NothingCharged,
            (Request::Charge { .. }, Answer::Done) => {
                self.charges += 1;
                Answer::Done
            }
            (Request::Refund { .. }, Answer::Done) => {
                self.refunds += 1;
                Answer::Done
            }
            (_, refusal) => refusal,
        };
        self.books.insert(key, answer.clone());
        answer
    }

    fn answer(&mut self, request: &Request) {
        let answer = self.ask(request);
        self.feed(match request {
            Request::Charge { .. } => Input::ChargeAnswered(answer),
            Request::Refund { tries, .. } => Input::RefundAnswered { tries: *tries, answer },
        });
    }

    /// The answer to the request at the head of the queue arrives; `lost` makes it arrive only at a later try.
    fn next_answer(&mut self, lost: bool) {
        let Some(request) = self.queue.front().cloned() else { return };
        if lost {
            self.ask(&request);
            return;
        }
        self.queue.pop_front();
        self.answer(&request);
        self.answered.push(request);
    }

    fn settle(&mut self) {
        for _ in 0..100 {
            if self.queue.is_empty() && !self.refund_due {
                return;
            }
            self.next_answer(false);
            if std::mem::take(&mut self.refund_due) {
                self.feed(Input::RefundDue);
            }
        }
        panic!("never settles: {:?}", self.payment);
    }

    fn count(&self, matches: impl Fn(&Fact) -> bool) -> usize {
        self.facts.iter().filter(|fact| matches(fact)).count()
    }
}

#[derive(Debug, Clone, Copy)]
enum Move {
    NextOrderEvent,
    RepeatOrderEvent(usize),
    Answer,
    AnswerLost,
    RepeatAnswer(usize),
    RefundDue,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => Just(Move::NextOrderEvent),
        1 => any::<usize>().prop_map(Move::RepeatOrderEvent),
        3 => Just(Move::Answer),
        1 => Just(Move::AnswerLost),
        1 => any::<usize>().prop_map(Move::RepeatAnswer),
        1 => Just(Move::RefundDue),
    ];
    proptest::collection::vec(one, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn any_interleaving_charges_at_most_once_and_refunds_what_was_charged_and_cancelled(
        moves in moves(),
        confirmed in any::<bool>(),
        cancelled in any::<bool>(),
        cancelled_first in any::<bool>(),
        refused_per_mille in prop_oneof![Just(0), Just(500), Just(1_000)],
        minor in 0_i64..3,
    ) {
        let total = Money::new(minor, Currency::new("GBP").unwrap());
        let confirm = Input::OrderConfirmed { customer_id: CustomerId::new("c-1").unwrap(), total };
        let cancel = Input::OrderCancelled { reason: "requested".to_owned() };
        let mut events = Vec::new();
        if confirmed { events.push(confirm); }
        if cancelled { events.insert(if cancelled_first { 0 } else { events.len() }, cancel); }

        let profile = Profile { refused_per_mille, ..Profile::NONE };
        let mut world = World { profile, ..World::default() };
        let mut seen = 0;
        for step in moves {
            match step {
                Move::NextOrderEvent => if let Some(event) = events.get(seen).cloned() {
                    seen += 1;
                    world.feed(event);
                },
                Move::RepeatOrderEvent(at) if seen > 0 => world.feed(events[at % seen].clone()),
                Move::Answer => world.next_answer(false),
                Move::AnswerLost => world.next_answer(true),
                Move::RepeatAnswer(at) if !world.answered.is_empty() => {
                    let request = world.answered[at % world.answered.len()].clone();
                    world.answer(&request);
                }
                Move::RefundDue => {
                    // Also where none was asked for: a timer that comes twice asks for nothing.
                    world.refund_due = false;
                    world.feed(Input::RefundDue);
                }
                Move::RepeatOrderEvent(_) | Move::RepeatAnswer(_) => {}
            }
            prop_assert!(world.charges <= 1 && world.refunds <= world.charges);
        }
        for event in events.iter().skip(seen).cloned() {
            world.feed(event);
        }
        world.settle();

        let processed = world.count(|fact| matches!(fact, Fact::Processed { .. }));
        let failed = world.count(|fact| matches!(fact, Fact::Failed { .. }));
        let refunded = world.count(|fact| matches!(fact, Fact::Refunded { .. }));
        let refund_failed = world.count(|fact| matches!(fact, Fact::RefundFailed { .. }));
        let barred = cancelled && cancelled_first;
        prop_assert_eq!(processed + failed, usize::from(confirmed && !barred), "one result for each confirmation");
        prop_assert_eq!(refunded + refund_failed, if cancelled { processed } else { 0 }, "one end for each refund");
        if minor > 0 {
            prop_assert_eq!(world.charges as usize, processed, "what is said to be charged is");
            prop_assert_eq!(world.refunds as usize, refunded, "what is said to be refunded is");
        } else {
            prop_assert_eq!(world.charges + world.refunds, 0);
        }
    }
}
