#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;

use super::*;

#[test]
fn figures_are_read_from_both_kinds_of_run() {
    let check = |said: &str, executions, coverage, new_entries| {
        assert_eq!(figures(said), Figures { executions, coverage, new_entries }, "{said}");
    };
    let libfuzzer = "#8192\tpulse  cov: 811 ft: 2000 corp: 100/20Kb exec/s: 4096\n#9000\tDONE   cov: 812 ft: 2001\n\
        stat::number_of_executed_units: 9000\nstat::average_exec_per_sec:     4500\nstat::new_units_added:          17\n";
    check(libfuzzer, 9_000, Some(812), 17);
    check("running 1 test\nfuzz json_command: 2011 executions, 11 seeds, no crash\n.\n", 2_011, None, 0);
    check("error: could not compile", 0, None, 0);
}

#[test]
fn every_target_has_a_corpus_that_is_small_and_those_without_cpp_are_in_the_fuzz_workspace() {
    let root = workspace::root().unwrap();
    let listed: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let mut found = BTreeSet::new();
    for folder in std::fs::read_dir(root.join("fuzz/corpus")).unwrap() {
        let folder = folder.unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
        let bytes: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
        assert!((1..=20).contains(&files.len()) && bytes < 64 * 1024, "{}: {bytes} bytes", folder.path().display());
        found.insert(folder.file_name().into_string().unwrap());
    }
    assert_eq!(found, listed);
    for target in TARGETS {
        let file = root.join(format!("fuzz/fuzz_targets/{}.rs", target.name));
        assert_eq!(file.is_file(), target.without_cpp, "{}", file.display());
    }
}
