use serde_json::Value;

/// Where an actual value differs from what is expected of it: objects by the fields that are named, lists item by item.
pub(super) fn difference(path: &str, expected: &Value, actual: &Value) -> Option<String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => expected.iter().find_map(|(name, value)| {
            let path = format!("{path}.{name}");
            match actual.get(name) {
                Some(found) => difference(&path, value, found),
                None => Some(format!("{path}: expected {value}, is absent")),
            }
        }),
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            let pairs = expected.iter().zip(actual).enumerate();
            pairs.map(|(at, (expected, actual))| difference(&format!("{path}[{at}]"), expected, actual)).find_map(|d| d)
        }
        _ if expected == actual => None,
        _ => Some(format!("{path}: expected {expected}, is {actual}")),
    }
}

/// Whether a type is meant: by its full or its short name.
pub(super) fn is_type(expected: &str, actual: &str) -> bool {
    actual == expected || actual.rsplit('.').next() == Some(expected)
}
