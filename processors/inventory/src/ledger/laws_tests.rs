#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Ask {
    Hold { order: u8, command: HoldCommand },
    Catalogue(CatalogueCommand),
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let currency = Currency::new("GBP").unwrap();
    let reserve = (1_i64..20, proptest::option::of(0_i64..500))
        .prop_map(move |(quantity, unit_price_minor)| HoldCommand::Reserve { quantity, currency, unit_price_minor });
    let hold = prop_oneof![reserve, Just(HoldCommand::Release), Just(HoldCommand::Confirm)];
    prop_oneof![
        6 => (0_u8..8, hold).prop_map(|(order, command)| Ask::Hold { order, command }),
        1 => (-5_i64..60).prop_map(|quantity| Ask::Catalogue(CatalogueCommand::Receive { quantity })),
        1 => (-40_i64..40)
            .prop_map(|quantity| Ask::Catalogue(CatalogueCommand::Adjust { quantity, reason: String::new() })),
        1 => (-5_i64..500).prop_map(move |minor| Ask::Catalogue(CatalogueCommand::Define {
            name: "n".into(),
            description: String::new(),
            price: Money::new(minor, currency),
        })),
    ]
}

fn rank(hold: Option<&Hold>) -> u8 {
    match hold {
        None => 0,
        Some(Hold::Held { .. } | Hold::Rejected { .. }) => 1,
        Some(Hold::Released { .. } | Hold::Confirmed { .. }) => 2,
        Some(Hold::Restocked { .. }) => 3,
    }
}

proptest! {
    #[test]
    fn every_unit_is_accounted_for_and_holds_only_move_forward(asks in vec(any_ask(), 0..120)) {
        let mut product = None;
        let mut holds: BTreeMap<u8, Hold> = BTreeMap::new();
        for ask in asks {
            match ask {
                Ask::Hold { order, command } => {
                    let before = holds.remove(&order);
                    let mut hold = before.clone();
                    let answer = command.apply(&mut product, &mut hold);
                    prop_assert!(rank(hold.as_ref()) >= rank(before.as_ref()));
                    let (mut again_product, mut again) = (product.clone(), hold.clone());
                    let repeated = command.apply(&mut again_product, &mut again);
                    prop_assert_eq!((&again_product, &again), (&product, &hold), "a repeat moved something");
                    prop_assert_eq!(repeated, answer, "a repeat got another answer");
                    holds.extend(hold.map(|hold| (order, hold)));
                }
                Ask::Catalogue(command) => {
                    if let Ok(facts) = command.decide("a", product.as_ref()) {
                        product = facts.iter().fold(product, |product, fact| Some(fact.evolve("a", product)));
                    }
                }
            }
            let Some(product) = &product else { continue };
            prop_assert!(product.is_balanced());
            prop_assert!(product.on_hand >= 0 && product.reserved >= 0 && product.confirmed >= 0);
            let sum = |wanted: fn(&Hold) -> Option<i64>| holds.values().filter_map(wanted).sum::<i64>();
            prop_assert_eq!(product.reserved, sum(|hold| match hold { Hold::Held { quantity, .. } => Some(*quantity), _ => None }));
            prop_assert_eq!(product.confirmed, sum(|hold| match hold { Hold::Confirmed { quantity } => Some(*quantity), _ => None }));
        }
    }
}
