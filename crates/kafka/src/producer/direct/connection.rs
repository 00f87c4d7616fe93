use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::messages::{ApiVersionsRequest, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable as _, Encodable as _, HeaderVersion as _, Request, StrBytes};

use super::outline;
use super::requests::{API_VERSIONS_VERSION, NEEDED};
use crate::clock::{Deadline, Stopwatch};
use crate::{Error, ErrorKind};

/// More is no answer of Kafka's to what is asked here.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const READ_BUFFER_BYTES: usize = 16 << 10;
/// A connection that was idle for so long may have been closed by the broker: it is looked at before it is used.
const IDLE: Duration = Duration::from_secs(1);

/// Where a broker listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    /// `host:port`, the host of an IPv6 address in brackets.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.rsplit_once("://").map_or(text, |(_, rest)| rest);
        let (host, port) = text.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some(Self { host: host.to_owned(), port: port.parse().ok()? })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// A connection to a broker. Requests are answered in their order; after an error it can't be used any more.
pub(super) struct Connection {
    address: Address,
    stream: BufReader<TcpStream>,
    client_id: StrBytes,
    sent: i32,
    answered: i32,
    frame: BytesMut,
    used: Stopwatch,
}

impl Connection {
    /// Connects, and makes sure that the broker knows what will be asked.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] for a broker that is too old; otherwise [`ErrorKind::Unavailable`], [`ErrorKind::TimedOut`].
    pub(super) fn open(address: &Address, client_id: &str, deadline: Deadline) -> Result<Self, Error> {
        let stream = connect(address, deadline).map_err(|error| failed(address, &error))?;
        let mut connection = Self {
            address: address.clone(),
            stream: BufReader::with_capacity(READ_BUFFER_BYTES, stream),
            client_id: StrBytes::from_string(client_id.to_owned()),
            sent: 0,
            answered: 0,
            frame: BytesMut::new(),
            used: Stopwatch::default(),
        };
        let asked = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("headwater"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let served = connection.ask(&asked, API_VERSIONS_VERSION, deadline)?;
        for (key, name, version) in NEEDED {
            let is_served = served
                .api_keys
                .iter()
                .any(|api| api.api_key == key && (api.min_version..=api.max_version).contains(&version));
            if !is_served {
                return Err(Error::new(
                    ErrorKind::Refused,
                    format!("broker {address} does not serve {name} version {version}: use Kafka 2.8 or newer"),
                ));
            }
        }
        Ok(connection)
    }

    /// Sends a request; [`receive`](Self::receive) takes the answers in the order of the requests.
    pub(super) fn send<R: Request>(&mut self, request: &R, version: i16, deadline: Deadline) -> Result<(), Error> {
        self.sent = self.sent.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.sent)
            .with_client_id(Some(self.client_id.clone()));
        self.frame.clear();
        self.frame.put_i32(0);
        header
            .encode(&mut self.frame, R::header_version(version))
            .and_then(|()| request.encode(&mut self.frame, version))
            .map_err(|error| Error::invalid(format!("a request can't be written: {error}")))?;
        let length = i32::try_from(self.frame.len() - 4).map_err(|_| Error::invalid("a request is too long"))?;
        self.frame[..4].copy_from_slice(&length.to_be_bytes());
        let stream = self.stream.get_mut();
        let written = stream.set_write_timeout(Some(left(deadline))).and_then(|()| stream.write_all(&self.frame));
        self.used = Stopwatch::default();
        written.map_err(|error| failed(&self.address, &error))
    }

    /// Takes the next answer.
    pub(super) fn receive<R: Request>(&mut self, version: i16, deadline: Deadline) -> Result<R::Response, Error> {
        let mut answer = self.read_frame(deadline).map_err(|error| failed(&self.address, &error))?;
        self.answered = self.answered.wrapping_add(1);
        let header = ResponseHeader::decode(&mut answer, R::Response::header_version(version));
        let broken = |why: String| Error::new(ErrorKind::Unavailable, format!("broker {}: {why}", self.address));
        let header = header.map_err(|error| broken(format!("the answer can't be read: {error}")))?;
        if header.correlation_id != self.answered {
            return Err(broken("it answered another request".to_owned()));
        }
        if !outline::fits(R::KEY, &answer) {
            return Err(broken("the answer is cut off, or none of Kafka's".to_owned()));
        }
        R::Response::decode(&mut answer, version).map_err(|error| broken(format!("the answer can't be read: {error}")))
    }

    /// Sends a request and waits for its answer.
    pub(super) fn ask<R: Request>(
        &mut self,
        request: &R,
        version: i16,
        deadline: Deadline,
    ) -> Result<R::Response, Error> {
        self.send(request, version, deadline)?;
        self.receive::<R>(version, deadline)
    }

    /// Whether it can be used, as far as is known here: a broker closes what was idle for long.
    pub(super) fn is_open(&mut self) -> bool {
        if Duration::from_micros(self.used.elapsed_us()) < IDLE {
            return true;
        }
        let stream = self.stream.get_ref();
        let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
        let nothing_came = looked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        nothing_came && self.stream.get_ref().set_nonblocking(false).is_ok()
    }

    fn read_frame(&mut self, deadline: Deadline) -> io::Result<Bytes> {
        let mut length = [0; 4];
        self.read_exact(&mut length, deadline)?;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > ANSWER_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no answer of Kafka's"));
        }
        let mut answer = vec![0; length];
        self.read_exact(&mut answer, deadline)?;
        Ok(answer.into())
    }

    /// As `read_exact`, within a time for the whole and not for each piece.
    fn read_exact(&mut self, into: &mut [u8], deadline: Deadline) -> io::Result<()> {
        let mut filled = 0;
        while filled < into.len() {
            if self.stream.buffer().is_empty() {
                self.stream.get_ref().set_read_timeout(Some(left(deadline)))?;
                if self.stream.fill_buf()?.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            filled += self.stream.read(&mut into[filled..])?;
        }
        Ok(())
    }
}

/// A socket takes no time-out of zero.
fn left(deadline: Deadline) -> Duration {
    deadline.left().max(Duration::from_millis(1))
}

fn connect(address: &Address, deadline: Deadline) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for resolved in (address.host.as_str(), address.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&resolved, left(deadline)) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn failed(address: &Address, error: &io::Error) -> Error {
    let is_late = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
    let kind = if is_late { ErrorKind::TimedOut } else { ErrorKind::Unavailable };
    let why = if is_late { "no answer in time".to_owned() } else { error.to_string() };
    Error::new(kind, format!("broker {address}: {why}"))
}
