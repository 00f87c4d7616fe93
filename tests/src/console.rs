//! Kafka's own console tools, and kcat.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::platform::needed;

/// Kafka's tools from its jars.
#[derive(Debug, Clone)]
pub struct KafkaTools {
    libs: String,
    logging: Option<String>,
}

impl KafkaTools {
    /// The jars that the environment names; None, said aloud, when it names none.
    #[must_use]
    pub fn find(scenario: &str) -> Option<Self> {
        let libs = needed(scenario, "HEADWATER_TEST_KAFKA_LIBS")?;
        Some(Self { libs, logging: std::env::var("HEADWATER_TEST_KAFKA_LOGGING").ok() })
    }

    /// Runs a tool to its end with text on standard input, and gives its standard output.
    #[must_use]
    pub fn run(&self, class: &str, arguments: &[&str], input: &str) -> String {
        let mut command = Command::new("java");
        command.args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", &format!("{}/*", self.libs)]);
        if let Some(logging) = &self.logging {
            command.arg(format!("-Dlog4j2.configurationFile={logging}"));
        }
        command.arg(class).args(arguments);
        run(command, input)
    }
}

/// Runs kcat; None, said aloud, when it is not installed.
#[must_use]
pub fn kcat(arguments: &[&str], input: &str) -> Option<String> {
    let installed = Command::new("kcat").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if installed.is_err() {
        eprintln!("kcat is not installed: its part is skipped; apt install kcat");
        return None;
    }
    let mut command = Command::new("kcat");
    command.args(arguments);
    Some(run(command, input))
}

fn run(mut command: Command, input: &str) -> String {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap_or_else(|error| {
            panic!("{command:?}: {error}");
        });
    let mut stdin = child.stdin.take().unwrap();
    let text = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _closed_early = writer.join().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
