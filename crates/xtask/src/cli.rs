//! The commands of `cargo xtask`.

use crate::args::Args;
use crate::failure::{Failure, Result};
use crate::kafka::{self, Options};
use crate::process;
use crate::setup::{self, Purpose};
use crate::suite::{self, Parts};
use crate::{fuzz, readme, registry, tidy, workspace};

const HELP: &str = "\
cargo xtask COMMAND

  demo [ARGS…]            build, then run real orders through `headwater dev` and show what happened
  test [PART…]            everything that must hold, on Apache Kafka; parts: tests tidy readme
  tidy [--list]           the repository's invariants; --list prints them for ARCHITECTURE.md
  lint                    rustfmt and clippy over the workspace
  setup [--build]         look for what the machine lacks and install it (apt as root) or name the command
  kafka up                a real Apache Kafka: [--port 9092] [--data-dir DIR] [--heap-mib 1024] [--fresh]
                          [--secured]: a listener with TLS and a password, too
  kafka down|status       end it, or say whether it runs: [--port 9092] [--data-dir DIR]
  kafka class NAME ARGS…  run a class of Kafka's jars, e.g. org.apache.kafka.tools.TopicCommand
  registry up|down        Apicurio Registry with a Confluent API: [--port 8081]
  bench [ARGS…]           Headwater beside Kafka Streams on one Apache Kafka, as ratios
  crash [ARGS…]           kill -9 under load, again and again, then count
  simulate [ARGS…]        workers in virtual time under faults: [--seeds 200] [--seed S] [--jobs J] [--trace]
  faults [ARGS…]          three brokers, six instances, a script of faults: [--minutes 6] [--seed 1] [--only KIND]
  fuzz [TARGET]           what reads bytes from outside, each target for [--seconds 60]
  clean-clone             clone HEAD into an empty folder and run .ci/run there
";

/// Runs the command that the words name; the exit code is the answer.
pub fn run(words: &[String]) -> Result<u8> {
    let Some((command, rest)) = words.split_first() else {
        print!("{HELP}");
        return Ok(2);
    };
    process::end_groups_on_signals()?;
    match command.as_str() {
        "demo" => demo(rest),
        "test" => test(rest),
        "tidy" => tidy_command(rest),
        "lint" => lint(rest),
        "setup" => setup_command(rest),
        "kafka" => kafka_command(rest),
        "registry" => registry_command(rest),
        // Its brokers are those of `headwater dev`, and another beside them would take of the same cores.
        "bench" if rest.first().is_some_and(|what| what == "saga") => without_kafka("headwater-bench", &[], rest),
        "bench" => with_kafka("headwater-bench", &[], rest),
        "crash" => with_kafka("headwater-tests", &["--bin", "crash"], rest),
        "simulate" => simulate(rest),
        // The campaign starts its own three brokers from the jars.
        "faults" => without_kafka("headwater-tests", &["--bin", "faults"], rest),
        "fuzz" => fuzz_command(rest),
        "clean-clone" => clean_clone(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(0)
        }
        // For the script that runs the README's commands.
        "wait-http" => {
            let mut args = Args::new(rest);
            let url = args.word().ok_or_else(|| Failure::usage("wait-http URL"))?;
            readme::wait_http(&url).map(|()| 0)
        }
        "end-after" => match rest {
            [seconds, script] => {
                let seconds = seconds.parse().map_err(|_| Failure::usage("end-after SECONDS FILE"))?;
                readme::end_after(seconds, script)
            }
            _ => Err(Failure::usage("end-after SECONDS FILE")),
        },
        other => Err(Failure::usage(format!("unknown command `{other}`; see `cargo xtask help`"))),
    }
}

/// The binary does the demo; this only makes sure that there is one.
fn demo(rest: &[String]) -> Result<u8> {
    setup::ensure(Purpose::Build)?;
    let root = workspace::root()?;
    process::run(process::cargo(&root).args(["build", "--package", "headwater"]))?;
    let mut command = std::process::Command::new(workspace::bin_dir()?.join("headwater"));
    command.current_dir(&root).arg("demo").args(rest);
    Err(process::replace_with(&mut command))
}

