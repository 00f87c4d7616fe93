//! One Metadata request, to know that a broker serves and not only listens.

use std::io::{Read, Write};

use crate::net;

const METADATA: i16 = 3;
/// The first version whose answer to "no topics" is short; every broker since 0.11 has it.
const VERSION: i16 = 4;
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Whether the broker on the port lists itself as alive.
pub fn serves(port: u16) -> bool {
    ask(port).is_some_and(|answer| lists_port(&answer, port))
}

fn ask(port: u16) -> Option<Vec<u8>> {
    let mut stream = net::connect(port).ok()?;
    stream.write_all(&request()).ok()?;
    let mut size = [0; 4];
    stream.read_exact(&mut size).ok()?;
    let size = usize::try_from(i32::from_be_bytes(size)).ok()?;
    if size > ANSWER_BYTES_MAX {
        return None;
    }
    let mut answer = vec![0; size];
    stream.read_exact(&mut answer).ok()?;
    Some(answer)
}

fn request() -> Vec<u8> {
    let client = b"xtask";
    let mut body = Vec::new();
    body.extend(METADATA.to_be_bytes());
    body.extend(VERSION.to_be_bytes());
    body.extend(1_i32.to_be_bytes()); // correlation id
    body.extend(5_i16.to_be_bytes());
    body.extend(client);
    body.extend(0_i32.to_be_bytes()); // no topics
    body.push(0); // create none
    let size = i32::try_from(body.len()).unwrap_or(0);
    let mut framed = size.to_be_bytes().to_vec();
    framed.extend(body);
    framed
}

/// Whether the answer lists a broker at the port: correlation id, throttle time, then the brokers.
fn lists_port(answer: &[u8], port: u16) -> bool {
    let mut rest = Reader(answer);
    let listed = (|| {
        rest.int()?;
        rest.int()?;
        let brokers = rest.int()?;
        for _ in 0..brokers {
            rest.int()?;
            rest.string()?;
            if rest.int()? == i32::from(port) {
                return Some(());
            }
            rest.string()?;
        }
        None
    })();
    listed.is_some()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn int(&mut self) -> Option<i32> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i32::from_be_bytes(*bytes))
    }

    /// Skips a nullable string.
    fn string(&mut self) -> Option<()> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        let length = i16::from_be_bytes(*bytes).max(0);
        self.0 = rest.get(usize::try_from(length).ok()?..)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::lists_port;

    fn answer(ports: &[i32]) -> Vec<u8> {
        let mut bytes = vec![0; 8];
        bytes.extend(i32::try_from(ports.len()).unwrap_or(0).to_be_bytes());
        for port in ports {
            bytes.extend([0, 0, 0, 1, 0, 1, b'h']);
            bytes.extend(port.to_be_bytes());
            bytes.extend((-1_i16).to_be_bytes());
        }
        bytes
    }

    #[test]
    fn a_broker_serves_when_it_lists_its_own_port() {
        assert!(lists_port(&answer(&[9092]), 9092));
        assert!(lists_port(&answer(&[1, 9092]), 9092));
        assert!(!lists_port(&answer(&[9093]), 9092));
        assert!(!lists_port(&answer(&[]), 9092));
    }

    #[test]
    fn a_cut_answer_is_no_answer() {
        let whole = answer(&[9092]);
        for length in 0..whole.len() - 2 {
            assert!(!lists_port(&whole[..length], 9092), "{length}");
        }
    }
}
