#![allow(clippy::unwrap_used, clippy::expect_used)]
//! Each check is shown to pass on what is right and to fail on what is wrong.

use super::rust::{code_only, has_word};
use super::*;

const MANIFEST: &str = "[package]\nname = \"x\"\n[lints]\nworkspace = true\n";

/// The places that a check fails at, as `path:line`.
fn failures(run: impl Fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)]) -> Vec<String> {
    run(&Tree::of(files))
        .into_iter()
        .filter(|finding| !finding.warning)
        .map(|finding| {
            assert!(!finding.remedy.is_empty(), "{finding}");
            format!("{}:{}", finding.path, finding.line)
        })
        .collect()
}

fn check(run: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)], wanted: &[&str]) {
    assert_eq!(failures(run, files), wanted, "{files:?}");
}

#[test]
fn a_dependency_against_the_arrows_is_found() {
    let run = dependencies::directions;
    let of = |name: &str| format!("{MANIFEST}[dependencies]\n{name}.workspace = true\n");
    let cases: [(&str, &str, bool); 9] = [
        ("crates/streams/Cargo.toml", "headwater-event", true),
        ("crates/streams/Cargo.toml", "headwater-kafka", false),
        ("crates/event/Cargo.toml", "headwater-schema", false),
        ("crates/cli/Cargo.toml", "headwater-devbroker", true),
        ("crates/runtime/Cargo.toml", "headwater-devbroker", false),
        ("bench/Cargo.toml", "headwater-devbroker", false),
        ("processors/a/Cargo.toml", "headwater-streams", true),
        ("processors/a/Cargo.toml", "headwater-runtime", false),
        ("processors/a/Cargo.toml", "headwater-b", false),
    ];
    for (path, name, right) in cases {
        let at = format!("{path}:6");
        let wanted = if right { vec![] } else { vec![at.as_str()] };
        let other = ("processors/b/Cargo.toml", MANIFEST);
        check(run, &[(path, &of(name)), other], &wanted);
    }
}

#[test]
fn a_dependency_counts_in_every_kind_of_table() {
    let run = dependencies::directions;
    for table in [
        "[dev-dependencies]\nheadwater-kafka = { path = \"x\" }",
        "[build-dependencies]\nheadwater-kafka.workspace = true",
        "[target.'cfg(unix)'.dependencies]\nheadwater-kafka = \"1\"",
        "[dependencies]\nk = { package = \"headwater-kafka\", path = \"x\" }",
    ] {
        let text = format!("{MANIFEST}{table}\n");
        check(run, &[("crates/log/Cargo.toml", &text)], &["crates/log/Cargo.toml:6"]);
    }
    let text = format!("{MANIFEST}[dependencies.headwater-kafka]\nworkspace = true\n");
    check(run, &[("crates/log/Cargo.toml", &text)], &["crates/log/Cargo.toml:5"]);
}

#[test]
fn what_tests_may_see_the_crate_itself_may_not() {
    let run = dependencies::directions;
    let of = |table: &str| format!("{MANIFEST}[{table}]\nheadwater-schema.workspace = true\n");
    check(run, &[("crates/contracts/Cargo.toml", &of("dev-dependencies"))], &[]);
    let at = ["crates/contracts/Cargo.toml:6"];
    check(run, &[("crates/contracts/Cargo.toml", &of("dependencies"))], &at);
}

#[test]
fn a_crate_that_is_not_on_the_map_is_found() {
    let run = dependencies::directions;
    check(run, &[("crates/new/Cargo.toml", MANIFEST)], &["crates/new/Cargo.toml:1"]);
}

#[test]
fn a_foreign_crate_is_named_only_by_its_owner() {
    let run = dependencies::foreign;
    let names = "[dependencies]\nrdkafka.workspace = true\nrocksdb.workspace = true\n";
    check(
        run,
        &[("crates/streams/Cargo.toml", names)],
        &["crates/streams/Cargo.toml:2", "crates/streams/Cargo.toml:3"],
    );
    check(run, &[("crates/kafka/Cargo.toml", names)], &["crates/kafka/Cargo.toml:3"]);
    let code = "//! Speaks to rdkafka::Client.\nuse rdkafka::X;\nfn f() { axum::serve() }\n";
    check(run, &[("crates/runtime/src/a.rs", code)], &["crates/runtime/src/a.rs:2", "crates/runtime/src/a.rs:3"]);
    let pure = "async fn f() { tokio::task::yield_now().await }\n";
    check(run, &[("processors/a/src/lib.rs", pure)], &["processors/a/src/lib.rs:1"]);
}

