use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::*;
use crate::deadline::{Stopwatch, wait_for};

const SOON: Duration = Duration::from_secs(20);

/// Answers every byte with the next one, on each of its connections.
fn counter() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() && stream.write_all(&[byte[0].wrapping_add(1)]).is_ok() {}
            });
        }
    });
    address
}

fn proxy() -> Proxy {
    Proxy::start(counter(), 1)
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn ask(stream: &mut TcpStream, byte: u8) -> std::io::Result<u8> {
    let mut answer = [0];
    stream.write_all(&[byte])?;
    stream.read_exact(&mut answer)?;
    Ok(answer[0])
}

#[test]
fn in_fair_weather_everything_comes_through() {
    let proxy = proxy();
    let mut stream = connect(&proxy);
    for byte in 0..100 {
        assert_eq!(ask(&mut stream, byte).unwrap(), byte + 1);
    }
    assert_eq!(proxy.counts(), [1, 0, 0]);
}

#[test]
fn large_answers_stay_whole_and_in_order_when_they_are_late() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap(), 1);
    proxy.set(Weather::Delay { least: Duration::from_millis(1), most: Duration::from_millis(20) });
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
    let sent = bytes.clone();
    let server = std::thread::spawn(move || listener.accept().unwrap().0.write_all(&sent).unwrap());
    let mut received = Vec::new();
    connect(&proxy).read_to_end(&mut received).unwrap();
    server.join().unwrap();
    assert!(received == bytes, "{} bytes of {}", received.len(), bytes.len());
}

#[test]
fn delay_holds_both_ways() {
    let proxy = proxy();
    let mut stream = connect(&proxy);
    proxy.set(Weather::Delay { least: Duration::from_millis(100), most: Duration::from_millis(150) });
    let clock = Stopwatch::start();
    assert_eq!(ask(&mut stream, 5).unwrap(), 6);
    assert!(clock.elapsed() >= Duration::from_millis(200), "{:?}", clock.elapsed());
    assert_eq!(proxy.counts()[2], 2);
}

#[test]
fn what_is_cut_ends_and_comes_back_in_fair_weather() {
    let proxy = proxy();
    let mut stream = connect(&proxy);
    assert_eq!(ask(&mut stream, 1).unwrap(), 2);
    proxy.set(Weather::Cut);
    let ended = stream.read(&mut [0]);
    assert!(matches!(ended, Ok(0)) || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    // New connections die as well, if not at once then soon.
    let mut second = connect(&proxy);
    wait_for("the second connection ends", SOON, || match ask(&mut second, 1) {
        Ok(_) => Err("alive".to_owned()),
        Err(_) => Ok(()),
    });
    assert!(proxy.counts()[1] >= 2, "{:?}", proxy.counts());
    proxy.set(Weather::Fair);
    assert_eq!(ask(&mut connect(&proxy), 1).unwrap(), 2);
}

#[test]
fn a_half_closed_connection_loses_one_direction() {
    let (mut lost_requests, mut lost_answers) = (0, 0);
    for seed in 0..5 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap(), seed);
        let mut client = connect(&proxy);
        let (mut server, _) = listener.accept().unwrap();
        server.set_read_timeout(Some(SOON)).unwrap();
        assert!(ask_across(&mut client, &mut server) && ask_across(&mut server, &mut client));
        proxy.set(Weather::HalfClose);
        // One of the two is told that nothing more comes; the other still hears.
        wait_for("a direction is lost", SOON, || if proxy.counts()[1] == 1 { Ok(()) } else { Err(String::new()) });
        let hears = |from: &mut TcpStream, to: &mut TcpStream| {
            from.write_all(&[7]).is_ok() && matches!(to.read(&mut [0]), Ok(1))
        };
        match (hears(&mut client, &mut server), hears(&mut server, &mut client)) {
            (true, false) => lost_answers += 1,
            (false, true) => lost_requests += 1,
            other => panic!("seed {seed}: requests and answers come through: {other:?}"),
        }
    }
    assert!(lost_requests > 0 && lost_answers > 0, "{lost_requests} and {lost_answers}");
}

fn ask_across(from: &mut TcpStream, to: &mut TcpStream) -> bool {
    from.write_all(&[7]).is_ok() && matches!(to.read(&mut [0]), Ok(1))
}

#[test]
fn after_silence_everything_comes_late() {
    let proxy = proxy();
    let mut stream = connect(&proxy);
    proxy.set(Weather::Silence);
    stream.write_all(&[41]).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let nothing = stream.read(&mut [0]).unwrap_err();
    assert!(matches!(nothing.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{nothing}");
    proxy.set(Weather::Fair);
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, [42]);
}

#[test]
fn a_broker_that_is_away_ends_connections_at_once() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Proxy::start(gone, 1);
    let ended = connect(&proxy).read(&mut [0]);
    assert!(!matches!(ended, Ok(1)), "{ended:?}");
}
