//! A long run of small records: memory must stay flat.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use headwater_runtime::Stop;

use super::feed::Feed;
use super::samples::Samples;
use super::{Arguments, Failure, SEEN, now, pause, start, topologies};
use crate::figures::{cpu_seconds, rss_peak_mib};
use crate::session::delete_topics;

/// The generator is so far ahead at most: what librdkafka fetches ahead is always there.
const AHEAD_RECORDS: u64 = 1_000_000;
/// The log keeps little of what has been read, so that the disk does not bound the run.
const RETENTION: [(&str, &str); 2] = [("retention.bytes", "67108864"), ("segment.bytes", "33554432")];
/// Less growth than this from the second to the last tenth is none.
const FLAT_PERCENT: f64 = 10.0;

pub fn run(arguments: &Arguments, state: PathBuf) -> Result<(), Failure> {
    topologies::create(&arguments.bootstrap, &arguments.topic, arguments.partitions, &RETENTION)?;
    let ran = count(arguments, state);
    delete_topics(&arguments.bootstrap, |name| arguments.owns(name))?;
    let (first, last) = ran?;
    let growth = (last - first) * 100.0 / first;
    let verdict = if growth < FLAT_PERCENT { "flat" } else { "it grows" };
    println!("rss_second_tenth_mb={first:.1} rss_last_tenth_mb={last:.1} growth_percent={growth:.1}");
    println!("verdict: {verdict}");
    if growth < FLAT_PERCENT { Ok(()) } else { Err(format!("memory grew by {growth:.1} %").into()) }
}

/// The memory of the second and of the last tenth.
fn count(arguments: &Arguments, state: PathBuf) -> Result<(f64, f64), Failure> {
    let counting = topologies::count(&arguments.topic, &arguments.application)?;
    let (application, _calls, _metrics) = start(arguments, state, vec![counting])?;
    let mut feed = Feed::start(arguments)?;
    let (began, cpu_before) = (now(), cpu_seconds());
    let mut samples = Samples::begin();
    loop {
        let seen = SEEN.load(Ordering::Relaxed);
        samples.tick();
        if seen >= arguments.n {
            break;
        }
        feed.allow(seen + AHEAD_RECORDS)?;
        if let Some(why) = application.failed() {
            return Err(why.into());
        }
        pause(Duration::from_millis(50));
    }
    let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu_before);
    drop(feed);
    application.stop(Stop::Leave)?;
    let n = arguments.n as f64;
    println!(
        "n={} wall_s={wall:.1} per_s={:.0} cpu_us_per_record={:.3} rss_peak_mb={:.0}",
        arguments.n,
        n / wall,
        cpu * 1e6 / n,
        rss_peak_mib()
    );
    if let Some(path) = &arguments.samples {
        samples.write(path)?;
    }
    let tenth = |number| samples.mean_of_tenth(number, arguments.n).ok_or("too few records to see ten tenths of it");
    Ok((tenth(1)?, tenth(9)?))
}
