//! Every comparison, both sides in turn, medians over runs, and the table in bench/RESULTS.md.

mod held;
mod killed;

use clap::Args;

use crate::figures::{Figures, median};
use crate::job::{Job, Side, Work};
use crate::report;
use crate::session::{Contents, Session};
use crate::work::Failure;

/// What to compare.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench run --only count,table --runs 1")]
pub struct Arguments {
    /// Only these: count, table, map, restore, sourcetable, recover, chain, processes, held.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Runs of each side, in turn; medians are printed.
    #[arg(long, default_value_t = 5)]
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
    /// Seconds of the chain's load that are measured.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Seconds of the chain's load before them, sent and read and not counted, on both sides.
    #[arg(long, default_value_t = 5)]
    warm_up_seconds: u64,
    /// The peer's services of the chain in four processes, too, where ours are (four JVMs).
    #[arg(long)]
    peer_processes: bool,
    /// Where the search for the highest load that the chain holds begins, in records a second.
    #[arg(long, default_value_t = 4_000)]
    held_from: u64,
    /// Loads that it tries at most, on each side.
    #[arg(long, default_value_t = 9)]
    held_trials: usize,
    /// Runs in which it is searched for; each takes minutes.
    #[arg(long, default_value_t = 1)]
    held_runs: usize,
    /// Writes the table into bench/RESULTS.md.
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
    session: Session,
    rows: Vec<Row>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let session = Session::open(&arguments.bootstrap)?;
    let mut bench = Bench { arguments, session, rows: Vec::new() };
    for run in 0..arguments.runs {
        bench.work(run)?;
    }
    let text = report::comparison(&bench.rows);
    println!("{text}");
    if arguments.write {
        report::write("measured", &format!("{}\n\n{text}", report::machine()))?;
    }
    Ok(())
}

