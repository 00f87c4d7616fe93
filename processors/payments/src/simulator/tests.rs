#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::Profile;
use crate::Answer;

/// How many of 20,000 keys a profile refuses, per mille.
fn refused_per_mille(profile: Profile) -> usize {
    let refused = (0..20_000).filter(|n| profile.answer(&format!("charge/order-{n}")) != Answer::Done).count();
    refused / 20
}

#[test]
fn profiles_refuse_the_share_they_promise() {
    for (name, expected) in [("default", 20), ("none", 0), ("slow", 100)] {
        let actual = refused_per_mille(Profile::named(name).unwrap());
        assert!(actual.abs_diff(expected) * 10 <= expected, "{name}: {actual} of 1,000 refused, not {expected}");
    }
    assert_eq!(Profile::named("fast"), None);
}

#[test]
fn a_key_is_decided_the_same_whenever_it_is_asked() {
    for n in 0..1_000 {
        let key = format!("charge/{n}");
        assert_eq!(Profile::SLOW.answer(&key), Profile::SLOW.answer(&key));
    }
    let differ = (0..1_000)
        .any(|n| Profile::SLOW.answer(&format!("refund/{n}/1")) != Profile::SLOW.answer(&format!("refund/{n}/2")));
    assert!(differ, "every try of a refund is decided anew");
}
