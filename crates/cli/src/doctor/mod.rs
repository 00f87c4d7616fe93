//! `headwater doctor`: what is well, what is not, and what to do about it.

mod checks;

use clap::Args;
use headwater_kafka::topics::{Actual, PlanOptions, plan};
use headwater_kafka::{ErrorKind, Isolation};
use headwater_schema::registry_client::BlockingRegistry;
use serde::Serialize;

use crate::Error;
use crate::args::ConnectionArgs;
use crate::cluster::{Cluster, partitions_of, registry};
use crate::output::{Grid, OutputArgs, counted};
use crate::platform;
use crate::records::ends_of;
use crate::settings::Settings;

/// `headwater doctor`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater doctor\n  \
    headwater doctor -b kafka:9092 --registry http://registry:8081 -X security.protocol=SSL\n  \
    headwater doctor -o json | jq '.[] | select(.status != \"ok\")'\n\n\
    Exit code 1 if there is a problem. Warnings are none.")]
pub struct DoctorArgs {
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// How the answer is written.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Well.
    Ok,
    /// Worth knowing.
    Warning,
    /// Something will not work.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What: broker, registry, topics …
    pub what: &'static str,
    /// How it is.
    pub status: Status,
    /// What was seen.
    pub message: String,
    /// What to do; None where nothing is to be done.
    pub remedy: Option<String>,
}

impl Finding {
    fn ok(what: &'static str, message: impl Into<String>) -> Self {
        Self { what, status: Status::Ok, message: message.into(), remedy: None }
    }

    fn warning(what: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what, status: Status::Warning, message: message.into(), remedy: Some(remedy.into()) }
    }

    fn problem(what: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what, status: Status::Problem, message: message.into(), remedy: Some(remedy.into()) }
    }
}

/// Runs it.
///
/// # Errors
/// Usage for settings that can't work; failed when there is a problem.
pub fn run(arguments: &DoctorArgs, settings: &Settings) -> Result<(), Error> {
    let cluster = Cluster::of(settings.connection(&arguments.connection)?)?;
    let registry = registry(settings, &arguments.connection)?;
    let mut findings = vec![Finding::ok("version", format!("headwater {}", env!("CARGO_PKG_VERSION")))];
    examine_cluster(&cluster, &mut findings);
    examine_registry(&registry, &cluster, &mut findings);
    arguments.output.print(&findings, || table(&findings).to_text())?;
    let problems = findings.iter().filter(|finding| finding.status == Status::Problem).count() as u64;
    match problems {
        0 => Ok(()),
        problems => Err(Error::failed(format!("{} found: see above", counted(problems, "problem")))),
    }
}

fn examine_cluster(cluster: &Cluster, findings: &mut Vec<Finding>) {
    let servers = cluster.connection.bootstrap_servers();
    let described = match cluster.admin.describe_cluster() {
        Ok(described) => described,
        Err(error) => {
            let remedy = match error.kind() {
                ErrorKind::Denied => "check the credentials: -X sasl.username, -X sasl.password, certificates",
                _ => {
                    "start one with `headwater dev`, or name yours with -b or KAFKA_BOOTSTRAP_SERVERS; with TLS add -X security.protocol"
                }
            };
            findings.push(Finding::problem("broker", format!("no answer from {servers}: {error}"), remedy));
            return;
        }
    };
    let brokers = counted(described.brokers.len() as u64, "broker");
    findings.push(Finding::ok("broker", format!("{servers} answers: cluster {}, {brokers}", described.cluster_id)));
    findings.push(checks::protection(&cluster.connection));
    findings.push(checks::cluster_permissions(&described.operations));
    let looked = examine_topics(cluster, described.brokers.len(), findings);
    let looked = looked.and_then(|()| examine_applications(cluster, findings));
    if let Err(error) = looked {
        findings.push(Finding::problem("broker", error.to_string(), "look at the brokers' logs, and try again"));
    }
}

fn examine_topics(cluster: &Cluster, brokers: usize, findings: &mut Vec<Finding>) -> Result<(), Error> {
    let declared = platform::declaration()?;
    let prefix = cluster.connection.prefix();
    let actual = Actual::read(&cluster.admin)?;
    let options = PlanOptions { prefix: prefix.clone(), allow_delete: false };
    findings.push(checks::topics(plan(&declared, &actual, &options)));
    let expanded = declared.expanded(prefix)?;
    let names: Vec<_> = expanded.iter().map(|topic| topic.name.clone()).collect();
    let topics: Vec<_> =
        cluster.admin.describe_topics(&names)?.into_iter().filter_map(|(_, described)| described.ok()).collect();
    if topics.is_empty() {
        return Ok(());
    }
    findings.push(checks::topic_ids(&topics));
    findings.push(checks::leaders(&topics));
    findings.push(checks::replicas(&topics, brokers));
    findings.push(checks::topic_permissions(&topics));
    let dead_letters: Vec<_> =
        topics.iter().filter(|topic| topic.name.as_str().ends_with(".dlq")).flat_map(partitions_of).collect();
    let ends = ends_of(&cluster.admin, &dead_letters, Isolation::ReadCommitted)?;
    findings.push(checks::dead_letters(&ends));
    Ok(())
}

fn examine_applications(cluster: &Cluster, findings: &mut Vec<Finding>) -> Result<(), Error> {
    let topologies = platform::all()?;
    let processors = topologies.iter().map(headwater_streams::Topology::name);
    let mut running = Vec::new();
    for application in std::iter::once("headwater").chain(processors) {
        let members = cluster.members(application)?.len() as u64;
        if members > 0 {
            running.push(format!("{application} ({})", counted(members, "worker")));
        }
    }
    findings.push(checks::applications(&running));
    Ok(())
}

fn examine_registry(registry: &BlockingRegistry, cluster: &Cluster, findings: &mut Vec<Finding>) {
    let urls = registry.client().settings().urls.join(",");
    match registry.wait(|client| async move { client.subjects().await }) {
        Ok(subjects) => {
            let count = counted(subjects.len() as u64, "subject");
            findings.push(Finding::ok("registry", format!("{urls} answers: {count}")));
            let wanted = checks::wanted_subjects(cluster.connection.prefix());
            findings.push(checks::schemas(&wanted, &subjects));
        }
        Err(error) => findings.push(Finding::problem(
            "registry",
            error.to_string(),
            "name it with --registry or SCHEMA_REGISTRY_URL; user:password@ is understood",
        )),
    }
}

fn table(findings: &[Finding]) -> Grid {
    let mut grid = Grid::new(&["", "WHAT", "SEEN", "WHAT TO DO"]);
    for finding in findings {
        let sign = match finding.status {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Problem => "PROBLEM",
        };
        grid.row([sign, finding.what, &finding.message, finding.remedy.as_deref().unwrap_or("")]);
    }
    grid
}

#[cfg(test)]
mod tests;
