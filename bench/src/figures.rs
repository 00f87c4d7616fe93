//! What a process says of itself, and the `name=value` lines in which both sides print it.

use std::collections::BTreeMap;

use rustix::time::{ClockId, clock_gettime};

/// Figures by name, as printed.
pub type Figures = BTreeMap<String, f64>;

/// CPU seconds of this process, all threads, user and system: what getrusage adds up, to the nanosecond.
pub fn cpu_seconds() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// CPU seconds of another process.
pub fn cpu_seconds_of(process: u32) -> f64 {
    // Counted in ticks, of which Linux has 100 a second for user space.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// The largest memory this process ever had, in MiB.
pub fn rss_peak_mib() -> f64 {
    rss_peak_mib_of("self")
}

/// The same of a process by its id.
pub fn rss_peak_mib_of(process: &str) -> f64 {
    memory_mib(process, "VmHWM")
}

/// A line of a process's /proc/PID/status, in MiB: `VmRSS`, `RssAnon`, `RssFile`.
pub fn memory_mib(process: &str, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.split(':').next() == Some(name)).unwrap_or_default();
    let kib: f64 = line.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap_or_default();
    kib / 1024.0
}

/// Takes `name=value` pairs out of printed lines; the last of a name wins.
pub fn parse(printed: &str) -> Figures {
    let pairs = printed.split_whitespace().filter_map(|word| word.split_once('='));
    pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect()
}

/// The middle of some values; NaN of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}
