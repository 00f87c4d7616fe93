#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, VecDeque};

use proptest::collection::vec;
use proptest::prelude::*;

use super::tests::{created, line, word};
use super::*;
use crate::ledger::{CatalogueFact, Hold, Product};

/// Several orders over a few SKUs: requests to a SKU and answers of a SKU to an order keep their order, all else is
/// shuffled by `choices`.
struct Shop {
    orders: Vec<Gathering>,
    said: Vec<Vec<String>>,
    products: BTreeMap<Sku, Option<Product>>,
    holds: BTreeMap<(usize, Sku), Hold>,
    requests: BTreeMap<Sku, VecDeque<(usize, HoldCommand)>>,
    answers: BTreeMap<(usize, Sku), VecDeque<Answer>>,
}

const SKUS: [&str; 3] = ["a", "b", "c"];

impl Shop {
    fn open(stock: &[i64], orders: usize) -> Self {
        let products = SKUS.iter().zip(stock).map(|(name, units)| {
            let product = CatalogueFact::Received { quantity: *units }.evolve(name, None);
            (Sku::new(name).unwrap(), Some(product))
        });
        Self {
            orders: vec![Gathering::default(); orders],
            said: vec![Vec::new(); orders],
            products: products.collect(),
            holds: BTreeMap::new(),
            requests: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    fn tell(&mut self, order: usize, news: News) {
        for saying in self.orders[order].hear(news) {
            let word = word(&saying);
            match saying {
                Saying::Ask { sku, command } => self.requests.entry(sku).or_default().push_back((order, command)),
                _ => self.said[order].push(word),
            }
        }
    }

    /// Moves one message on; false when none is under way.
    fn step(&mut self, choice: usize) -> bool {
        self.requests.retain(|_, queue| !queue.is_empty());
        self.answers.retain(|_, queue| !queue.is_empty());
        let all = self.requests.len() + self.answers.len();
        if all == 0 {
            return false;
        }
        let choice = choice % all;
        if choice < self.requests.len() {
            let sku = self.requests.keys().nth(choice).unwrap().clone();
            let (order, command) = self.requests.get_mut(&sku).unwrap().pop_front().unwrap();
            let product = self.products.entry(sku.clone()).or_default();
            let mut hold = self.holds.remove(&(order, sku.clone()));
            let answer = command.apply(product, &mut hold);
            assert!(product.as_ref().is_none_or(Product::is_balanced));
            self.holds.extend(hold.map(|hold| ((order, sku.clone()), hold)));
            self.answers.entry((order, sku)).or_default().push_back(answer);
        } else {
            let place = self.answers.keys().nth(choice - self.requests.len()).unwrap().clone();
            let answer = self.answers.get_mut(&place).unwrap().pop_front().unwrap();
            self.tell(place.0, News::Answered { sku: place.1, answer });
        }
        true
    }
}

proptest! {
    #[test]
    fn whatever_the_interleaving_every_hold_ends_confirmed_or_released(
        stock in vec(0_i64..12, 3),
        wanted in vec(vec((0_usize..3, 1_i64..5), 1..4), 1..5),
        cancel_after in vec(proptest::option::of(0_usize..25), 5),
        choices in vec(0_usize..1_000, 200),
    ) {
        let mut shop = Shop::open(&stock, wanted.len());
        let mut choices = choices.into_iter().cycle();
        for (order, lines) in wanted.iter().enumerate() {
            let lines = lines.iter().map(|(place, quantity)| line(SKUS[*place], *quantity, Some(5))).collect();
            shop.tell(order, created(lines));
        }
        let mut steps = 0;
        loop {
            for (order, after) in cancel_after.iter().enumerate().take(wanted.len()) {
                if *after == Some(steps) {
                    shop.tell(order, News::Cancelled { reason: "requested".into() });
                }
                // As orders does it: what is reserved is confirmed and paid, what is refused is cancelled.
                let heard = |word: &str| shop.said[order].iter().any(|said| said.starts_with(word));
                if heard("RESERVED") && shop.orders[order].phase == Phase::Reserved {
                    shop.tell(order, News::Confirmed);
                    shop.tell(order, News::Paid);
                } else if heard("RESERVATION FAILED") && shop.orders[order].phase == Phase::Refused {
                    shop.tell(order, News::Cancelled { reason: "out_of_stock".into() });
                }
            }
            steps += 1;
            if !shop.step(choices.next().unwrap()) && steps > 30 {
                break;
            }
        }
        for (order, gathering) in shop.orders.iter().enumerate() {
            let releases = shop.said[order].iter().filter(|said| said.starts_with("RELEASED")).count();
            let holds = || shop.holds.iter().filter(|((of, _), _)| *of == order).map(|(_, hold)| hold);
            match gathering.phase {
                Phase::Released => {
                    prop_assert_eq!(releases, 1);
                    let bound = |hold: &Hold| matches!(hold, Hold::Held { .. } | Hold::Confirmed { .. });
                    prop_assert!(!holds().any(bound), "something is still held");
                }
                Phase::Confirmed => {
                    prop_assert_eq!(releases, 0);
                    let sold = |hold: &Hold| matches!(hold, Hold::Confirmed { .. });
                    prop_assert!(holds().all(sold), "something is not sold");
                }
                ref phase => prop_assert!(false, "order {} ended as {:?}", order, phase),
            }
        }
    }
}