fn test(rest: &[String]) -> Result<u8> {
    let mut args = Args::new(rest);
    let mut named = Vec::new();
    while let Some(word) = args.word() {
        if !["tests", "tidy", "readme"].contains(&word.as_str()) {
            return Err(Failure::usage(format!("unknown part `{word}`: tests, tidy or readme")));
        }
        named.push(word);
    }
    args.finish()?;
    let wanted = |part: &str| named.is_empty() || named.iter().any(|name| name == part);
    suite::run(Parts { tests: wanted("tests"), tidy: wanted("tidy"), readme: wanted("readme") })
}

fn tidy_command(rest: &[String]) -> Result<u8> {
    let mut args = Args::new(rest);
    let list = args.switch("--list");
    args.finish()?;
    if list {
        print!("{}", tidy::invariants());
        return Ok(0);
    }
    let tally = tidy::run(&workspace::root()?)?;
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(u8::from(tally.failed > 0))
}

fn lint(rest: &[String]) -> Result<u8> {
    Args::new(rest).finish()?;
    setup::ensure(Purpose::Build)?;
    let root = workspace::root()?;
    process::run(process::cargo(&root).args(["fmt", "--all", "--check"]))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--"];
    process::run(process::cargo(&root).args(clippy).args(["-D", "warnings"]))?;
    Ok(0)
}

fn setup_command(rest: &[String]) -> Result<u8> {
    let mut args = Args::new(rest);
    let purpose = if args.switch("--build") { Purpose::Build } else { Purpose::Test };
    args.finish()?;
    setup::ensure(purpose)?;
    println!("nothing is missing");
    Ok(0)
}

fn kafka_command(rest: &[String]) -> Result<u8> {
    let Some((verb, rest)) = rest.split_first() else {
        return Err(Failure::usage("kafka up|down|status|class"));
    };
    if verb == "class" {
        let Some((class, rest)) = rest.split_first() else {
            return Err(Failure::usage("kafka class NAME ARGS…"));
        };
        return Err(process::replace_with(kafka::tool(class)?.args(rest)));
    }
    let mut args = Args::new(rest);
    let port = args.number("--port")?.unwrap_or(kafka::DEFAULT_PORT);
    let data_dir = args.option("--data-dir")?.map(std::path::PathBuf::from);
    let folder = match &data_dir {
        Some(dir) => std::path::absolute(dir).map_err(|e| Failure::usage(e.to_string()))?,
        None => kafka::default_data_dir(port)?,
    };
    match verb.as_str() {
        "up" => {
            let options = Options {
                port,
                data_dir,
                fresh: args.switch("--fresh"),
                heap_mib: args.number("--heap-mib")?.unwrap_or(Options::default().heap_mib),
                secured: args.switch("--secured"),
            };
            args.finish()?;
            kafka_up(&options, &folder)
        }
        "down" => {
            args.finish()?;
            let stopped = kafka::stop(&folder)?;
            println!("{}", if stopped { "stopped" } else { "was not running" });
            Ok(0)
        }
        "status" => {
            args.finish()?;
            kafka_status(port, &folder)
        }
        other => Err(Failure::usage(format!("unknown `kafka {other}`"))),
    }
}

fn kafka_up(options: &Options, folder: &std::path::Path) -> Result<u8> {
    if let Some(id) = kafka::running(folder).filter(|_| options.port != 0) {
        println!("already running: process {id}, {}", folder.display());
        return Ok(0);
    }
    setup::ensure(Purpose::Java)?;
    let broker = kafka::start(options)?;
    println!("KAFKA_BOOTSTRAP_SERVERS={}", broker.bootstrap);
    if let Some(secured) = &broker.secured_bootstrap {
        println!("with TLS and a password: {}", kafka::secured::how_to_reach(secured, &broker.data_dir));
    }
    println!("data and server.log: {}", broker.data_dir.display());
    broker.group.detach();
    Ok(0)
}

fn kafka_status(port: u16, folder: &std::path::Path) -> Result<u8> {
    let process =
        kafka::running(folder).map_or("no process of ours".into(), |id| format!("process {id}, {}", folder.display()));
    let serves = kafka::serves(port);
    let answer = if serves { "answers" } else { "does not answer" };
    println!("127.0.0.1:{port} {answer}; {process}");
    Ok(u8::from(!serves))
}

