use super::{Axis, Scale};

fn check(scale: Scale, values: &[f64], words: &[&str]) {
    let axis = Axis::around(scale, values.iter().copied());
    let named: Vec<String> = axis.ticks.iter().map(|tick| scale.words(*tick)).collect();
    assert_eq!(named, words, "{values:?}");
    for value in values {
        let place = scale.place(*value);
        assert!(axis.from <= place && place <= axis.to, "{value} lies outside of {axis:?}");
    }
}

#[test]
fn round_values_are_named() {
    check(Scale::Linear, &[3.0, 700.0], &["0", "100", "200", "300", "400", "500", "600", "700"]);
    check(Scale::Linear, &[525_000.0], &["0", "100k", "200k", "300k", "400k", "500k"]);
    check(Scale::Linear, &[1.0, 12.0], &["0", "2", "4", "6", "8", "10", "12"]);
    check(Scale::Log, &[1.5, 14.0], &["2", "5", "10"]);
    check(Scale::Log, &[0.7, 4.0], &["1", "2"]);
    check(Scale::Log, &[20.0, 1_400.0], &["20", "50", "100", "200", "500", "1k"]);
    check(Scale::Log, &[1_000.0, 3_000_000.0], &["1k", "10k", "100k", "1M"]);
    check(Scale::Log, &[3.1, 3.2], &["1", "2", "5", "10"]);
    check(Scale::Words(&["map", "count"]), &[0.0, 1.0], &["map", "count"]);
}

#[test]
fn an_axis_of_nothing_is_one_all_the_same() {
    let axis = Axis::around(Scale::Log, std::iter::empty());
    assert!(axis.from < axis.to && !axis.ticks.is_empty(), "{axis:?}");
}

#[test]
fn a_place_between_words_has_none() {
    assert_eq!(Scale::Words(&["map"]).words(0.5), "");
    assert_eq!(Scale::Words(&["map"]).words(1.0), "");
    assert_eq!(Scale::Words(&["map"]).words(-0.5), "");
}
