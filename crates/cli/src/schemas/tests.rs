#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

#[test]
fn subjects_are_listed_with_the_level_that_holds() {
    let row = |subject: &str, compatibility| SubjectRow {
        subject: subject.to_owned(),
        version: 2,
        id: 7,
        compatibility,
        name: None,
    };
    let rows = [row("a-value", Some(Level::FullTransitive)), row("b-value", None)];
    assert_eq!(
        table(&rows).render(None),
        "SUBJECT  VERSION  ID  COMPATIBILITY\na-value  2        7   FULL_TRANSITIVE\nb-value  2        7   (the registry's)\n"
    );
    let json = serde_json::to_value(&rows[0]).unwrap();
    assert_eq!(json["compatibility"], "FULL_TRANSITIVE");
}

#[test]
fn a_file_that_is_no_schema_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.avsc");
    assert_eq!(read(&file).unwrap_err().exit_code(), 2);
    std::fs::write(&file, "{\"type\":\"record\"}").unwrap();
    assert_eq!(read(&file).unwrap_err().exit_code(), 2);
    std::fs::write(&file, "\"string\"").unwrap();
    read(&file).unwrap();
}