impl Bench<'_> {
    fn wants(&self, work: &str) -> bool {
        self.arguments.only.is_empty() || self.arguments.only.iter().any(|only| only == work)
    }

    fn work(&mut self, run: usize) -> Result<(), Failure> {
        for (name, work) in [("count", Work::Count), ("map", Work::Map)] {
            if self.wants(name) {
                let job = Job { records: self.arguments.n, ..Job::new(work) };
                let (peer, own) = self.sides(&job, name, run)?;
                self.note(name, peer, own);
            }
        }
        if self.wants("table") || self.wants("restore") {
            self.table(run)?;
        }
        if self.wants("sourcetable") {
            let (records, keys) = (self.arguments.n, self.arguments.table_keys);
            let job = Job { records, keys, ..Job::new(Work::SourceTableAndRestore) };
            let (peer, own) = self.sides(&job, "sourcetable", run)?;
            self.note("sourcetable", peer, own);
        }
        if self.wants("recover") {
            self.recover(run)?;
        }
        for rate in self.arguments.rates.clone() {
            if self.wants("chain") || self.wants("processes") {
                self.chain(rate, run)?;
            }
        }
        if self.wants("held") && run < self.arguments.held_runs {
            self.held(run)?;
        }
        Ok(())
    }

    /// Both sides in turn.
    fn sides(&self, job: &Job, name: &str, run: usize) -> Result<(Figures, Figures), Failure> {
        let name = format!("{name}-{run}");
        let peer = job.run(&self.session, Side::KafkaStreams, &name)?;
        let own = job.run(&self.session, Side::Headwater, &name)?;
        Ok((peer, own))
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

    /// The table, and its stores from nothing: the second wants the first.
    fn table(&mut self, run: usize) -> Result<(), Failure> {
        let (records, keys) = (self.arguments.n, self.arguments.table_keys);
        let work = if self.wants("restore") { Work::TableAndRestore } else { Work::Table };
        let job = Job { records, keys, ..Job::new(work) };
        let (peer, own) = self.sides(&job, "table", run)?;
        let half = |figures: &Figures, restores: bool| -> Figures {
            let wanted = figures.iter().filter(|(name, _)| name.starts_with("restore_") == restores);
            wanted.map(|(name, value)| (name.clone(), *value)).collect()
        };
        if self.wants("table") {
            self.note("table", half(&peer, false), half(&own, false));
        }
        if self.wants("restore") {
            self.note("restore", half(&peer, true), half(&own, true));
        }
        Ok(())
    }

    /// Both sides are killed with so many keys of state while they work, and started again on the same folder.
    fn recover(&mut self, run: usize) -> Result<(), Failure> {
        let Arguments { n, table_keys, recover_keys, .. } = *self.arguments;
        let (keys, held) = (table_keys as f64, recover_keys as f64);
        // So many random draws of all keys name so many of them.
        let records = (keys * (keys / (keys - held)).ln()) as u64;
        if held >= keys || records > n * 9 / 10 {
            return Err("recover needs more records (--n) or more keys (--table-keys) than it is to hold".into());
        }
        let topic = self.session.input(&Contents { records: n, keys: table_keys, value_bytes: 100, partitions: 4 })?;
        let name = |side: &str| self.session.name(&format!("recover-{side}-{run}"));
        let (theirs, ours) = (name("ks"), name("hw"));
        let state = |name: &str| self.session.folder(name).display().to_string();
        let peer = killed::recover(
            |seen| {
                let properties = [("seen", seen.to_string()), ("state", state(&theirs))];
                self.session.peer_command(&properties, &["recover", &topic, &theirs])
            },
            records,
            false,
        )?;
        let own = killed::recover(
            |seen| {
                let (seen, state) = (seen.to_string(), state(&ours));
                self.session.own_command(&["recover", &topic, &ours, "--n", &seen, "--state", &state])
            },
            records,
            true,
        )?;
        self.session.forget(&theirs)?;
        self.session.forget(&ours)?;
        self.note("recover", peer, own);
        Ok(())
    }

    fn chain_job(&self, rate: u64) -> Job {
        let Arguments { seconds, warm_up_seconds, .. } = *self.arguments;
        Job { rate, seconds, warm_up_seconds, ..Job::new(Work::Chain) }
    }

    /// Fused, not fused in one process, and a process for each service; the peer is measured once for all, unless its
    /// services are to be processes, too.
    fn chain(&mut self, rate: u64, run: usize) -> Result<(), Failure> {
        let job = self.chain_job(rate);
        let name = format!("chain-{rate}-{run}");
        let work = format!("chain of 4 at {rate}/s");
        let peer = job.run(&self.session, Side::KafkaStreams, &name)?;
        if self.wants("chain") {
            for (side, words) in [(Side::Headwater, ""), (Side::NotFused, ", not fused")] {
                let own = job.run(&self.session, side, &name)?;
                self.note(&format!("{work}{words}"), peer.clone(), own);
            }
        }
        if self.wants("processes") {
            let own = job.run(&self.session, Side::Processes, &name)?;
            self.note(&format!("{work}, a process each"), peer, own.clone());
            if self.arguments.peer_processes {
                let peer = job.run(&self.session, Side::KafkaStreamsProcesses, &name)?;
                self.note(&format!("{work}, a process each on both sides"), peer, own);
            }
        }
        Ok(())
    }

    /// The highest load of the chain at which it keeps up with p99 below a second.
    fn held(&mut self, run: usize) -> Result<(), Failure> {
        let search = |side: Side| -> Result<Figures, Failure> {
            let limits = held::Limits { from: self.arguments.held_from, trials: self.arguments.held_trials };
            let found = held::search(limits, |rate| {
                let figures = self.chain_job(rate).run(&self.session, side, &format!("held-{rate}-{run}"))?;
                let holds = held::holds(&figures);
                eprintln!("{} at {rate}/s: {} {figures:?}", side.words(), if holds { "held" } else { "not held" });
                Ok::<_, Failure>(holds)
            })?;
            let mut figures = Figures::from([("held_per_s".to_owned(), found.held as f64)]);
            figures.extend(found.not_held.map(|rate| ("not_held_per_s".to_owned(), rate as f64)));
            Ok(figures)
        };
        let (peer, own) = (search(Side::KafkaStreams)?, search(Side::Headwater)?);
        self.note("chain of 4, highest load held", peer, own);
        Ok(())
    }
}
