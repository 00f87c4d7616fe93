#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::collections::BTreeMap;

use headwater_event::EventId;
use proptest::prelude::*;

use super::*;
use crate::MemoryBase;
use crate::store::Overlay;

#[derive(Debug, Clone)]
enum Act {
    Schedule(u16, i64),
    Cancel(u16),
    FireUntil(i64),
    Keep,
    Undo,
    Commit,
    Abort,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        40 => (0..400_u16, 0..1_000_i64).prop_map(|(name, due)| Act::Schedule(name, due)),
        20 => (0..400_u16).prop_map(Act::Cancel),
        6 => (0..1_000_i64).prop_map(Act::FireUntil),
        6 => Just(Act::Keep),
        2 => Just(Act::Undo),
        3 => Just(Act::Commit),
        1 => Just(Act::Abort),
    ];
    prop::collection::vec(act, 1..1_500)
}

/// Names and due times: as committed, as kept, as they are.
type Model = BTreeMap<String, i64>;

fn first(model: &Model) -> Option<(i64, &str)> {
    model.iter().map(|(name, due)| (*due, name.as_str())).min()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_first_timer_is_that_of_a_plain_map(acts in acts()) {
        let kind = TimeKind::WallClock;
        let cause = Envelope::root(EventId::of_text("cause"), "/test", "test.Event", "a", Timestamp::from_millis(1));
        let mut core = Core::new(Overlay::new(std::iter::empty(), 1 << 20), 10);
        let mut base = MemoryBase::new();
        let (mut committed, mut kept, mut now) = (Model::new(), Model::new(), Model::new());
        for act in acts {
            match act {
                Act::Schedule(name, due) => {
                    let name = format!("{name:03}");
                    core.schedule("node", &name, b"key", Timestamp::from_millis(due), kind, &cause, &base).unwrap();
                    now.insert(name, due);
                }
                Act::Cancel(name) => {
                    let name = format!("{name:03}");
                    core.cancel("node", &name, b"key", &base).unwrap();
                    now.remove(&name);
                }
                Act::FireUntil(time) => {
                    let time = Timestamp::from_millis(time);
                    while let Some(fired) = core.first_timer(kind, time, &base).unwrap() {
                        prop_assert_eq!(first(&now), Some((fired.timer.due.as_millis(), fired.timer.name.as_str())));
                        core.finish_timer(&fired);
                        now.remove(&fired.timer.name);
                    }
                    prop_assert!(first(&now).is_none_or(|(due, _)| due > time.as_millis()));
                }
                Act::Keep => {
                    core.keep();
                    kept = now.clone();
                }
                Act::Undo => {
                    core.undo();
                    now = kept.clone();
                }
                Act::Commit => {
                    core.keep();
                    core.overlay.committed(|store, key, value| base.write(store, key, value));
                    kept = now.clone();
                    committed = now.clone();
                }
                Act::Abort => {
                    core.rolled_back(Timestamp::default());
                    kept = committed.clone();
                    now = committed.clone();
                }
            }
            let due = core.next_due(kind, Timestamp::from_millis(500), &base).unwrap().map(Timestamp::as_millis);
            // Either the first one's time, or a bound that lies ahead of now and not behind the first.
            match first(&now) {
                None => prop_assert!(due.is_none_or(|due| due > 500)),
                Some((first, _)) => {
                    let due = due.unwrap();
                    prop_assert!(due == first || (due > 500 && due <= first), "{due} for {first}");
                }
            }
        }
    }
}
