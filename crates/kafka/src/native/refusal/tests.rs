#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use super::Refusal;
use crate::{Admin, ConnectionSettings, Error, ErrorKind};

const LONG: Duration = Duration::from_secs(60);

fn noted(errors: &[(ErrorKind, &str)]) -> Refusal {
    let refusal = Refusal::default();
    for (kind, message) in errors {
        refusal.note(Error::new(*kind, *message));
    }
    refusal
}

#[test]
fn who_is_refused_for_good_is_not_told_of_connections_that_broke_later() {
    let refusal = noted(&[(ErrorKind::Denied, "bad password"), (ErrorKind::Unavailable, "connection closed")]);
    assert!(refusal.for_good().unwrap().to_string().contains("bad password"));
}

#[test]
fn a_broken_connection_is_no_refusal_but_explains_a_call_that_timed_out() {
    let refusal = noted(&[(ErrorKind::Unavailable, "disconnected")]);
    assert_eq!(refusal.for_good(), None);
    let timed_out = refusal.explain(Error::new(ErrorKind::TimedOut, "no answer"));
    assert_eq!(timed_out.to_string(), "no answer; the last connection: disconnected");
    let other = refusal.explain(Error::new(ErrorKind::NotFound, "no such topic"));
    assert_eq!(other.to_string(), "no such topic");
}

/// A listener without TLS answers a handshake with something else.
#[test]
fn a_handshake_that_fails_ends_a_call_at_once_and_names_the_settings() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut hello = [0; 5];
            // The client may be gone: then there is nobody to answer.
            if stream.read_exact(&mut hello).is_ok() {
                drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
            }
        }
    });
    let connection = ConnectionSettings::new(&address.to_string()).with_property("security.protocol", "SSL").unwrap();
    let error = Admin::new(&connection, LONG).unwrap().describe_cluster().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("security.protocol"), "{error}");
}
