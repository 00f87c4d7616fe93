//! The peer: Kafka Streams from Maven Central, in bench/kafka-streams.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::figures::{self, Figures};
use crate::work::Failure;

/// The peer's classes and libraries, built once under the target folder.
pub struct Peer {
    class_path: String,
    bootstrap: String,
}

impl Peer {
    /// Fetches Kafka Streams and compiles the peer, unless that was done before.
    pub fn build(bootstrap: &str) -> Result<Self, Failure> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("kafka-streams");
        let home = folder()?;
        let (libs, classes) = (home.join("libs"), home.join("classes"));
        if !libs.join(".complete").exists() {
            eprintln!("fetching Kafka Streams from Maven Central");
            let output = format!("-DoutputDirectory={}", libs.display());
            let pom = source.join("pom.xml").display().to_string();
            run("mvn", &["-q", "-B", "-f", &pom, "dependency:copy-dependencies", &output])?;
            std::fs::write(libs.join(".complete"), "")?;
        }
        let jars = format!("{}/*", libs.display());
        std::fs::create_dir_all(&classes)?;
        let program = source.join("src/main/java/Peer.java").display().to_string();
        run("javac", &["--release", "17", "-cp", &jars, "-d", &classes.display().to_string(), &program])?;
        Ok(Self { class_path: format!("{}:{jars}", classes.display()), bootstrap: bootstrap.to_owned() })
    }

    /// A mode of the peer, to be run.
    pub fn command(&self, properties: &[(&str, String)], arguments: &[&str]) -> Command {
        let mut command = Command::new(java());
        command.arg(format!("-Dbs={}", self.bootstrap));
        for (name, value) in properties {
            command.arg(format!("-D{name}={value}"));
        }
        command.arg("-cp").arg(&self.class_path).arg("Peer").args(arguments);
        command
    }
}

/// The JVM of JAVA_HOME, else the one that is found.
pub fn java() -> PathBuf {
    match std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()) {
        Some(home) => Path::new(&home).join("bin/java"),
        None => PathBuf::from("java"),
    }
}

/// Where the peer is built: beside this program.
fn folder() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let target = own.parent().and_then(Path::parent).ok_or("this program lies in no target folder")?;
    let home = target.join("bench-peer");
    std::fs::create_dir_all(home.join("libs"))?;
    Ok(home)
}

fn run(program: &str, arguments: &[&str]) -> Result<(), Failure> {
    let status = Command::new(program)
        .args(arguments)
        .status()
        .map_err(|error| format!("{program} can't be run ({error}): run `cargo xtask setup`"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} {} ended with {status}", arguments.join(" ")).into()) }
}

/// Runs a measured process to its end; it must succeed and print figures.
pub fn read(mut command: Command, what: &str) -> Result<Figures, Failure> {
    let output = command.output().map_err(|error| format!("{what} can't be run: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let found = figures::parse(&printed);
    if !output.status.success() || found.is_empty() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = errors.lines().rev().take(15).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        return Err(format!("{what} ended with {}: {printed}\n{}", output.status, last.join("\n")).into());
    }
    Ok(found)
}
