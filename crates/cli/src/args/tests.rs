#![allow(clippy::unwrap_used, clippy::expect_used)]

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn examples_are_understood() {
    for line in [
        "headwater dev",
        "headwater dev -b kafka:9092 --data-dir d --kafka-port 0 --registry-port 0 --http-port 0",
        "headwater dev --log-format json",
        "headwater --log-format json dev",
        "headwater run --all -b kafka:9092 --registry http://registry:8081",
        "headwater run orders payments --application shop --instance a --workers 2 --on-stop leave",
        "headwater run order-views --instance views-2 --http-port 8082 --http-listen 0.0.0.0",
        "headwater run payments -X security.protocol=SSL -X ssl.ca.location=ca.pem --payment-profile slow",
        "headwater demo --orders 100 --in-flight 10",
    ] {
        if let Err(error) = parse(line) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn nonsense_is_a_usage_error() {
    for line in [
        "headwater frobnicate",
        "headwater run",
        "headwater run orders --all",
        "headwater dev --kafka-port 70000",
        "headwater run --all --on-stop maybe",
        "headwater dev --http-listen everywhere",
    ] {
        let error = parse(line).err().unwrap_or_else(|| panic!("{line} was understood"));
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn flags_land_where_they_belong() {
    let cli = parse("headwater run orders -X a=b -X c=d --topic-prefix t. --memory-mib 64").unwrap();
    let Command::Run(run) = cli.command else { panic!("not run") };
    assert_eq!(run.processors, ["orders"]);
    assert_eq!(run.connection.properties, ["a=b", "c=d"]);
    assert_eq!(run.connection.topic_prefix.as_deref(), Some("t."));
    assert_eq!(run.memory_mib, Some(64));
    assert_eq!(run.payment_profile, None);
}
