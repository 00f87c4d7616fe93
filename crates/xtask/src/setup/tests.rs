#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::packages::Manager;
use super::probe::{Part, major_of};
use super::{Purpose, libclang};

#[test]
fn java_versions_are_read_old_and_new() {
    let check = |said: &str, major| assert_eq!(major_of(said), major, "{said}");
    check("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime", Some(17));
    check("java version \"1.8.0_412\"", Some(8));
    check("openjdk version \"25\" 2025-09-16", Some(25));
    check("openjdk version \"21-ea\"", Some(21));
    check("command not found", None);
}

#[test]
fn only_the_c_library_of_clang_counts() {
    for name in [
        "libclang.so",
        "libclang.so.1",
        "libclang-14.so",
        "libclang-14.so.13",
        "libclang-14.0.6.so.1",
        "libclang.dylib",
    ] {
        assert!(libclang::is_library(name), "{name}");
    }
    for name in ["libclang-cpp.so.14", "libclang.a", "libclangAST.a", "clang"] {
        assert!(!libclang::is_library(name), "{name}");
    }
}

#[test]
fn a_folder_without_the_library_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!libclang::holds_library(folder.path()));
    std::fs::write(folder.path().join("libclang.so.1"), "").unwrap();
    assert!(libclang::holds_library(folder.path()));
}

#[test]
fn a_build_needs_no_java_and_kafka_needs_no_compiler() {
    assert!(!Part::Jdk.serves(Purpose::Build));
    assert!(Part::Libclang.serves(Purpose::Build));
    assert!(Part::Jdk.serves(Purpose::Java) && !Part::Make.serves(Purpose::Java));
    assert!(Part::ALL.iter().all(|part| part.serves(Purpose::Test)));
}

#[test]
fn every_manager_names_each_package_once() {
    for manager in [Manager::Apt, Manager::Dnf, Manager::Brew] {
        let lines = manager.install_lines(&Part::ALL);
        let words: Vec<&str> = lines.last().unwrap().split(' ').collect();
        let mut unique = words.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(words.len(), unique.len(), "{lines:?}");
        assert!(words.contains(&"maven"), "{lines:?}");
    }
}
