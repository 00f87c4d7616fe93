//! Kafka's own console tools on the embedded broker, where `KAFKA_LIBS` names the folder of Apache Kafka's jars.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::target::Target;

fn run(libs: &str, class: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new("java")
        .args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", &format!("{libs}/*"), class])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("java can be started");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{class} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn kafkas_own_console_tools_work() {
    let Ok(libs) = std::env::var("KAFKA_LIBS") else {
        println!("KAFKA_LIBS is not set: the console tools are not tested");
        return;
    };
    let target = Target::embedded_on_disk();
    let tool = |class: &str, arguments: &[&str], input: &str| {
        let mut all = vec!["--bootstrap-server", target.bootstrap.as_str()];
        all.extend(arguments);
        let output = run(&libs, class, &all, input);
        String::from_utf8(output.stdout).unwrap()
    };
    let topics = "org.apache.kafka.tools.TopicCommand";
    tool(topics, &["--create", "--topic", "orders", "--partitions", "3"], "");
    let described = tool(topics, &["--describe", "--topic", "orders"], "");
    assert!(described.contains("PartitionCount: 3"), "{described}");
    let producer = ["--topic", "orders", "--property", "parse.key=true", "--property", "key.separator=:"];
    tool("org.apache.kafka.tools.ConsoleProducer", &producer, "o-1:placed\no-2:placed\no-1:paid\n");
    let consumer = [
        "--topic",
        "orders",
        "--from-beginning",
        "--max-messages",
        "3",
        "--timeout-ms",
        "30000",
        "--isolation-level",
        "read_committed",
        "--group",
        "readers",
    ];
    let mut lines: Vec<String> =
        tool("org.apache.kafka.tools.consumer.ConsoleConsumer", &consumer, "").lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["paid", "placed", "placed"]);
    let groups = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    let described = tool(groups, &["--describe", "--group", "readers"], "");
    assert!(described.contains("orders"), "{described}");
    tool(topics, &["--delete", "--topic", "orders"], "");
    assert!(!tool(topics, &["--list"], "").contains("orders"));
}
