//! The `headwater` binary as a process under test.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::deadline::wait_for;
use crate::platform::Platform;

/// Where `headwater dev` listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    pub kafka: u16,
    pub registry: u16,
    pub http: u16,
}

impl Ports {
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.kafka)
    }

    #[must_use]
    pub fn registry_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.registry)
    }

    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.http)
    }
}

/// Where one instance of an application lives; the same after a restart.
#[derive(Debug, Clone)]
pub struct Place {
    pub name: String,
    pub state_dir: PathBuf,
    pub http_port: u16,
}

impl Place {
    /// An instance with its stores in a folder of its name.
    #[must_use]
    pub fn new(name: &str, folder: &Path) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let http_port = free.local_addr().unwrap().port();
        Self { name: name.to_owned(), state_dir: folder.join(format!("state-{name}")), http_port }
    }

    /// Where its HTTP API is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.http_port)
    }
}

/// The binary that HEADWATER_TEST_BIN names, else the one beside this test's own: one build makes both.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("HEADWATER_TEST_BIN") {
        return named.into();
    }
    let own = std::env::current_exe().unwrap();
    let mut folder = own.parent().unwrap();
    if folder.ends_with("deps") {
        folder = folder.parent().unwrap();
    }
    let path = folder.join("headwater");
    assert!(path.exists(), "{} is not built: run cargo build --bin headwater first", path.display());
    path
}

/// A running process; killed when dropped.
pub struct Headwater {
    child: Child,
    log: PathBuf,
}

impl Headwater {
    /// Starts `headwater` with arguments and environment; its output goes to a file.
    #[must_use]
    pub fn start(arguments: &[&str], environment: &[(&str, &str)], log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).unwrap();
        let child = Command::new(binary())
            .args(arguments)
            .env("RUST_LOG", std::env::var("HEADWATER_TEST_LOG").unwrap_or_else(|_| "info".to_owned()))
            .env_remove("KAFKA_BOOTSTRAP_SERVERS")
            .env_remove("SCHEMA_REGISTRY_URL")
            .env_remove("KAFKA_TOPIC_PREFIX")
            .env_remove("MESSAGE_BROKER")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        Self { child, log: log.to_owned() }
    }

    /// `headwater dev` on free ports (or those given) over a data folder; returns once it serves.
    #[must_use]
    pub fn dev(data: &Path, ports: Option<&Ports>, extra: &[&str], log: &Path) -> (Self, Ports) {
        let mut process = Self::start_dev(data, ports, extra, log);
        let ports = wait_for("headwater dev writes its ports", Duration::from_secs(60), || {
            process.check()?;
            read_ports(&data.join("ports.json"))
        });
        process.wait_healthy(&ports.url("/health"), Duration::from_secs(120));
        (process, ports)
    }

    /// The same, without waiting for anything.
    #[must_use]
    pub fn start_dev(data: &Path, ports: Option<&Ports>, extra: &[&str], log: &Path) -> Self {
        let _stale = std::fs::remove_file(data.join("ports.json"));
        let port = |of: fn(&Ports) -> u16| ports.map_or(0, of).to_string();
        let (kafka, registry, http) = (port(|p| p.kafka), port(|p| p.registry), port(|p| p.http));
        let folder = data.to_string_lossy().into_owned();
        let mut arguments = vec![
            "dev",
            "--data-dir",
            &folder,
            "--kafka-port",
            &kafka,
            "--registry-port",
            &registry,
            "--http-port",
            &http,
        ];
        arguments.extend_from_slice(extra);
        Self::start(&arguments, &[], log)
    }

    /// `headwater run --all` as one instance of a platform's application; it may not serve yet.
    #[must_use]
    pub fn run_all(platform: &Platform, instance: &Place, extra: &[&str], log: &Path) -> Self {
        let (port, state) = (instance.http_port.to_string(), instance.state_dir.to_string_lossy().into_owned());
        let mut arguments = vec![
            "run",
            "--all",
            "-b",
            &platform.bootstrap,
            "--registry",
            &platform.registry_url,
            "--topic-prefix",
            &platform.prefix,
            "--application",
            &platform.application,
            "--instance",
            &instance.name,
            "--state-dir",
            &state,
            "--http-port",
            &port,
        ];
        arguments.extend_from_slice(extra);
        Self::start(&arguments, &[], log)
    }

    /// Waits until a health address answers 200.
    pub fn wait_healthy(&mut self, url: &str, within: Duration) {
        let http = reqwest::blocking::Client::new();
        wait_for(url, within, || {
            self.check()?;
            let answer = http.get(url).timeout(Duration::from_secs(5)).send().map_err(|e| e.to_string())?;
            if answer.status().is_success() { Ok(()) } else { Err(format!("status {}", answer.status())) }
        });
    }

    /// Panics, with the end of its log, when it has ended.
    ///
    /// # Errors
    /// None; so that it fits into a condition that is waited for.
    pub fn check(&mut self) -> Result<(), String> {
        if let Some(status) = self.child.try_wait().unwrap() {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            let tail: Vec<&str> = text.lines().rev().take(30).collect();
            panic!("headwater ended with {status}:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        Ok(())
    }

    /// The process's id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Sends a signal by name.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Sends a signal by name and waits for a clean end.
    pub fn signal_and_wait(mut self, signal: &str, within: Duration) {
        self.signal(signal);
        let status = wait_for("headwater ends", within, || {
            self.child.try_wait().unwrap().ok_or_else(|| "still running".to_owned())
        });
        assert!(status.success(), "headwater ended with {status} after {signal}");
    }

    /// What it has printed so far.
    #[must_use]
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Headwater {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn read_ports(path: &Path) -> Result<Ports, String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let ports: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let port =
        |name: &str| ports[name].as_u64().and_then(|p| u16::try_from(p).ok()).ok_or(format!("no {name} in {text}"));
    Ok(Ports { kafka: port("kafka")?, registry: port("registry")?, http: port("http")? })
}

/// Runs `headwater` to its end with something on standard input: status code and output.
#[must_use]
pub fn run(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> (i32, String, String) {
    let mut child = Command::new(binary())
        .args(arguments)
        .env_remove("KAFKA_BOOTSTRAP_SERVERS")
        .env_remove("SCHEMA_REGISTRY_URL")
        .env_remove("KAFKA_TOPIC_PREFIX")
        .env_remove("MESSAGE_BROKER")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _closed_early = writer.join().unwrap();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// A PlaceOrder of one line, as people type it.
#[must_use]
pub fn place_order(order: &str, sku: &str, quantity: i64) -> String {
    json!({
        "type": "PlaceOrder", "order_id": order, "customer_id": "c-1", "currency": "GBP",
        "items": [{"sku": sku, "quantity": quantity, "unit_price_minor": 339}]
    })
    .to_string()
}

/// A ReceiveStock, as people type it.
#[must_use]
pub fn receive_stock(sku: &str, quantity: i64) -> String {
    json!({"type": "ReceiveStock", "sku": sku, "quantity": quantity}).to_string()
}
