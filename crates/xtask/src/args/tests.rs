#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::Args;

fn args(line: &str) -> Args {
    Args::new(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
}

#[test]
fn options_are_read_in_any_order_and_both_spellings() {
    let mut args = args("up --port=9292 --data-dir d --fresh");
    assert_eq!(args.number::<u16>("--port").unwrap(), Some(9292));
    assert_eq!(args.option("--data-dir").unwrap().as_deref(), Some("d"));
    assert!(args.switch("--fresh"));
    assert_eq!(args.word().as_deref(), Some("up"));
    args.finish().unwrap();
}

#[test]
fn what_nobody_takes_is_a_usage_error() {
    let failure = args("--prot 1").finish().unwrap_err();
    assert_eq!(failure.exit_code(), 2);
    assert!(failure.to_string().contains("--prot"), "{failure}");
}

#[test]
fn an_option_without_its_value_is_a_usage_error() {
    assert_eq!(args("--port").option("--port").unwrap_err().exit_code(), 2);
    let failure = args("--port x").number::<u16>("--port").unwrap_err();
    assert!(failure.to_string().contains("`x`"), "{failure}");
}
