//! The files beside the code (compose, Prometheus, Grafana, OpenTelemetry, workflows) parse and fit together.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn compose() -> Value {
    yaml("docker-compose.kafka.yml")
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

fn services(compose: &Value) -> &serde_json::Map<String, Value> {
    compose["services"].as_object().unwrap()
}

/// The addresses of a listener list, by listener name: `HOST://localhost:9092,…`.
fn listener<'a>(service: &'a Value, variable: &str, name: &str) -> &'a str {
    let list = service["environment"][variable].as_str().unwrap();
    let prefix = format!("{name}://");
    list.split(',').find_map(|entry| entry.strip_prefix(&prefix)).unwrap_or_else(|| panic!("{list}: {name}"))
}

fn published(service: &Value) -> Vec<(u16, u16)> {
    strings(&service["ports"])
        .into_iter()
        .map(|port| {
            let local = port.strip_prefix("127.0.0.1:").unwrap_or_else(|| panic!("{port} is open to the network"));
            let (host, container) = local.split_once(':').unwrap();
            (host.parse().unwrap(), container.parse().unwrap())
        })
        .collect()
}

fn profiles(service: &Value) -> Vec<&str> {
    strings(&service["profiles"])
}

#[test]
fn the_host_and_the_containers_are_each_told_an_address_they_can_reach() {
    let compose = compose();
    let kafka = &compose["services"]["kafka"];
    assert!(kafka["image"].as_str().unwrap().starts_with("apache/kafka:${KAFKA_VERSION:-4.3."));
    assert_eq!(listener(kafka, "KAFKA_ADVERTISED_LISTENERS", "HOST"), "localhost:9092");
    assert_eq!(listener(kafka, "KAFKA_ADVERTISED_LISTENERS", "INTERNAL"), "kafka:29092");
    assert_eq!(listener(kafka, "KAFKA_LISTENERS", "HOST"), "0.0.0.0:9092");
    assert_eq!(listener(kafka, "KAFKA_LISTENERS", "INTERNAL"), "0.0.0.0:29092");
    assert_eq!(kafka["hostname"], "kafka");
    assert_eq!(published(kafka), [(9092, 9092)]);
    let protocols = kafka["environment"]["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].as_str().unwrap();
    for name in ["HOST", "INTERNAL", "CONTROLLER"] {
        assert!(protocols.contains(&format!("{name}:PLAINTEXT")), "{protocols}");
    }
}

#[test]
fn the_registry_and_kafka_ui_use_the_internal_listener_and_each_other() {
    let compose = compose();
    let services = services(&compose);
    let internal = listener(&services["kafka"], "KAFKA_ADVERTISED_LISTENERS", "INTERNAL");
    let registry = &services["registry"];
    let ui = &services["kafka-ui"];
    assert_eq!(registry["environment"]["KARAPACE_BOOTSTRAP_URI"], internal);
    assert_eq!(ui["environment"]["KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS"], internal);
    let port = registry["environment"]["KARAPACE_PORT"].as_str().unwrap();
    let address = format!("http://{}:{port}", registry["hostname"].as_str().unwrap());
    assert_eq!(ui["environment"]["KAFKA_CLUSTERS_0_SCHEMAREGISTRY"], address.as_str());
    assert_eq!(published(registry), [(8081, 8081)]);
    assert_eq!(published(ui), [(8080, 8080)]);
    for service in ["kafka", "registry", "kafka-ui"] {
        assert!(profiles(&services[service]).is_empty(), "{service} starts without a profile");
    }
}

#[test]
fn kafka_ui_for_dev_finds_the_broker_where_dev_says_it_is() {
    let compose = compose();
    let services = services(&compose);
    let (bridge, ui) = (&services["dev-bridge"], &services["kafka-ui-dev"]);
    assert_eq!(profiles(bridge), ["tools"]);
    assert_eq!(profiles(ui), ["tools"]);
    assert_eq!(ui["network_mode"], "service:dev-bridge");
    assert_eq!(ui["environment"]["KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS"], "127.0.0.1:9092");
    assert_eq!(ui["environment"]["KAFKA_CLUSTERS_0_SCHEMAREGISTRY"], "http://127.0.0.1:8081");
    assert_eq!(ui["environment"]["SERVER_PORT"], "8090");
    assert_eq!(published(bridge), [(8090, 8090)]);
    let command = strings(&bridge["command"]).join(" ");
    for port in [9092, 8081] {
        assert!(command.contains(&format!("TCP-LISTEN:{port},bind=127.0.0.1")), "{command}");
        assert!(command.contains(&format!("TCP:host.docker.internal:{port}")), "{command}");
    }
    assert_eq!(strings(&bridge["extra_hosts"]), ["host.docker.internal:host-gateway"]);
}

#[test]
fn no_two_services_publish_one_port_and_what_is_needed_exists() {
    let compose = compose();
    let services = services(&compose);
    let mut ports: Vec<u16> = services.values().flat_map(published).map(|(host, _)| host).collect();
    let count = ports.len();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), count, "{ports:?}");
    for (name, service) in services {
        let needs = match &service["depends_on"] {
            Value::Object(map) => map.keys().map(String::as_str).collect(),
            list => strings(list),
        };
        for need in needs {
            assert!(services.contains_key(need), "{name} depends on {need}");
            let waits = &service["depends_on"][need]["condition"];
            assert!(waits != "service_healthy" || services[need]["healthcheck"].is_object(), "{name} waits for {need}");
        }
        for mount in strings(&service["volumes"]) {
            let source = mount.split(':').next().unwrap();
            let known = compose["volumes"].get(source).is_some() || root().join(source).exists();
            assert!(known, "{name} mounts {source}");
        }
    }
}

