use super::{ratio, replaced};

#[test]
fn only_what_stands_between_the_marks_is_replaced() {
    let old = "words\n<!-- a: begin -->\nold\n<!-- a: end -->\nmore\n<!-- b: begin --><!-- b: end -->\n";
    let new = replaced(old, "a", "new\n");
    let expected = "words\n<!-- a: begin -->\nnew\n<!-- a: end -->\nmore\n<!-- b: begin --><!-- b: end -->\n";
    assert_eq!(new.as_deref(), Some(expected));
}

#[test]
fn a_text_without_the_marks_is_left_alone() {
    assert_eq!(replaced("<!-- a: end --> <!-- a: begin -->", "a", "new"), None);
}

#[test]
fn a_ratio_says_how_much_better_ours_is() {
    assert_eq!(ratio(100.0, 450.0, true), "4.5 times as many");
    assert_eq!(ratio(100.0, 50.0, false), "2.0 times less");
    assert_eq!(ratio(0.0, 250.0, true), "–", "the peer held no load at all");
}
