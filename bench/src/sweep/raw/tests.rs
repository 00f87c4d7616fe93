use super::{Measured, line, parse, text};

fn measured(side: &str, x: u64, run: usize, value: f64) -> Measured {
    Measured { side: side.to_owned(), x, run, figure: "per_s".to_owned(), value }
}

#[test]
fn what_is_written_is_read_again() {
    let rows = [measured("Kafka Streams, at least once", 1_000, 0, 1.25), measured("Headwater", 3, 4, 1e9)];
    assert_eq!(parse(&text(&rows)), Ok(rows.to_vec()));
}

#[test]
fn a_line_that_is_no_figure_is_named() {
    assert_eq!(parse("side,x,run,figure,value\n\"a\",1,0,per_s,1\nnonsense\n"), Err(3));
    assert_eq!(parse("side,x,run,figure,value\n\"a\",1,0,per_s\n"), Err(2));
}

#[test]
fn a_line_is_medians_in_order_of_size() {
    let mut rows = vec![measured("a", 20, 0, 7.0), measured("b", 10, 0, 99.0)];
    rows.extend([5.0, 1.0, 3.0].iter().enumerate().map(|(run, value)| measured("a", 10, run, *value)));
    assert_eq!(line(&rows, "a", "per_s"), [(10, 3.0), (20, 7.0)]);
    assert_eq!(line(&rows, "a", "p50_ms"), []);
}
