//! Logs to standard error, and traces to a collector where OTEL_EXPORTER_OTLP_ENDPOINT names one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_runtime::OpenTelemetryTracer;
use headwater_streams::Tracer;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::Error;
use crate::args::LogFormat;
use crate::settings::Environment;

/// Whether spans go anywhere.
static EXPORTING: AtomicBool = AtomicBool::new(false);

/// Makes a span for each message that an application processes; None where traces go nowhere, as they cost something.
#[must_use]
pub fn tracer(application: &str) -> Option<Arc<dyn Tracer>> {
    let exporting = EXPORTING.load(Ordering::Relaxed);
    exporting.then(|| Arc::new(OpenTelemetryTracer::new(application)) as Arc<dyn Tracer>)
}

/// Keeps the export of traces going; what is left is sent when it is dropped.
#[derive(Debug, Default)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Starts logging and, where asked for, tracing. `default_filter` is what is logged without RUST_LOG.
    ///
    /// # Errors
    /// Usage, when RUST_LOG or the OTLP settings can't be understood.
    pub fn start(format: LogFormat, default_filter: &str, environment: &Environment) -> Result<Self, Error> {
        let filter = environment.get("RUST_LOG").map_or(default_filter, String::as_str);
        let parse = || {
            EnvFilter::builder()
                .parse(filter)
                .map_err(|error| Error::usage(format!("RUST_LOG={filter} can't be understood: {error}")))
        };
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let lines = match format {
            LogFormat::Text => lines.with_ansi(console::colors_enabled_stderr()).boxed(),
            LogFormat::Json => lines.json().boxed(),
        };
        let traces = match environment.get("OTEL_EXPORTER_OTLP_ENDPOINT") {
            Some(endpoint) if !endpoint.trim().is_empty() => Some(exporter()?),
            _ => None,
        };
        if let Some(provider) = &traces {
            opentelemetry::global::set_tracer_provider(provider.clone());
            EXPORTING.store(true, Ordering::Relaxed);
        }
        let spans = traces.as_ref().map(|provider| {
            let tracer = provider.tracer("headwater");
            parse().map(|filter| tracing_opentelemetry::layer().with_tracer(tracer).with_filter(filter))
        });
        tracing_subscriber::registry()
            .with(lines.with_filter(parse()?))
            .with(spans.transpose()?)
            .try_init()
            .map_err(|error| Error::failed(format!("logging can't be started: {error}")))?;
        Ok(Self { traces })
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(traces) = self.traces.take()
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// A provider that reads OTEL_* itself: endpoint, headers, service name.
fn exporter() -> Result<SdkTracerProvider, Error> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_http().build().map_err(|error| {
        Error::usage(format!("traces can't be exported: {error}; check the OTEL_EXPORTER_OTLP_ settings"))
    })?;
    let named = std::env::var("OTEL_SERVICE_NAME").is_ok();
    let resource = if named { Resource::builder() } else { Resource::builder().with_service_name("headwater") };
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build())
}
