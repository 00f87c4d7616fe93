//! Just enough HTTP to ask a local service whether it serves.

use std::io::{Read, Write};

use crate::failure::{Failure, Result};
use crate::net;

const HEAD_BYTES_MAX: u64 = 4096;

/// The port and path of an `http://` address on this machine.
pub fn local_address(url: &str) -> Result<(u16, String)> {
    let wrong = || Failure::usage(format!("`{url}` is no address like http://127.0.0.1:8080/health"));
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let (host, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let port = host
        .strip_prefix("127.0.0.1:")
        .or_else(|| host.strip_prefix("localhost:"))
        .and_then(|port| port.parse().ok())
        .ok_or_else(wrong)?;
    Ok((port, path.to_owned()))
}

/// The status of `GET path` on a loopback port; none when nobody answers in HTTP.
pub fn get_status(port: u16, path: &str) -> Option<u16> {
    let mut stream = net::connect(port).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut head = Vec::new();
    // The answer may be cut short by the limit or the peer: only its first line counts.
    let _ = stream.take(HEAD_BYTES_MAX).read_to_end(&mut head);
    status_of(&head)
}

fn status_of(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{local_address, status_of};

    #[test]
    fn a_status_line_is_read_and_anything_else_is_not() {
        assert_eq!(status_of(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"), Some(200));
        assert_eq!(status_of(b"HTTP/1.0 503\r\n"), Some(503));
        assert_eq!(status_of(b"SSH-2.0\r\n"), None);
        assert_eq!(status_of(b""), None);
    }

    #[test]
    fn only_addresses_on_this_machine_are_taken() {
        assert_eq!(local_address("http://localhost:81/a?b").unwrap(), (81, "/a?b".into()));
        assert_eq!(local_address("http://127.0.0.1:81").unwrap(), (81, "/".into()));
        for wrong in ["https://localhost:1/", "http://example.org/", "localhost:1"] {
            assert_eq!(local_address(wrong).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }
}
