use super::*;

#[test]
fn the_last_header_of_a_name_wins_and_null_is_not_empty() {
    let mut headers = Headers::new();
    headers.push("a", "1");
    headers.push("b", "");
    headers.push_nullable("c", None);
    headers.push("a", "2");
    assert_eq!(headers.last_text("a"), Some("2"));
    assert_eq!(headers.last("b"), Some(&b""[..]));
    assert_eq!(headers.last("c"), None);
    let names: Vec<_> = headers.iter().map(|header| (header.name, header.value.is_some())).collect();
    assert_eq!(names, [("a", true), ("b", true), ("c", false), ("a", true)]);
}

#[test]
fn removing_a_name_removes_each_of_it() {
    let mut headers: Headers = [("a", "1"), ("b", "2"), ("a", "3")]
        .into_iter()
        .map(|(name, value)| Header { name, value: Some(value.as_bytes()) })
        .collect();
    assert!(headers.remove("a"));
    assert!(!headers.remove("a"));
    assert_eq!(headers.len(), 1);
    assert_eq!(headers.last_text("b"), Some("2"));
}
