//! Every comparison, both sides in turn, medians over runs, and the report in bench/RESULTS.md.

mod killed;
mod report;

use std::path::Path;
use std::process::Command;

use clap::Args;

use crate::figures::{Figures, median};
use crate::peer::{Peer, read};
use crate::work::Failure;

/// What to compare.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench run --only count,table --runs 1")]
pub struct Arguments {
    /// Only these: count, table, map, restore, recover, chain.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Runs of each side, in turn; medians are printed.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Records of count, table and map.
    #[arg(long, default_value_t = 5_000_000)]
    n: u64,
    /// Keys of table and restore.
    #[arg(long, default_value_t = 3_000_000)]
    table_keys: u64,
    /// Keys in the stores when the process of recover is killed; of `table_keys`, drawn at random.
    #[arg(long, default_value_t = 1_400_000)]
    recover_keys: u64,
    /// Records a second of the chain.
    #[arg(long, value_delimiter = ',', default_value = "1000,8000")]
    rates: Vec<u64>,
    /// Seconds of the chain's load.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Writes bench/RESULTS.md.
    #[arg(long)]
    write: bool,
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", default_value = "127.0.0.1:9092")]
    bootstrap: String,
}

/// One piece of work with both sides' figures, run by run.
pub struct Row {
    pub work: String,
    pub peer: Vec<Figures>,
    pub own: Vec<Figures>,
}

impl Row {
    /// The median of a figure on one side.
    pub fn figure(side: &[Figures], name: &str) -> Option<f64> {
        let values: Vec<f64> = side.iter().filter_map(|figures| figures.get(name).copied()).collect();
        (!values.is_empty()).then(|| median(values))
    }
}

struct Bench<'a> {
    arguments: &'a Arguments,
    peer: Peer,
    /// Keeps names of topics and applications apart from those of other benchmarks on this Kafka.
    tag: String,
    scratch: tempfile::TempDir,
    rows: Vec<Row>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let peer = Peer::build(&arguments.bootstrap)?;
    let tag = format!("hwbench-{}", std::process::id());
    let mut bench = Bench { arguments, peer, tag, scratch: tempfile::tempdir()?, rows: Vec::new() };
    bench.load()?;
    for run in 0..arguments.runs {
        for work in ["count", "table", "map"] {
            if bench.wants(work) || (work == "table" && bench.wants("restore")) {
                bench.process(work, run)?;
            }
        }
        if bench.wants("restore") {
            bench.restore(run)?;
        }
        if bench.wants("recover") {
            bench.recover(run)?;
        }
        if bench.wants("chain") {
            for rate in arguments.rates.clone() {
                bench.chain(rate, run)?;
            }
        }
    }
    let text = report::markdown(&bench.rows, arguments.runs);
    println!("{text}");
    if arguments.write {
        report::write(&Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md"), &text)?;
    }
    Ok(())
}

