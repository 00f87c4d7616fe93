#![allow(clippy::unwrap_used)]
use super::*;

fn gbp(minor: i64) -> Money {
    Money::new(minor, Currency::new("GBP").unwrap())
}

#[test]
fn amounts_add_and_print() {
    assert_eq!(gbp(250).plus(gbp(-1_300)).unwrap(), gbp(-1_050));
    assert_eq!(gbp(-1_050).to_string(), "-10.50 GBP");
    assert_eq!(gbp(339).times(6).unwrap().to_string(), "20.34 GBP");
}

#[test]
fn currencies_do_not_mix_and_sums_do_not_wrap() {
    let euro = Money::new(1, Currency::new("EUR").unwrap());
    assert!(matches!(gbp(1).plus(euro), Err(Error::MixedCurrencies { .. })));
    assert!(matches!(gbp(i64::MAX).plus(gbp(1)), Err(Error::AmountOverflow { .. })));
    assert!(matches!(gbp(i64::MAX).times(2), Err(Error::AmountOverflow { .. })));
}

#[test]
fn a_code_is_three_capitals() {
    for wrong in ["", "gbp", "GB", "GBPP", "G1P", "£££"] {
        assert!(Currency::new(wrong).is_err(), "{wrong}");
    }
}
