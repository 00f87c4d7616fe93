//! What a process says of itself, and the `name=value` lines in which both sides print it.

use std::collections::BTreeMap;

/// Figures by name, as printed.
pub type Figures = BTreeMap<String, f64>;

/// CPU seconds of this process, all threads, user and system.
pub fn cpu_seconds() -> f64 {
    // /proc/self/stat counts in ticks, of which Linux has 100 a second for user space.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

/// The largest memory this process ever had, in MiB.
pub fn rss_peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
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
