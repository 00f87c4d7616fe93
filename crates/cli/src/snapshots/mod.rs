//! `headwater snapshots`: what lies where stores are written down.

mod delete;

use clap::{Args, Subcommand};
use headwater_snapshot::{Depot, Manifest, Place, SnapshotId};
use serde::Serialize;

use crate::Error;
use crate::output::{Grid, OutputArgs, write_out};
use crate::settings::Settings;

/// `headwater snapshots`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater snapshots list --snapshots /var/lib/headwater-snapshots\n  \
    headwater snapshots list --snapshots s3://bucket/headwater --application orders -o json\n  \
    headwater snapshots delete --snapshots DIR --application orders            what would be deleted?\n  \
    headwater snapshots delete --snapshots DIR --application orders --yes      delete it")]
pub struct SnapshotsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: SnapshotsCommand,
}

/// What can be done with snapshots.
#[derive(Debug, Clone, Subcommand)]
pub enum SnapshotsCommand {
    /// Show each snapshot: of which task, when it was taken, up to where, and how large.
    List(ListArgs),
    /// Delete the snapshots of an application; without --yes, only say which.
    Delete(delete::DeleteArgs),
}

/// Where snapshots lie.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// Where they lie: a folder, file:///, s3://, gs:// or az:// [default: HEADWATER_SNAPSHOTS]
    #[arg(long, value_name = "URL")]
    pub snapshots: Option<String>,
}

impl PlaceArgs {
    fn open(&self, settings: &Settings) -> Result<Place, Error> {
        let url = settings.text(self.snapshots.as_deref(), "HEADWATER_SNAPSHOTS", |_| None);
        let url = url.ok_or_else(|| Error::usage("say where snapshots lie: --snapshots URL"))?;
        Place::open(&url, settings.environment()).map_err(failed)
    }
}

/// `headwater snapshots list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Where they lie.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Of this application only
    #[arg(long, value_name = "NAME")]
    pub application: Option<String>,
    /// How the answer is written.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A snapshot as it is shown.
#[derive(Debug, Clone, Serialize)]
struct Shown {
    application: String,
    task: String,
    id: String,
    taken_at: String,
    instance: String,
    offset: i64,
    /// Keys; None where the manifest can't be read.
    keys: Option<u64>,
    bytes: Option<u64>,
    /// What is wrong with it; None when nothing is.
    problem: Option<String>,
}

impl Shown {
    fn of(application: &str, task: &str, id: &SnapshotId, manifest: Result<&Manifest, String>) -> Self {
        Self {
            application: application.to_owned(),
            task: task.to_owned(),
            id: id.to_string(),
            taken_at: id.taken_at.to_string(),
            instance: id.instance.clone(),
            offset: id.offset,
            keys: manifest.as_ref().ok().map(|manifest| manifest.entries()),
            bytes: manifest.as_ref().ok().map(|manifest| manifest.bytes()),
            problem: manifest.err(),
        }
    }
}

/// Runs it.
///
/// # Errors
/// Usage for an address that can't be used; failed when the place can't be read.
pub fn run(arguments: &SnapshotsArgs, settings: &Settings) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::failed(format!("no thread to run on: {error}")))?;
    match &arguments.command {
        SnapshotsCommand::List(arguments) => {
            let place = arguments.place.open(settings)?;
            let shown = runtime.block_on(list(&place, arguments.application.as_deref()))?;
            arguments.output.print(&shown, || table(&shown))
        }
        SnapshotsCommand::Delete(arguments) => {
            let place = arguments.place.open(settings)?;
            write_out(&runtime.block_on(delete::run(arguments, place))?)
        }
    }
}

async fn list(place: &Place, only: Option<&str>) -> Result<Vec<Shown>, Error> {
    let mut shown = Vec::new();
    for application in Depot::applications(place).await.map_err(failed)? {
        if only.is_some_and(|only| only != application) {
            continue;
        }
        let depot = Depot::new(place.clone(), &application).map_err(failed)?;
        for task in depot.tasks().await.map_err(failed)? {
            let found = depot.find(&task).await.map_err(failed)?;
            for id in &found.whole {
                let manifest = depot.manifest(&task, id).await.map_err(|error| error.to_string());
                shown.push(Shown::of(&application, &task, id, manifest.as_ref().map_err(Clone::clone)));
            }
            let unfinished = || Err("unfinished: it has no manifest".to_owned());
            shown.extend(found.unfinished.iter().map(|id| Shown::of(&application, &task, id, unfinished())));
        }
    }
    Ok(shown)
}

fn table(shown: &[Shown]) -> String {
    if shown.is_empty() {
        return "no snapshots\n".to_owned();
    }
    let mut grid = Grid::new(&["APPLICATION", "TASK", "TAKEN", "OFFSET", "KEYS", "BYTES", "INSTANCE", "PROBLEM"]);
    for one in shown {
        let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        grid.row([
            one.application.clone(),
            one.task.clone(),
            one.taken_at.clone(),
            one.offset.to_string(),
            number(one.keys),
            number(one.bytes),
            one.instance.clone(),
            one.problem.clone().unwrap_or_default(),
        ]);
    }
    grid.to_text()
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
fn failed(error: headwater_snapshot::Error) -> Error {
    match error {
        headwater_snapshot::Error::Configuration(message) => Error::usage(message),
        error => Error::failed(format!("snapshots: {error}")),
    }
}

#[cfg(test)]
mod tests;
