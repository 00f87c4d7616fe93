//! The sweeps, as data.

use super::axis::Scale;
use crate::job::{Job, Side, Work};

/// Sizes that the points of a sweep share.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Records that are counted, mapped or kept.
    pub records: u64,
    /// Keys over which the stores' sweep spreads them.
    pub keys: u64,
    /// Seconds of a chain's load, and of its warm-up.
    pub seconds: u64,
    pub warm_up_seconds: u64,
}

impl Size {
    pub const FULL: Self = Self { records: 3_000_000, keys: 500_000, seconds: 15, warm_up_seconds: 5 };
    pub const QUICK: Self = Self { records: 400_000, keys: 100_000, seconds: 4, warm_up_seconds: 3 };

    const fn of(&self, work: Work) -> Job {
        let Self { records, seconds, warm_up_seconds, .. } = *self;
        Job { records, seconds, warm_up_seconds, ..Job::new(work) }
    }
}

/// A figure drawn over the sweep's size.
pub struct Panel {
    /// Its name in what processes print.
    pub figure: &'static str,
    /// What it is, with its unit.
    pub words: &'static str,
    pub scale: Scale,
}

pub struct Sweep {
    /// On the command line, of its files, and between its marks in RESULTS.md.
    pub name: &'static str,
    pub title: &'static str,
    /// The size that changes, with its unit.
    pub x: &'static str,
    pub x_scale: Scale,
    pub panels: &'static [Panel],
    pub sides: &'static [Side],
    points: &'static [u64],
    quick_points: &'static [u64],
    /// The work of a point.
    pub job: fn(u64, &Size) -> Job,
}

impl Sweep {
    pub const fn points(&self, quick: bool) -> &'static [u64] {
        if quick { self.quick_points } else { self.points }
    }
}

const BOTH: &[Side] = &[Side::Headwater, Side::KafkaStreams];
const FUSED_AND_NOT: &[Side] = &[Side::Headwater, Side::NotFused, Side::KafkaStreams];

const RATE: Panel = Panel { figure: "per_s", words: "records a second", scale: Scale::Linear };
const CPU: Panel = Panel { figure: "cpu_us_per_record", words: "CPU µs a record", scale: Scale::Log };
const P50: Panel = Panel { figure: "p50_ms", words: "p50 ms", scale: Scale::Log };
const P99: Panel = Panel { figure: "p99_ms", words: "p99 ms", scale: Scale::Log };

/// The works of the sweep over guarantees, in the order of its points.
const GUARANTEED: &[&str] = &["map", "count", "table"];

pub const SWEEPS: [Sweep; 8] = [
    Sweep {
        name: "keys",
        title: "Throughput and CPU of a count, by number of keys",
        x: "keys",
        x_scale: Scale::Log,
        panels: &[RATE, CPU],
        sides: BOTH,
        points: &[1_000, 10_000, 100_000, 1_000_000, 3_000_000],
        quick_points: &[1_000, 20_000, 400_000],
        job: |keys, size| Job { keys, ..size.of(Work::Count) },
    },
    Sweep {
        name: "load",
        title: "Latency of a chain of 4, by offered load (open loop)",
        x: "records offered a second",
        x_scale: Scale::Log,
        panels: &[P50, P99],
        sides: FUSED_AND_NOT,
        points: &[250, 1_000, 4_000, 8_000, 16_000, 32_000],
        quick_points: &[500, 2_000, 8_000],
        job: |rate, size| Job { rate, ..size.of(Work::Chain) },
    },
    Sweep {
        name: "restore",
        title: "A restore from nothing, by size of the state",
        x: "keys, with values of 100 bytes",
        x_scale: Scale::Log,
        panels: &[
            Panel { figure: "restore_s", words: "seconds", scale: Scale::Log },
            Panel { figure: "restore_cpu_us", words: "CPU µs a record", scale: Scale::Log },
        ],
        sides: BOTH,
        points: &[100_000, 300_000, 1_000_000, 3_000_000],
        quick_points: &[50_000, 300_000, 1_000_000],
        // So many random draws of the keys name 95 % of them.
        job: |keys, size| Job { keys, records: keys * 3, ..size.of(Work::TableAndRestore) },
    },
    Sweep {
        name: "stores",
        title: "Peak memory, by number of stores that share the same keys",
        x: "stores",
        x_scale: Scale::Linear,
        panels: &[Panel { figure: "rss_peak_mb", words: "peak memory MiB", scale: Scale::Linear }],
        sides: BOTH,
        points: &[1, 2, 4, 8, 12],
        quick_points: &[1, 4, 12],
        job: |stores, size| Job { stores, keys: size.keys, ..size.of(Work::Stores) },
    },
    Sweep {
        name: "guarantee",
        title: "The cost of exactly once beside at least once",
        x: "work",
        x_scale: Scale::Words(GUARANTEED),
        panels: &[RATE, CPU],
        sides: &[Side::Headwater, Side::Bare, Side::KafkaStreams, Side::KafkaStreamsAtLeastOnce],
        points: &[0, 1, 2],
        quick_points: &[0, 1, 2],
        job: |work, size| match work {
            0 => size.of(Work::Map),
            1 => size.of(Work::Count),
            _ => Job { keys: size.keys, ..size.of(Work::Table) },
        },
    },
    Sweep {
        name: "partitions",
        title: "A count by two workers, by number of partitions",
        x: "partitions",
        x_scale: Scale::Log,
        panels: &[RATE, CPU],
        sides: BOTH,
        points: &[2, 4, 8, 16, 32],
        quick_points: &[2, 8, 32],
        job: |partitions, size| Job { partitions, ..size.of(Work::Count) },
    },
    Sweep {
        name: "workers",
        title: "A count over 8 partitions, by number of workers (threads)",
        x: "workers",
        x_scale: Scale::Linear,
        panels: &[RATE, CPU],
        sides: BOTH,
        points: &[1, 2, 4, 8],
        quick_points: &[1, 2, 4],
        job: |workers, size| Job { workers, partitions: 8, ..size.of(Work::Count) },
    },
    Sweep {
        name: "hops",
        title: "A chain at 1,000 records a second, by number of services in it",
        x: "services in a row",
        x_scale: Scale::Linear,
        panels: &[P50, CPU],
        sides: FUSED_AND_NOT,
        points: &[1, 2, 4, 6, 8],
        quick_points: &[1, 4, 8],
        job: |hops, size| Job { hops, ..size.of(Work::Chain) },
    },
];