#[test]
fn unsafe_code_stands_in_one_crate_with_its_proof() {
    let run = unsafety::check;
    let block = "fn f() {\n    unsafe { g() }\n}\n";
    let proven = "fn f() {\n    // SAFETY: g asks for nothing.\n    unsafe { g() }\n}\n";
    let lint = "#![deny(unsafe_code)]\n// unsafe is a word here\nconst A: &str = \"unsafe\";\n";
    check(run, &[("crates/streams/src/a.rs", proven)], &["crates/streams/src/a.rs:3"]);
    check(run, &[("crates/kafka/src/a.rs", block)], &["crates/kafka/src/a.rs:2"]);
    check(run, &[("crates/kafka/src/a.rs", proven)], &[]);
    check(run, &[("crates/streams/src/a.rs", lint)], &[]);
}

#[test]
fn an_exception_from_the_clock_says_its_reason() {
    let run = clock::check;
    let bare = "\n#[allow(clippy::disallowed_methods)]\nfn now() {}\n";
    let told = "#[allow(\n    clippy::disallowed_methods,\n    reason = \"the edge\"\n)]\nfn f() {}\n";
    let whole = "#![allow(clippy::disallowed_methods, reason = \"easy\")]\n";
    check(run, &[("crates/a/src/b.rs", bare)], &["crates/a/src/b.rs:2"]);
    check(run, &[("crates/a/src/b.rs", told)], &[]);
    check(run, &[("crates/a/src/lib.rs", whole)], &["crates/a/src/lib.rs:1"]);
    check(run, &[("crates/a/src/b/tests.rs", bare)], &[]);
}

#[test]
fn a_file_that_is_too_long_is_found_and_a_test_is_not() {
    let run = sizes::check;
    let long = "\n".repeat(601);
    let warned = "\n".repeat(600);
    check(run, &[("crates/a/src/b.rs", &long)], &["crates/a/src/b.rs:601"]);
    check(run, &[("crates/a/src/b.rs", &warned)], &[]);
    assert_eq!(run(&Tree::of(&[("crates/a/src/b.rs", &warned)])).len(), 1, "a warning");
    check(run, &[("tests/src/b.rs", &long)], &[]);
    check(run, &[("crates/a/src/b_tests.rs", &long)], &[]);
}

#[test]
fn a_module_with_an_empty_name_is_found() {
    let run = names::check;
    check(run, &[("crates/a/src/utils.rs", "")], &["crates/a/src/utils.rs:1"]);
    check(run, &[("crates/a/src/common/mod.rs", "")], &["crates/a/src/common/mod.rs:1"]);
    check(run, &[("crates/a/src/b.rs", "\npub mod helpers {\n}\n")], &["crates/a/src/b.rs:2"]);
    check(run, &[("crates/a/src/utility_bill.rs", "// mod misc {\n")], &[]);
}

#[test]
fn a_crate_without_lints_or_docs_is_found() {
    let run = docs::documented;
    let workspace = ("Cargo.toml", "[workspace.lints.rust]\nmissing_docs = \"warn\"\n");
    let manifest = ("crates/a/Cargo.toml", MANIFEST);
    let root = ("crates/a/src/lib.rs", "#![forbid(unsafe_code)]\n\n//! What it is for.\n");
    check(run, &[workspace, manifest, root], &[]);
    check(run, &[manifest, root], &["Cargo.toml:1"]);
    let bare = ("crates/a/Cargo.toml", "[package]\n");
    check(run, &[workspace, bare, root], &["crates/a/Cargo.toml:1"]);
    let silent = ("crates/a/src/lib.rs", "mod b;\n//! Late.\n");
    check(run, &[workspace, silent], &["crates/a/src/lib.rs:1"]);
    let hidden = concat!("//! X.\n#[allow(", "missing_docs)]\nmod b;\n");
    let hidden = ("crates/a/src/main.rs", hidden);
    check(run, &[workspace, hidden], &["crates/a/src/main.rs:2"]);
}

#[test]
fn a_readme_is_there_and_one_screen_long() {
    let run = docs::readmes;
    let manifest = ("processors/a/Cargo.toml", MANIFEST);
    let good = "# a\n\nIt does.\n\n## Terms\n";
    let long = "line\n".repeat(81);
    check(run, &[manifest, ("processors/a/README.md", good)], &[]);
    check(run, &[manifest], &["processors/a/README.md:1"]);
    check(run, &[manifest, ("processors/a/README.md", &long)], &["processors/a/README.md:81"]);
    check(run, &[manifest, ("processors/a/README.md", "# a\n")], &["processors/a/README.md:1"]);
}

