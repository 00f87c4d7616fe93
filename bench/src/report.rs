//! Tables of RESULTS.md, written between marks so that the words around them stay.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::compare::Row;
use crate::peer;
use crate::work::Failure;

/// A figure, and whether more of it is better.
const FIGURES: [(&str, &str, bool); 10] = [
    ("per_s", "records/s", true),
    ("cpu_us_per_record", "CPU µs a record", false),
    ("restore_per_s", "records/s restored", true),
    ("restore_cpu_us", "CPU µs a record restored", false),
    ("restore_rss_peak_mb", "peak memory MiB", false),
    ("recover_s", "s from kill -9 to the first record", false),
    ("p50_ms", "p50 ms", false),
    ("p99_ms", "p99 ms", false),
    ("held_per_s", "records/s with p99 below 1 s", true),
    ("rss_peak_mb", "peak memory MiB", false),
];

/// The table of medians and ratios.
pub fn comparison(rows: &[Row]) -> String {
    let mut text =
        "| work | figure | Kafka Streams | Headwater | ratio | medians of |\n|---|---|---|---|---|---|\n".to_owned();
    for row in rows {
        for (name, words, more_is_better) in FIGURES {
            let (Some(peer), Some(own)) = (Row::figure(&row.peer, name), Row::figure(&row.own, name)) else { continue };
            let ratio = ratio(peer, own, more_is_better);
            let (work, runs) = (&row.work, row.own.len());
            let (peer, own) = (number(peer), number(own));
            let _infallible = writeln!(text, "| {work} | {words} | {peer} | {own} | {ratio} | {runs} |");
        }
    }
    text
}

/// How much better ours is. Beside nothing there is no ratio.
fn ratio(peer: f64, own: f64, more_is_better: bool) -> String {
    let (ratio, words) = if more_is_better { (own / peer, "times as many") } else { (peer / own, "times less") };
    if ratio.is_finite() { format!("{ratio:.1} {words}") } else { "–".to_owned() }
}

/// A figure with as many digits as it is worth.
pub fn number(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// The folder that this benchmark's results lie in.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Replaces what stands between a name's marks in RESULTS.md.
pub fn write(name: &str, text: &str) -> Result<(), Failure> {
    let path = folder().join("RESULTS.md");
    let old = std::fs::read_to_string(&path)?;
    let new = replaced(&old, name, text).ok_or_else(|| {
        format!(
            "{} has no marks `<!-- {name}: begin -->` and `<!-- {name}: end -->`: put them where the table is to stand",
            path.display()
        )
    })?;
    std::fs::write(&path, new)?;
    Ok(())
}

fn replaced(old: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name}: begin -->"), format!("<!-- {name}: end -->"));
    let from = old.find(&begin)? + begin.len();
    let to = from + old[from..].find(&end)?;
    Some(format!("{}\n{}\n{}", &old[..from], text.trim_end(), &old[to..]))
}

/// What was measured on.
pub fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(':').nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: f64 = memory.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or_default();
    format!(
        "Machine: {cores} cores ({}), {:.0} GiB; broker on the same cores; Kafka Streams on {}.",
        model.unwrap_or("unknown").trim(),
        kib / 1048576.0,
        java()
    )
}

fn java() -> String {
    let said = Command::new(peer::java()).arg("-version").output().map(|output| output.stderr).unwrap_or_default();
    String::from_utf8_lossy(&said).lines().nth(1).unwrap_or("an unknown JVM").trim().to_owned()
}

#[cfg(test)]
mod tests;
