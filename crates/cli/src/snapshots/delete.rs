use std::fmt::Write as _;

use clap::Args;
use headwater_snapshot::{Depot, Place};

use super::{PlaceArgs, failed};
use crate::Error;
use crate::output::counted;

/// `headwater snapshots delete`.
#[derive(Debug, Clone, Args)]
pub struct DeleteArgs {
    /// Where they lie.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Of this application
    #[arg(long, value_name = "NAME")]
    pub application: String,
    /// Of this task only
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// Delete, and do not only say what would be
    #[arg(long)]
    pub yes: bool,
}

/// Says what is to be deleted, and deletes it if told to: what manifests name, and nothing else.
///
/// # Errors
/// Pending when there is something to delete and it was not told to; failed when the place refuses.
pub async fn run(arguments: &DeleteArgs, place: Place) -> Result<String, Error> {
    let depot = Depot::new(place, &arguments.application).map_err(failed)?;
    let mut said = String::new();
    let (mut deleted, mut bytes) = (0, 0);
    for task in depot.tasks().await.map_err(failed)? {
        if arguments.task.as_ref().is_some_and(|only| *only != task) {
            continue;
        }
        for id in depot.find(&task).await.map_err(failed)?.whole {
            match depot.manifest(&task, &id).await {
                Ok(manifest) => {
                    let _infallible = writeln!(said, "{task} {id}: {} bytes", manifest.bytes());
                    bytes += manifest.bytes();
                    deleted += 1;
                    if arguments.yes {
                        depot.remove(&manifest).await.map_err(failed)?;
                    }
                }
                Err(why) => {
                    let _infallible = writeln!(said, "{task} {id}: left as it is: {why}");
                }
            }
        }
    }
    let done = if arguments.yes { "deleted" } else { "to delete" };
    let _infallible = writeln!(said, "{} of {bytes} bytes {done}", counted(deleted, "snapshot"));
    if deleted > 0 && !arguments.yes {
        return Err(Error::pending(format!("{said}nothing was deleted: add --yes")));
    }
    Ok(said)
}