#[test]
fn a_path_of_a_machine_is_found_in_any_file() {
    let run = machine::check;
    let root = concat!("see `/ro", "ot/x`\n");
    let home = concat!("a\ndir=/ho", "me/me/x\n");
    let user = concat!("C:", "\\Users\\me\n");
    check(run, &[("README.md", root)], &["README.md:1"]);
    check(run, &[("a.yml", home)], &["a.yml:2"]);
    check(run, &[("a.txt", user)], &["a.txt:1"]);
    let inside = concat!("https://example.org/wo", "rk/x and target/ro", "ot/y\n");
    check(run, &[("README.md", inside)], &[]);
}

#[test]
fn a_dashboard_that_asks_for_an_unknown_metric_is_found() {
    let run = dashboards::check;
    let code = ("crates/runtime/src/metrics.rs", "const A: &str = \"headwater_commit_seconds\";\n");
    let right = ("deploy/a.json", "rate(headwater_commit_seconds_bucket[1m])\n");
    let wrong = ("deploy/a.json", "\nheadwater_comit_seconds\n");
    check(run, &[code, right], &[]);
    check(run, &[code, wrong], &["deploy/a.json:2"]);
}

#[test]
fn the_list_and_the_checks_are_compared_both_ways() {
    let run = |tree: &Tree| invariants::check(tree, &["one", "two"]);
    let listed = "# Map\n- **other**: x\n## Invariants\n- **one**: a\n- **two**: b\n## End\n- **z**: c\n";
    assert!(failures(run, &[("ARCHITECTURE.md", listed)]).is_empty());
    let missing = "## Invariants\n- **one**: a\n";
    assert_eq!(failures(run, &[("ARCHITECTURE.md", missing)]), ["ARCHITECTURE.md:1"]);
    let stale = "## Invariants\n- **one**: a\n- **two**: b\n- **three**: c\n";
    assert_eq!(failures(run, &[("ARCHITECTURE.md", stale)]), ["ARCHITECTURE.md:4"]);
    assert_eq!(failures(run, &[("ARCHITECTURE.md", "# Map\n")]), ["ARCHITECTURE.md:1"]);
    assert_eq!(failures(run, &[]), ["ARCHITECTURE.md:1"]);
}

const GRAPH: &str = "0 headwater|\n1 rocksdb|\n2 librocksdb-sys |lz4\n3 bindgen|runtime\n4 either|std\n1 bindgen|runtime (*)\n1 tokio|rt\n";

#[test]
fn only_what_the_cpp_parts_depend_on_is_compared() {
    let part = cpp::cpp_part(GRAPH);
    let names: Vec<&str> = part.iter().map(String::as_str).collect();
    assert_eq!(names, ["bindgen|runtime", "either|std", "librocksdb-sys |lz4"]);
    let same = cpp::cpp_part(&GRAPH.replace("tokio|rt", "tokio|rt,net"));
    assert!(cpp::compare(&part, &same, "--workspace").is_empty());
    let other = cpp::cpp_part(&GRAPH.replace("either|std", "either|"));
    let findings = cpp::compare(&part, &other, "--workspace");
    assert_eq!(findings.len(), 2, "{findings:?}");
}

#[test]
fn a_second_profile_is_found() {
    let run = |tree: &Tree| cpp::check(tree).unwrap();
    let one = ("Cargo.toml", "[profile.dev]\n[profile.dev.package.\"*\"]\n");
    let two = ("Cargo.toml", "[profile.dev]\n[profile.release]\n");
    assert!(failures(run, &[one]).is_empty());
    assert_eq!(failures(run, &[two]), ["Cargo.toml:2"]);
}

#[test]
fn comments_and_literals_are_no_code() {
    let blank = |source: &str| code_only(source).trim().to_owned();
    assert_eq!(blank("// unsafe"), "");
    assert_eq!(blank("/* a /* unsafe */ b */ f"), "f");
    assert_eq!(blank("\"a \\\" unsafe\" g"), "g");
    assert_eq!(blank("r#\"a \" unsafe\"# h"), "h");
    assert_eq!(blank("br\"unsafe\\\" i").replace(" ", ""), "bi");
    assert_eq!(blank("'\"' unsafe"), "unsafe");
    assert_eq!(blank("'\\'' unsafe"), "unsafe");
    assert_eq!(blank("fn f<'a>(x: &'a str)"), "fn f<'a>(x: &'a str)");
    assert_eq!(blank("'é' 'b"), "'b");
    assert_eq!(code_only("\"a\nb\"\nc").lines().count(), 3);
    assert!(has_word("an unsafe {", "unsafe"));
    assert!(!has_word("unsafe_code", "unsafe"));
}

#[test]
fn every_check_has_a_name_of_its_own_and_a_sentence() {
    let mut names = names_of_checks();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CHECKS.len());
    assert!(CHECKS.iter().all(|check| check.invariant.ends_with('.')));
}
