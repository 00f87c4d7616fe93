use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::admin::Admin;
use crate::clock::Deadline;
use crate::native::error_of_code;
use crate::{ConnectionSettings, Error, ErrorKind};

/// LeaveGroup (KIP-345), version 3: the first that names static members, the last without tagged fields.
const LEAVE_GROUP_KEY: i16 = 13;
const LEAVE_GROUP_VERSION: i16 = 3;
const CORRELATION_ID: i32 = 1;

/// Takes static members out of a group for good, so that their partitions move at once instead of after the session
/// time-out. Call it after the consumers were closed. Members that are not there (any more) are no error.
///
/// librdkafka has no call for it, so one request is written here by hand. That works on PLAINTEXT listeners only.
///
/// # Errors
/// [`ErrorKind::Refused`] on TLS or SASL connections: there the partitions move when the session times out, so keep
/// `session.timeout.ms` short where workers are scaled in often, or remove the members with
/// `kafka-consumer-groups.sh --delete-members` of your Kafka. Otherwise by kind.
pub fn leave_group(
    connection: &ConnectionSettings,
    group: &str,
    instances: &[&str],
    deadline: Duration,
) -> Result<(), Error> {
    if instances.is_empty() {
        return Ok(());
    }
    if !connection.is_plaintext() {
        return Err(Error::new(
            ErrorKind::Refused,
            format!(
                "static members of group {group} cannot leave over {}: their partitions move when the session times out",
                connection.property("security.protocol").unwrap_or("this connection")
            ),
        ));
    }
    let deadline = Deadline::after(deadline);
    let admin = Admin::new(connection, deadline.left())?;
    let coordinator = admin
        .describe_group(group)?
        .coordinator
        .ok_or_else(|| Error::new(ErrorKind::Unavailable, format!("group {group} has no coordinator yet")))?;
    let answer =
        exchange(&coordinator.host, coordinator.port, &request(group, instances), deadline).map_err(|error| {
            let kind = if error.kind() == std::io::ErrorKind::WouldBlock || error.kind() == std::io::ErrorKind::TimedOut
            {
                ErrorKind::TimedOut
            } else {
                ErrorKind::Unavailable
            };
            Error::new(kind, format!("coordinator {}:{} of group {group}: {error}", coordinator.host, coordinator.port))
        })?;
    read_answer(&answer).map_err(|error| error.context(format!("members of group {group} cannot leave")))
}

fn request(group: &str, instances: &[&str]) -> Vec<u8> {
    let mut body = Vec::with_capacity(64);
    body.extend(LEAVE_GROUP_KEY.to_be_bytes());
    body.extend(LEAVE_GROUP_VERSION.to_be_bytes());
    body.extend(CORRELATION_ID.to_be_bytes());
    put_text(&mut body, "headwater");
    put_text(&mut body, group);
    body.extend(i32::try_from(instances.len()).unwrap_or(i32::MAX).to_be_bytes());
    for instance in instances {
        put_text(&mut body, "");
        put_text(&mut body, instance);
    }
    let mut frame = i32::try_from(body.len()).unwrap_or(i32::MAX).to_be_bytes().to_vec();
    frame.append(&mut body);
    frame
}

fn put_text(frame: &mut Vec<u8>, text: &str) {
    frame.extend(i16::try_from(text.len()).unwrap_or(i16::MAX).to_be_bytes());
    frame.extend(text.as_bytes());
}

fn exchange(host: &str, port: u16, frame: &[u8], deadline: Deadline) -> std::io::Result<Vec<u8>> {
    const ANSWER_BYTES_MAX: usize = 1024 * 1024;
    let left = || deadline.left().max(Duration::from_millis(1));
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        let mut stream = match TcpStream::connect_timeout(&address, left()) {
            Ok(stream) => stream,
            Err(error) => {
                last = error;
                continue;
            }
        };
        stream.set_read_timeout(Some(left()))?;
        stream.set_write_timeout(Some(left()))?;
        stream.write_all(frame)?;
        let mut length = [0_u8; 4];
        stream.read_exact(&mut length)?;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > ANSWER_BYTES_MAX {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is no Kafka response"));
        }
        let mut answer = vec![0_u8; length];
        stream.read_exact(&mut answer)?;
        return Ok(answer);
    }
    Err(last)
}

/// Response v3: correlation id, throttle time, error, and for each member its id, instance id and error.
fn read_answer(answer: &[u8]) -> Result<(), Error> {
    const UNKNOWN_MEMBER_ID: i16 = 25;
    let broken = || Error::new(ErrorKind::Unavailable, "the coordinator's answer is cut short");
    let mut rest = Rest(answer);
    if rest.number32().ok_or_else(broken)? != CORRELATION_ID {
        return Err(Error::new(ErrorKind::Unavailable, "the coordinator answered another request"));
    }
    rest.number32().ok_or_else(broken)?;
    let mut codes = vec![rest.number16().ok_or_else(broken)?];
    for _ in 0..rest.number32().ok_or_else(broken)? {
        rest.text().ok_or_else(broken)?;
        rest.text().ok_or_else(broken)?;
        codes.push(rest.number16().ok_or_else(broken)?);
    }
    match codes.into_iter().find(|code| *code != 0 && *code != UNKNOWN_MEMBER_ID) {
        Some(code) => Err(error_of_code(i32::from(code), None)),
        None => Ok(()),
    }
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn number16(&mut self) -> Option<i16> {
        let (head, tail) = self.0.split_first_chunk::<2>()?;
        self.0 = tail;
        Some(i16::from_be_bytes(*head))
    }

    fn number32(&mut self) -> Option<i32> {
        let (head, tail) = self.0.split_first_chunk::<4>()?;
        self.0 = tail;
        Some(i32::from_be_bytes(*head))
    }

    /// Passes over a nullable text.
    fn text(&mut self) -> Option<()> {
        let length = usize::try_from(self.number16()?).unwrap_or(0);
        self.0 = self.0.get(length..)?;
        Some(())
    }
}

#[cfg(test)]
mod tests;
