//! `headwater run`: processors as an application of a Kafka cluster.

mod options;
mod restores;

use std::net::SocketAddr;

use headwater_runtime::Stop;

use crate::args::{OnStop, RunArgs};
use crate::dev::partitions_by_domain;
use crate::http::{self, Api, Server};
use crate::query::Asker;
use crate::registry::local_address;
use crate::service::{Service, ServiceOptions, start_application};
use crate::settings::{Settings, host_name};
use crate::signals::{Asked, Signals};
use crate::{Error, clock};
use options::RunOptions;

/// Runs until a signal comes or the application fails.
///
/// # Errors
/// What has to be mended, or what went wrong.
pub async fn run(arguments: &RunArgs, settings: &Settings) -> Result<(), Error> {
    let mut signals = Signals::watch()?;
    let options = RunOptions::resolve(arguments, settings)?;
    let begun = clock::moment();
    let listener = http::listen(options.http, "--http-port").await?;
    let address = local_address(&listener)?;
    let own_url = options.advertised_url.clone().unwrap_or_else(|| advertised(address, settings));
    let service = Service::new(prometheus::Registry::new(), own_url);
    let api = Api::new(service.clone());
    let server = Server::start(listener, http::router(api.clone()));

    let starting = async {
        let partitions = partitions_by_domain(options.connection.clone()).await?;
        start_application(
            &service,
            ServiceOptions {
                application: options.application.clone(),
                instance: options.instance.clone(),
                state_dir: options.state_dir.clone(),
                workers: options.workers,
                standbys: options.standbys,
                snapshots: options.snapshots.clone(),
                session_timeout: options.session_timeout,
                fusion: options.fusion,
                producer: options.producer,
                memory_mib: options.memory_mib,
                payments: options.payments,
                topologies: options.topologies.clone(),
                connection: options.connection.clone(),
                registry: options.registry.clone(),
            },
        )
        .await?;
        api.answer_by(Asker::new(service.clone(), partitions)?);
        service.open();
        Ok::<(), Error>(())
    };
    tokio::select! {
        started = starting => started?,
        // Nothing has joined yet, so nothing has to be handed over.
        _ = signals.next() => return Ok(()),
    }
    tracing::info!(
        application = options.application,
        instance = options.instance,
        http = %address,
        brokers = options.connection.bootstrap_servers(),
        started_ms = begun.elapsed().as_millis(),
        "headwater runs"
    );
    let ended = tokio::select! {
        asked = signals.next() => Ok(asked),
        reason = service.failed() => Err(Error::failed(format!("the application has failed: {reason}"))),
        never = restores::show(&service) => match never {},
    };
    signals.end_at_next();
    server.stop().await;
    // What has failed stays a member: it may come back within the session time-out and keep its tasks.
    let how = ended.as_ref().map_or(Stop::Stay, |asked| stop_for(options.on_stop, *asked));
    tracing::info!(?how, "stopping: what is under way is committed first");
    let stopped = tokio::task::spawn_blocking(move || service.stop(how)).await?;
    ended.and(stopped)
}

/// Where others reach what listens there: everywhere means by the host's name.
fn advertised(address: SocketAddr, settings: &Settings) -> String {
    if address.ip().is_unspecified() {
        return format!("http://{}:{}", host_name(settings.environment()), address.port());
    }
    format!("http://{address}")
}

/// What a stop means: as told, else by the signal.
fn stop_for(told: Option<OnStop>, asked: Asked) -> Stop {
    match told {
        Some(OnStop::Leave) => Stop::Leave,
        Some(OnStop::Stay) => Stop::Stay,
        None => asked.stop(),
    }
}

#[cfg(test)]
mod tests;
