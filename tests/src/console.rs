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
        self.try_run(class, arguments, input).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, where the tool may fail.
    ///
    /// # Errors
    /// What it printed.
    pub fn try_run(&self, class: &str, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut command = self.command(&["-Xmx256m"]);
        command.arg(class).args(arguments);
        try_run(command, input)
    }

    /// Java with the jars and these options; the class comes next.
    #[must_use]
    pub fn command(&self, options: &[&str]) -> Command {
        let mut command = Command::new("java");
        command.args(["-XX:TieredStopAtLevel=1", "-cp", &format!("{}/*", self.libs)]).args(options);
        if let Some(logging) = &self.logging {
            command.arg(format!("-Dlog4j2.configurationFile={logging}"));
        }
        command
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
    Some(try_run(command, input).unwrap_or_else(|error| panic!("{error}")))
}

fn try_run(mut command: Command, input: &str) -> Result<String, String> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap_or_else(|error| {
            panic!("{command:?}: {error}");
        });
    let mut stdin = child.stdin.take().unwrap();
    let text = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _closed_early = writer.join().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{command:?}: {}{}", text(&output.stdout), text(&output.stderr)))
}
