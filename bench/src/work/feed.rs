//! A generator of records in a process of its own, never further ahead of its reader than it is told.

use std::io::{BufRead as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::{Arguments, Failure};
use crate::produce::send_or_wait;

/// Steps over the keys: a prime, so that all are named before one comes again.
const STRIDE: u64 = 1_000_003;

/// Sends up to `n` records in all; each line of standard input is the number that may have been sent by now.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &arguments.bootstrap)
        .set("linger.ms", "20")
        .set("batch.num.messages", "100000")
        .set("queue.buffering.max.messages", "500000")
        .set("partitioner", "murmur2_random")
        .create()?;
    let mut random = SplitMix(42);
    let mut value = vec![0_u8; usize::try_from(arguments.value_bytes)?];
    let mut sent = 0;
    for line in std::io::stdin().lock().lines() {
        let allowed: u64 = line?.trim().parse()?;
        while sent < allowed.min(arguments.n) {
            // Each key once, in no order, and then at random.
            let number = if sent < arguments.keys { sent.wrapping_mul(STRIDE) } else { random.next() };
            let key = (number % arguments.keys).to_be_bytes();
            for piece in value.chunks_mut(8) {
                piece.copy_from_slice(&random.next().to_be_bytes()[..piece.len()]);
            }
            let length = value.len() - usize::try_from(random.next() % (arguments.value_bytes / 2 + 1))?;
            send_or_wait(&producer, BaseRecord::to(&arguments.topic).key(&key).payload(&value[..length]));
            sent += 1;
            if sent % 1_024 == 0 {
                producer.poll(Duration::ZERO);
            }
        }
    }
    producer.flush(Duration::from_secs(60))?;
    println!("fed={sent}");
    Ok(())
}

/// Random enough for keys, and the same in every run.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The generator as a child of whoever reads what it sends.
pub struct Feed {
    child: Child,
    allowance: Option<ChildStdin>,
}

impl Feed {
    pub fn start(arguments: &Arguments) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["work", "feed", &arguments.topic, &arguments.application])
            .args(["--n", &arguments.n.to_string(), "--keys", &arguments.keys.to_string()])
            .args(["--value-bytes", &arguments.value_bytes.to_string()])
            .args(["--bootstrap", &arguments.bootstrap])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let allowance = child.stdin.take();
        Ok(Self { child, allowance })
    }

    /// So many records may have been sent by now.
    pub fn allow(&mut self, records: u64) -> Result<(), Failure> {
        let allowance = self.allowance.as_mut().ok_or("the generator has been told to end")?;
        writeln!(allowance, "{records}").map_err(|error| format!("the generator is gone: {error}").into())
    }

    /// Waits until all that is allowed has been sent.
    pub fn finish(mut self) -> Result<(), Failure> {
        drop(self.allowance.take());
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the generator ended with {status}").into()) }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        // Ours to end: it would wait for its next line.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
