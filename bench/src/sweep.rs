//! How figures change with one size: each sweep is a list of points, measured on every side, written as CSV, and drawn and
//! tabled from that.

mod axis;
mod list;
mod plot;
mod raw;
mod table;

use std::path::PathBuf;

use clap::Args;

use crate::report;
use crate::session::Session;
use crate::work::Failure;
use list::{SWEEPS, Size, Sweep};
use raw::Measured;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask bench sweep --quick\n  cargo xtask bench sweep --only keys,load --runs 5 --write\n  cargo xtask bench sweep --quick --records 3000000 --runs 5 --write\n  headwater-bench sweep --replot"
)]
pub struct Arguments {
    /// Only these: keys, load, restore, stores, guarantee, partitions, workers, hops.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Runs of each point on each side, in turn; medians are drawn.
    #[arg(long)]
    runs: Option<usize>,
    /// Fewer points, smaller sizes, one run unless told: a quarter of an hour for all.
    #[arg(long)]
    quick: bool,
    /// Records that are counted, mapped or kept at each point; 3M unless told, 400,000 with --quick, in which a JVM is
    /// still warming up.
    #[arg(long)]
    records: Option<u64>,
    /// Seconds of a chain's load that are measured; 15 unless told, 4 with --quick.
    #[arg(long)]
    seconds: Option<u64>,
    /// Seconds of load before those; 5 unless told, 3 with --quick.
    #[arg(long)]
    warm_up_seconds: Option<u64>,
    /// Writes bench/plots and the tables of bench/RESULTS.md; else all of it goes into a folder of the target folder.
    #[arg(long)]
    write: bool,
    /// Measures nothing: draws the plots and writes the tables again, from the figures in bench/plots.
    #[arg(long)]
    replot: bool,
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", default_value = "127.0.0.1:9092")]
    bootstrap: String,
}

impl Arguments {
    fn runs(&self) -> usize {
        self.runs.unwrap_or(if self.quick { 1 } else { 5 }).max(1)
    }

    fn size(&self) -> Size {
        let size = if self.quick { Size::QUICK } else { Size::FULL };
        Size {
            records: self.records.unwrap_or(size.records),
            seconds: self.seconds.unwrap_or(size.seconds),
            warm_up_seconds: self.warm_up_seconds.unwrap_or(size.warm_up_seconds),
            ..size
        }
    }

    fn wanted(&self) -> Result<Vec<&'static Sweep>, Failure> {
        if let Some(unknown) = self.only.iter().find(|name| SWEEPS.iter().all(|sweep| sweep.name != *name)) {
            let known: Vec<&str> = SWEEPS.iter().map(|sweep| sweep.name).collect();
            return Err(format!("there is no sweep {unknown}: {}", known.join(", ")).into());
        }
        let wants = |sweep: &&Sweep| self.only.is_empty() || self.only.iter().any(|name| name == sweep.name);
        Ok(SWEEPS.iter().filter(wants).collect())
    }
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let wanted = arguments.wanted()?;
    if arguments.replot {
        let folder = report::folder().join("plots");
        for sweep in wanted {
            let path = folder.join(format!("{}.csv", sweep.name));
            if path.exists() {
                draw(sweep, &raw::read(&path)?, &folder, true)?;
            }
        }
        return Ok(());
    }
    let folder = if arguments.write { report::folder().join("plots") } else { scratch()? };
    std::fs::create_dir_all(&folder)?;
    let session = Session::open(&arguments.bootstrap)?;
    let mut failures = 0;
    for sweep in wanted {
        let mut measured = Vec::new();
        for run in 0..arguments.runs() {
            failures += measure(sweep, &session, arguments, run, &mut measured);
            // After each run, so that what breaks off has not been for nothing: `--replot` makes the rest.
            raw::write(&folder.join(format!("{}.csv", sweep.name)), &measured)?;
        }
        session.forget_inputs()?;
        draw(sweep, &measured, &folder, arguments.write)?;
    }
    eprintln!("plots and their figures are in {}", folder.display());
    if failures == 0 { Ok(()) } else { Err(format!("{failures} measurements failed; the rest is written").into()) }
}

/// Where results go that are not to be kept.
fn scratch() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    Ok(own.parent().ok_or("this program lies in no folder")?.join("bench-plots"))
}

/// Every point on every side once; how many measurements failed. A run goes over all points, so that what drifts on the
/// machine drifts for all of them.
fn measure(sweep: &Sweep, session: &Session, arguments: &Arguments, run: usize, measured: &mut Vec<Measured>) -> usize {
    let size = arguments.size();
    let mut failed = 0;
    for &x in sweep.points(arguments.quick) {
        let job = (sweep.job)(x, &size);
        for &side in sweep.sides.iter().filter(|side| job.suits(**side)) {
            match job.run(session, side, &format!("{}-{x}-{run}", sweep.name)) {
                Ok(figures) => {
                    eprintln!("{} {x} {}: {figures:?}", sweep.name, side.words());
                    measured.extend(Measured::of(side.words(), x, run, figures));
                }
                Err(error) => {
                    eprintln!("{} {x} {}: failed: {error}", sweep.name, side.words());
                    failed += 1;
                }
            }
        }
    }
    failed
}

fn draw(sweep: &Sweep, measured: &[Measured], folder: &std::path::Path, write: bool) -> Result<(), Failure> {
    let file = format!("{}.svg", sweep.name);
    plot::draw(sweep, measured, &folder.join(&file))?;
    let table = table::markdown(sweep, measured);
    println!("{}\n\n{table}", sweep.title);
    if write {
        report::write(sweep.name, &format!("![{}](plots/{file})\n\n{table}", sweep.title))?;
    }
    Ok(())
}
