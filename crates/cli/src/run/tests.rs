#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::time::Duration;

use headwater_runtime::Snapshots;

use super::*;
use crate::settings::{Environment, FileSettings};

fn resolve(
    processors: &[&str],
    change: impl FnOnce(&mut RunArgs),
    variables: &[(&str, &str)],
) -> Result<RunOptions, Error> {
    let mut arguments =
        RunArgs { processors: processors.iter().map(|name| (*name).to_owned()).collect(), ..RunArgs::default() };
    arguments.all = processors.is_empty();
    change(&mut arguments);
    let fixed = [("HOME", "/users/x"), ("HOSTNAME", "host-1")];
    let environment: Environment =
        fixed.iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let none = FileSettings::default();
    RunOptions::resolve(&arguments, &Settings::of_layers(environment, none.clone(), none))
}

#[test]
fn an_application_is_called_by_its_only_processor() {
    let check = |processors: &[&str], application: &str, count: usize| {
        let options = resolve(processors, |_| {}, &[]).unwrap();
        assert_eq!((options.application.as_str(), options.topologies.len()), (application, count), "{processors:?}");
        assert_eq!(options.instance, "host-1");
        assert_eq!(options.state_dir, PathBuf::from(format!("/users/x/.local/share/headwater/{application}/host-1")));
    };
    check(&["payments"], "payments", 1);
    check(&["payments", "shipping"], "headwater", 2);
    check(&[], "headwater", 7);
    let named = resolve(&["payments"], |arguments| arguments.application = Some("shop".into()), &[]).unwrap();
    assert_eq!(named.application, "shop");
}

#[test]
fn what_cannot_work_is_a_usage_error_with_the_remedy() {
    let check = |result: Result<RunOptions, Error>, word: &str| {
        let error = result.err().expect(word);
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    };
    check(resolve(&["billing"], |_| {}, &[]), "order-views");
    check(resolve(&["orders", "orders"], |_| {}, &[]), "twice");
    check(resolve(&["orders"], |_| {}, &[("MESSAGE_BROKER", "in_memory")]), "headwater dev");
    check(resolve(&["orders"], |arguments| arguments.instance = Some("../x".into()), &[]), "--instance");
    check(
        resolve(&["orders"], |arguments| arguments.workers = None, &[("HEADWATER_WORKERS", "two")]),
        "HEADWATER_WORKERS",
    );
    check(resolve(&["orders"], |_| {}, &[("HEADWATER_STANDBYS", "some")]), "HEADWATER_STANDBYS");
    check(resolve(&["orders"], |_| {}, &[("HEADWATER_SNAPSHOTS", "ftp://host/x")]), "s3://");
}

#[test]
fn snapshots_lie_where_the_flag_or_the_environment_says() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    let environment = [("HEADWATER_SNAPSHOTS", url.as_str()), ("HEADWATER_SNAPSHOT_INTERVAL", "60")];
    let snapshots = resolve(&["orders"], |_| {}, &environment).unwrap().snapshots.unwrap();
    assert_eq!(snapshots.interval, Duration::from_secs(60));
    let other = folder.path().join("other");
    let told = |arguments: &mut RunArgs| arguments.snapshots = Some(other.display().to_string());
    let snapshots = resolve(&["orders"], told, &environment[..1]).unwrap().snapshots.unwrap();
    assert_eq!((snapshots.place.to_string(), snapshots.interval), (other.display().to_string(), Snapshots::INTERVAL));
    assert!(resolve(&["orders"], |_| {}, &[]).unwrap().snapshots.is_none());
}

#[test]
fn standbys_come_from_the_flag_or_the_environment() {
    let environment = [("HEADWATER_STANDBYS", "2")];
    assert_eq!(resolve(&["orders"], |_| {}, &environment).unwrap().standbys, 2);
    assert_eq!(resolve(&["orders"], |arguments| arguments.standbys = Some(1), &environment).unwrap().standbys, 1);
    let options = resolve(&["orders"], |arguments| arguments.session_timeout = Some(6), &[]).unwrap();
    assert_eq!((options.standbys, options.session_timeout), (0, Duration::from_secs(6)));
}

#[test]
fn ctrl_c_leaves_and_sigterm_stays_unless_told_otherwise() {
    assert_eq!(stop_for(None, Asked::Interrupt), Stop::Leave);
    assert_eq!(stop_for(None, Asked::Terminate), Stop::Stay);
    assert_eq!(stop_for(Some(OnStop::Stay), Asked::Interrupt), Stop::Stay);
    assert_eq!(stop_for(Some(OnStop::Leave), Asked::Terminate), Stop::Leave);
}

#[test]
fn what_listens_everywhere_is_found_by_the_hosts_name() {
    let environment = Environment::from([("HOSTNAME".to_owned(), "host-1".to_owned())]);
    let settings = Settings::of_layers(environment, FileSettings::default(), FileSettings::default());
    assert_eq!(advertised("0.0.0.0:8080".parse().unwrap(), &settings), "http://host-1:8080");
    assert_eq!(advertised("127.0.0.1:8080".parse().unwrap(), &settings), "http://127.0.0.1:8080");
}