fn registry_command(rest: &[String]) -> Result<u8> {
    let mut args = Args::new(rest);
    let port = args.number("--port")?.unwrap_or(registry::DEFAULT_PORT);
    let verb = args.word();
    args.finish()?;
    match verb.as_deref() {
        Some("up") => {
            setup::ensure(Purpose::Java)?;
            let registry = registry::start(port, None)?;
            println!("SCHEMA_REGISTRY_URL={}", registry.url);
            registry.group.detach();
            Ok(0)
        }
        Some("down") => {
            let stopped = registry::stop(port)?;
            println!("{}", if stopped { "stopped" } else { "was not running" });
            Ok(0)
        }
        _ => Err(Failure::usage("registry up|down [--port 8081]")),
    }
}

/// Runs a binary of the workspace with an Apache Kafka of its own, unless one is named in the environment.
fn with_kafka(package: &str, binary: &[&str], rest: &[String]) -> Result<u8> {
    let mut command = built(package, binary, rest)?;
    let named = std::env::var("KAFKA_BOOTSTRAP_SERVERS_TEST").ok();
    let (bootstrap, run) = match named {
        Some(named) => (named, None),
        None => {
            let run = suite::start_kafka()?;
            (run.bootstrap().to_owned(), Some(run))
        }
    };
    command.env("KAFKA_BOOTSTRAP_SERVERS_TEST", &bootstrap).env("KAFKA_BOOTSTRAP_SERVERS", &bootstrap);
    let status = process::Group::spawn(&mut command)?.wait()?;
    drop(run);
    Ok(process::exit_code(status))
}

/// Runs a binary of the workspace that has its own brokers.
fn without_kafka(package: &str, binary: &[&str], rest: &[String]) -> Result<u8> {
    let status = process::Group::spawn(&mut built(package, binary, rest)?)?.wait()?;
    Ok(process::exit_code(status))
}

/// Builds the workspace's binaries; the command that runs one of them with what tests need.
fn built(package: &str, binary: &[&str], rest: &[String]) -> Result<std::process::Command> {
    setup::ensure(Purpose::Test)?;
    let root = workspace::root()?;
    process::run(process::cargo(&root).args(["build", "--workspace", "--bins"]))?;
    let mut command = process::cargo(&root);
    command.args(["run", "--quiet", "--package", package]).args(binary);
    command.arg("--").args(rest);
    for (name, value) in suite::tool_environment()? {
        command.env(name, value);
    }
    Ok(command)
}

/// The simulator's own binary does it; it needs neither librdkafka nor RocksDB.
fn simulate(rest: &[String]) -> Result<u8> {
    setup::ensure(Purpose::Build)?;
    let root = workspace::root()?;
    let package = ["run", "--quiet", "--package", "headwater-simulator", "--bin", "headwater-simulate", "--"];
    Err(process::replace_with(process::cargo(&root).args(package).args(rest)))
}

fn fuzz_command(rest: &[String]) -> Result<u8> {
    let mut args = Args::new(rest);
    let seconds = args.number("--seconds")?.unwrap_or(60);
    let target = args.word();
    args.finish()?;
    let crashes = fuzz::run(target.as_deref(), seconds)?;
    Ok(u8::from(crashes > 0))
}

fn clean_clone(rest: &[String]) -> Result<u8> {
    Args::new(rest).finish()?;
    let root = workspace::root()?;
    let clone = workspace::target_dir()?.join("clean-clone");
    remove_clone(&clone)?;
    let mut git = std::process::Command::new("git");
    process::run(git.args(["clone", "--quiet"]).arg(&root).arg(&clone))?;
    let mut ci = std::process::Command::new(clone.join(".ci/run"));
    ci.current_dir(&clone).env_remove("CARGO_TARGET_DIR");
    let status = process::Group::spawn(&mut ci)?.wait()?;
    // It lies in the target folder that both build in: while it is there, Cargo looks at its files instead of the working
    // copy's, and takes what was built from them for what is built from these.
    remove_clone(&clone)?;
    Ok(process::exit_code(status))
}

fn remove_clone(clone: &std::path::Path) -> Result<()> {
    match std::fs::remove_dir_all(clone) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::new(format!("cannot clear {}: {error}", clone.display())))
        }
        _ => Ok(()),
    }
}
