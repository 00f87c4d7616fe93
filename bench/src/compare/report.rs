use std::fmt::Write as _;
use std::path::Path;

use super::Row;
use crate::work::Failure;

/// A figure, and whether more of it is better.
const FIGURES: [(&str, &str, bool); 8] = [
    ("per_s", "records/s", true),
    ("cpu_us_per_record", "CPU µs a record", false),
    ("restore_per_s", "records/s restored", true),
    ("restore_cpu_us", "CPU µs a record restored", false),
    ("recover_s", "s from kill -9 to the first record", false),
    ("p50_ms", "p50 ms", false),
    ("p99_ms", "p99 ms", false),
    ("rss_peak_mb", "peak memory MiB", false),
];

/// The table of medians and ratios.
pub fn markdown(rows: &[Row], runs: usize) -> String {
    let mut text =
        format!("| work | figure | Kafka Streams | Headwater | ratio (medians of {runs}) |\n|---|---|---|---|---|\n");
    for row in rows {
        for (name, words, more_is_better) in FIGURES {
            let steady_load = row.work.starts_with("chain") && name == "per_s";
            let (Some(peer), Some(own)) = (Row::figure(&row.peer, name), Row::figure(&row.own, name)) else { continue };
            if steady_load {
                continue;
            }
            let ratio = if more_is_better { own / peer } else { peer / own };
            let word = if more_is_better { "times as many" } else { "times less" };
            let _infallible =
                writeln!(text, "| {} | {words} | {} | {} | {ratio:.1} {word} |", row.work, number(peer), number(own));
        }
    }
    text
}

fn number(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// Replaces the table between the marks, and leaves the words around it.
pub fn write(path: &Path, table: &str) -> Result<(), Failure> {
    const BEGIN: &str = "<!-- measured: begin -->";
    const END: &str = "<!-- measured: end -->";
    let old = std::fs::read_to_string(path)?;
    let (Some(begin), Some(end)) = (old.find(BEGIN), old.find(END)) else {
        return Err(format!("{} has no marks {BEGIN} and {END}", path.display()).into());
    };
    let machine = machine();
    let new = format!("{}\n{machine}\n\n{table}{}", &old[..begin + BEGIN.len()], &old[end..]);
    std::fs::write(path, new)?;
    Ok(())
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(':').nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: f64 = memory.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or_default();
    format!(
        "Machine: {cores} cores ({}), {:.0} GiB; broker on the same cores.",
        model.unwrap_or("unknown").trim(),
        kib / 1048576.0
    )
}