impl Bench<'_> {
    fn wants(&self, work: &str) -> bool {
        self.arguments.only.is_empty() || self.arguments.only.iter().any(|only| only == work)
    }

    fn topic(&self, work: &str) -> String {
        let keys = if matches!(work, "table" | "restore" | "recover") { "wide" } else { "narrow" };
        format!("{}-{keys}", self.tag)
    }

    fn load(&self) -> Result<(), Failure> {
        let n = self.arguments.n;
        let load = |topic: &str, keys: u64| {
            eprintln!("loading {n} records of {keys} keys");
            self.peer.run(&[("n", n.to_string()), ("keys", keys.to_string())], &["load", topic])
        };
        if self.wants("count") || self.wants("map") {
            load(&self.topic("count"), 100_000)?;
        }
        if self.wants("table") || self.wants("restore") || self.wants("recover") {
            load(&self.topic("table"), self.arguments.table_keys)?;
        }
        Ok(())
    }

    fn own(&self, arguments: &[&str]) -> Result<Figures, Failure> {
        read(self.own_command(&std::env::current_exe()?, arguments), "headwater")
    }

    fn own_command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.arg("work").args(arguments).env("KAFKA_BOOTSTRAP_SERVERS", &self.arguments.bootstrap);
        command
    }

    /// Both sides are killed with so many keys of state while they work, and started again on the same folder.
    fn recover(&mut self, run: usize) -> Result<(), Failure> {
        let (keys, held) = (self.arguments.table_keys as f64, self.arguments.recover_keys as f64);
        // So many random draws of all keys name so many of them.
        let records = (keys * (keys / (keys - held)).ln()) as u64;
        if held >= keys || records > self.arguments.n * 9 / 10 {
            return Err("recover needs more records (--n) or more keys (--table-keys) than it is to hold".into());
        }
        let topic = self.topic("recover");
        let (theirs, ours) = (format!("{}-ks-recover-{run}", self.tag), format!("{}-hw-recover-{run}", self.tag));
        let folder = |side: &str| self.scratch.path().join(format!("recover-{side}-{run}")).display().to_string();
        let (their_folder, our_folder) = (folder("peer"), folder("own"));
        let peer = killed::recover(
            |seen| {
                self.peer.command(
                    &[("seen", seen.to_string()), ("state", their_folder.clone())],
                    &["recover", &topic, &theirs],
                )
            },
            records,
            false,
        )?;
        let program = std::env::current_exe()?;
        let own = killed::recover(
            |seen| {
                self.own_command(
                    &program,
                    &["recover", &topic, &ours, "--n", &seen.to_string(), "--state", &our_folder],
                )
            },
            records,
            true,
        )?;
        self.note("recover", peer, own);
        Ok(())
    }

    fn note(&mut self, work: &str, peer: Figures, own: Figures) {
        eprintln!("{work}: kafka streams {peer:?}\n{work}: headwater {own:?}");
        if !self.rows.iter().any(|row| row.work == work) {
            self.rows.push(Row { work: work.to_owned(), peer: Vec::new(), own: Vec::new() });
        }
        if let Some(row) = self.rows.iter_mut().find(|row| row.work == work) {
            row.peer.push(peer);
            row.own.push(own);
        }
    }

    fn peer_state(&self, run: usize) -> String {
        self.scratch.path().join(format!("peer-{run}")).display().to_string()
    }

    fn process(&mut self, work: &str, run: usize) -> Result<(), Failure> {
        let n = self.arguments.n.to_string();
        let topic = self.topic(work);
        let (theirs, ours) = (format!("{}-ks-{work}-{run}", self.tag), format!("{}-hw-{work}-{run}", self.tag));
        let state = self.peer_state(run);
        let peer = self.peer.run(&[("n", n.clone()), ("state", state)], &[work, &topic, &theirs])?;
        let own = self.own(&[work, &topic, &ours, "--n", &n])?;
        self.note(work, peer, own);
        Ok(())
    }

    /// Both sides rebuild the stores of `table` from their changelogs: the peer's folder is removed, ours is new.
    fn restore(&mut self, run: usize) -> Result<(), Failure> {
        let topic = self.topic("table");
        let (theirs, ours) = (format!("{}-ks-table-{run}", self.tag), format!("{}-hw-table-{run}", self.tag));
        let state = self.peer_state(run);
        std::fs::remove_dir_all(&state)?;
        let peer = self.peer.run(&[("state", state)], &["tablerestore", &topic, &theirs])?;
        let own = self.own(&["tablerestore", &topic, &ours])?;
        self.note("restore", peer, own);
        Ok(())
    }

    fn chain(&mut self, rate: u64, run: usize) -> Result<(), Failure> {
        let seconds = self.arguments.seconds.to_string();
        let work = format!("chain of 4 at {rate}/s");
        let theirs = format!("{}-ks-chain-{rate}-{run}-", self.tag);
        let ours = format!("{}-hw-chain-{rate}-{run}-", self.tag);
        let state = self.peer_state(run);
        let properties = [("rate", rate.to_string()), ("seconds", seconds.clone()), ("state", state)];
        let peer = self.peer.run(&properties, &["chain", &theirs])?;
        let application = format!("{}-chain-{rate}-{run}", self.tag);
        let rate = rate.to_string();
        let own = self.own(&["chain", &ours, &application, "--rate", &rate, "--seconds", &seconds])?;
        self.note(&work, peer.clone(), own);
        let (ours, application) = (format!("{ours}unfused-"), format!("{application}-unfused"));
        let own = self.own(&["chain", &ours, &application, "--rate", &rate, "--seconds", &seconds, "--no-fusion"])?;
        self.note(&format!("{work}, not fused"), peer, own);
        Ok(())
    }
}