#[test]
fn traces_and_metrics_arrive() {
    let compose = compose();
    let services = services(&compose);
    for service in ["prometheus", "grafana", "otel-collector", "jaeger"] {
        assert_eq!(profiles(&services[service]), ["observability"], "{service}");
    }
    let scrape = yaml("deploy/prometheus/prometheus.yml")["scrape_configs"][0].clone();
    assert_eq!(scrape["metrics_path"], "/metrics");
    assert!(strings(&scrape["static_configs"][0]["targets"]).contains(&"host.docker.internal:8080"));
    let source = yaml("deploy/grafana/provisioning/datasources/prometheus.yaml");
    assert_eq!(source["datasources"][0]["url"], "http://prometheus:9090");
    let collector = yaml("deploy/opentelemetry/collector.yaml");
    let traces = &collector["service"]["pipelines"]["traces"];
    for (kind, list) in ["receivers", "processors", "exporters"].map(|kind| (kind, strings(&traces[kind]))) {
        assert!(!list.is_empty(), "{kind}");
        assert!(list.iter().all(|name| collector[kind].get(*name).is_some()), "{kind}: {list:?}");
    }
    assert_eq!(collector["exporters"]["otlp/jaeger"]["endpoint"], "jaeger:4317");
    assert!(published(&services["otel-collector"]).contains(&(4318, 4318)));
}

#[test]
fn the_dashboard_shows_what_an_operator_asks_for() {
    let dashboard: Value = serde_json::from_str(&text("deploy/grafana/dashboards/headwater.json")).unwrap();
    let uid = &yaml("deploy/grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]["uid"];
    let panels = dashboard["panels"].as_array().unwrap();
    let mut asked = String::new();
    let mut ids = std::collections::BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(&target["datasource"]["uid"], uid);
            asked.push_str(target["expr"].as_str().unwrap());
        }
    }
    for metric in [
        "headwater_records_processed_total",
        "headwater_record_latency_seconds_bucket",
        "headwater_commit_duration_seconds_bucket",
        "kafka_consumergroup_lag",
        "headwater_restore_remaining_records",
        "headwater_state_bytes",
        "outcome=\"aborted\"",
        "headwater_dead_letters_total",
    ] {
        assert!(asked.contains(metric), "{metric}");
    }
}

#[test]
fn alerts_say_what_to_do() {
    let alerts = yaml("deploy/prometheus/alerts.yml");
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    assert!(rules.len() >= 3);
    for rule in rules {
        for part in ["alert", "expr"] {
            assert!(rule[part].is_string(), "{rule}");
        }
        assert!(rule["annotations"]["description"].is_string(), "{rule}");
    }
    let rule_files = &yaml("deploy/prometheus/prometheus.yml")["rule_files"];
    assert_eq!(strings(rule_files), ["alerts.yml"]);
}

#[test]
fn workflows_run_what_a_person_runs() {
    let ci = yaml(".github/workflows/ci.yml");
    let steps = ci["jobs"]["test"]["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["run"] == ".ci/run"));
    assert_eq!(ci["jobs"]["test"]["timeout-minutes"], 90);
    assert!(yaml(".github/workflows/dependencies.yml")["jobs"].is_object());
    let script = text(".ci/run");
    assert!(script.contains("cargo xtask test"));
}

#[cfg(unix)]
#[test]
fn the_script_for_build_machines_can_be_executed() {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(root().join(".ci/run")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111);
}

/// Where the plugin is installed, Docker itself reads the file too.
#[test]
fn docker_accepts_the_compose_file_where_it_is_installed() {
    let docker = |args: &[&str]| {
        std::process::Command::new("docker").arg("compose").args(args).current_dir(root()).output().ok()
    };
    if docker(&["version"]).is_some_and(|output| output.status.success()) {
        let all = ["-f", "docker-compose.kafka.yml", "--profile", "*", "config", "--quiet"];
        let output = docker(&all).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
