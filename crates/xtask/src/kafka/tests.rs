#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

#[test]
fn a_random_uuid_is_one_that_kafka_reads() {
    let check = |uuid: String| {
        assert_eq!(uuid.len(), 22, "{uuid}");
        assert!(!uuid.starts_with('-'), "{uuid}");
        // 128 bits fill 21 digits and two bits of the last one.
        assert!(uuid.ends_with(['A', 'Q', 'g', 'w']), "{uuid}");
    };
    let first = config::random_uuid();
    assert_ne!(first, config::random_uuid());
    check(first);
    (0..100).for_each(|_| check(config::random_uuid()));
}

#[test]
fn only_a_brokers_own_data_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    std::fs::write(theirs.join("letter.txt"), "").unwrap();
    let failure = remove_data(&theirs).unwrap_err().to_string();
    assert!(failure.contains("not removed"), "{failure}");
    assert!(theirs.join("letter.txt").exists());

    std::fs::write(theirs.join(config::FILE_NAME), "").unwrap();
    remove_data(&theirs).unwrap();
    assert!(!theirs.exists());
}

#[test]
fn a_pid_that_belongs_to_another_program_is_no_broker() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(pid_file(folder.path()), std::process::id().to_string()).unwrap();
    assert_eq!(running(folder.path()), None);
    assert!(!stop(folder.path()).unwrap());
    assert!(!pid_file(folder.path()).exists());
}
