//! Loopback ports.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::failure::{Context, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// `count` different loopback ports that nobody listens on right now.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    // All are held until the last one is known, so that none is handed out twice.
    let mut held = Vec::with_capacity(count);
    for _ in 0..count {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context(|| "cannot find a free port on 127.0.0.1".into())?;
        held.push(listener);
    }
    held.iter()
        .map(|listener| {
            let address = listener.local_addr().context(|| "cannot read a port".into())?;
            Ok(address.port())
        })
        .collect()
}

/// Connects to a loopback port, with time-outs set.
pub fn connect(port: u16) -> std::io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_write_timeout(Some(READ_TIMEOUT))?;
    Ok(stream)
}

/// Whether something listens on a loopback port.
pub fn is_open(port: u16) -> bool {
    connect(port).is_ok()
}
