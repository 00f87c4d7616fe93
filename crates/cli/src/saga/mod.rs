//! `headwater saga`: how far an order's saga has come, as its tracker saw it.

use std::time::Duration;

use clap::{Args, Subcommand};
use headwater_contracts::sagas::{SagaStep, SagaView};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::api_client::{ApiArgs, ApiClient};
use crate::clock::{Deadline, pause};
use crate::output::{Format, Grid, OutputArgs, note, one_line, write_out};
use crate::settings::Settings;

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// `headwater saga`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater saga get o-1\n  \
    headwater saga list --state compensating\n  \
    headwater saga watch o-1        its events as they come, until it has ended")]
pub struct SagaArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: SagaCommand,
}

/// What to ask about sagas.
#[derive(Debug, Clone, Subcommand)]
pub enum SagaCommand {
    /// Show the saga of an order: every event with its cause.
    #[command(after_help = "Examples:\n  headwater saga get o-1\n  headwater saga get o-1 -o json | jq .state")]
    Get {
        /// The order's id
        #[arg(value_name = "ORDER")]
        order: String,
        /// Which instance is asked.
        #[command(flatten)]
        api: ApiArgs,
        /// How the answer is written.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// List sagas, newest first.
    #[command(after_help = "Examples:\n  headwater saga list\n  headwater saga list --state failed -o json")]
    List {
        /// Only those in this state: started, inventory_reserved, payment_processed, completed, failed, compensating, compensated
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// After how many
        #[arg(long, value_name = "N", default_value_t = 0)]
        offset: usize,
        /// Which instance is asked.
        #[command(flatten)]
        api: ApiArgs,
        /// How the answer is written.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print the events of an order's saga as they come, until it has ended.
    #[command(after_help = "Examples:\n  headwater saga watch o-1\n  headwater saga watch o-1 --timeout 10; echo $?")]
    Watch {
        /// The order's id; it may be placed later
        #[arg(value_name = "ORDER")]
        order: String,
        /// Give up after so many seconds [default: never]
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
        /// Which instance is asked.
        #[command(flatten)]
        api: ApiArgs,
    },
}

#[derive(Deserialize, Serialize)]
struct SagaList {
    sagas: Vec<SagaView>,
    total: u64,
}

/// Runs it.
///
/// # Errors
/// Failed, with what the instance answers.
pub fn run(arguments: &SagaArgs, settings: &Settings) -> Result<(), Error> {
    match &arguments.command {
        SagaCommand::Get { order, api, output } => {
            let saga: SagaView = ApiClient::new(settings, api)?.get(&["sagas", order], &[])?;
            output.print(&saga, || describe(&saga))
        }
        SagaCommand::List { state, limit, offset, api, output } => {
            let mut parameters = vec![("limit", limit.to_string()), ("offset", offset.to_string())];
            parameters.extend(state.clone().map(|state| ("state", state)));
            let list: SagaList = ApiClient::new(settings, api)?.get(&["sagas"], &parameters)?;
            output.print(&list, || table(&list.sagas).to_text())?;
            if output.format == Format::Table {
                note(&format!("{} of {}", list.sagas.len(), list.total));
            }
            Ok(())
        }
        SagaCommand::Watch { order, timeout, api } => watch(&ApiClient::new(settings, api)?, order, *timeout),
    }
}

fn watch(api: &ApiClient, order: &str, timeout_s: Option<u64>) -> Result<(), Error> {
    let deadline = timeout_s.map(|seconds| Deadline::after(Duration::from_secs(seconds)));
    let mut shown = Vec::new();
    loop {
        // A saga that is not there yet may still come.
        let found: Result<SagaView, Error> = api.get(&["sagas", order], &[]);
        match found {
            Ok(saga) => {
                for step in unseen(&saga, &shown) {
                    write_out(&format!("{}\n", line(step, &saga)))?;
                }
                shown = saga.steps.iter().map(|step| step.event_id.clone()).collect();
                if let Some(ended_at) = saga.ended_at {
                    let took_ms = ended_at.since_ms(saga.started_at);
                    return write_out(&format!("{} after {took_ms} ms\n", saga.state));
                }
            }
            Err(error) if !error.to_string().starts_with("there is no saga") => return Err(error),
            Err(_) => {}
        }
        if deadline.is_some_and(Deadline::has_passed) {
            return Err(Error::failed(format!("the saga of order {order} has not ended in time")));
        }
        pause(LOOK_EVERY);
    }
}

/// Steps that were not shown yet, in their order.
fn unseen<'a>(saga: &'a SagaView, shown: &[String]) -> Vec<&'a SagaStep> {
    saga.steps.iter().filter(|step| !shown.contains(&step.event_id)).collect()
}

fn short(full_name: &str) -> &str {
    full_name.rsplit('.').next().unwrap_or(full_name)
}

fn line(step: &SagaStep, saga: &SagaView) -> String {
    let after_ms = step.at.since_ms(saga.started_at);
    format!("{}  +{after_ms:>6} ms  {:<28} <- {}", step.at, short(&step.r#type), cause(step, saga))
}

/// The type of the event that caused a step, where the saga has it.
fn cause<'a>(step: &'a SagaStep, saga: &'a SagaView) -> &'a str {
    match step.causation_id.as_deref() {
        None => "-",
        Some(id) => {
            let cause = saga.steps.iter().find(|other| other.event_id == id);
            cause.map_or("outside the saga", |cause| short(&cause.r#type))
        }
    }
}

fn describe(saga: &SagaView) -> String {
    let ended = saga
        .ended_at
        .map_or_else(|| "not yet".to_owned(), |ended| format!("{ended}, after {} ms", ended.since_ms(saga.started_at)));
    let mut text = format!(
        "order        {}\nstate        {}\ncorrelation  {}\nstarted      {}\nended        {ended}\n",
        saga.order_id, saga.state, saga.correlation_id, saga.started_at
    );
    for anomaly in &saga.anomalies {
        text.push_str(&format!("anomaly      {}\n", one_line(anomaly, 500)));
    }
    let mut grid = Grid::new(&["TIME", "AFTER", "EVENT", "CAUSED BY"]);
    for step in &saga.steps {
        grid.row([
            step.at.to_string(),
            format!("{} ms", step.at.since_ms(saga.started_at)),
            short(&step.r#type).to_owned(),
            cause(step, saga).to_owned(),
        ]);
    }
    text.push('\n');
    text.push_str(&grid.to_text());
    text
}

fn table(sagas: &[SagaView]) -> Grid {
    let mut grid = Grid::new(&["ORDER", "STATE", "STARTED", "TOOK", "EVENTS", "ANOMALIES"]);
    for saga in sagas {
        let took = saga.ended_at.map(|ended| format!("{} ms", ended.since_ms(saga.started_at)));
        grid.row([
            one_line(saga.order_id.as_str(), 40),
            saga.state.clone(),
            saga.started_at.to_string(),
            took.unwrap_or_else(|| "(goes on)".to_owned()),
            saga.steps.len().to_string(),
            saga.anomalies.len().to_string(),
        ]);
    }
    grid
}

#[cfg(test)]
mod tests;
