//! A TCP proxy on loopback that can misbehave: cut, delay, half-close, fall silent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::seeded::Seeded;

const CHUNK_BYTES: usize = 16 * 1024;
/// Chunks under way in one direction of one connection.
const CHUNKS_MAX: usize = 256;
/// A connection that is cut again and again lives at most so long.
const LIFE_MAX_MS: u64 = 1_500;

/// What a proxy does to its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Nothing.
    Fair,
    /// Cuts what is open, and each new connection soon after it was made; refuses one in three.
    Cut,
    /// Holds each piece back for a time between the two, in order.
    Delay { least: Duration, most: Duration },
    /// Connections, open ones and new ones, soon lose one of their two directions; its reader is told that nothing more
    /// comes.
    HalfClose,
    /// Lets nothing through, and tells nobody; afterwards everything comes, late.
    Silence,
}

/// What a proxy has done so far.
#[derive(Debug, Default)]
pub struct Counts {
    /// Connections that it took.
    pub connections: AtomicU64,
    /// Connections that it cut, refused or half closed.
    pub broken: AtomicU64,
    /// Pieces that it held back.
    pub held: AtomicU64,
}

/// A proxy in front of one address; its connections end with it.
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    counts: Arc<Counts>,
    // Dropped last: its connections are tasks of it.
    _runtime: Runtime,
}

impl Proxy {
    /// Listens on a free port and connects to `target` for each connection; `seed` decides what chance decides.
    #[must_use]
    pub fn start(target: SocketAddr, seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (weather, seen) = watch::channel(Weather::Fair);
        let counts = Arc::new(Counts::default());
        runtime.spawn(accept(listener, target, seen, Seeded::new(seed), Arc::clone(&counts)));
        Self { address, weather, counts, _runtime: runtime }
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what happens, at once, for all connections.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// What it has done so far: connections taken, connections broken, pieces held back.
    #[must_use]
    pub fn counts(&self) -> [u64; 3] {
        let Counts { connections, broken, held } = &*self.counts;
        [connections, broken, held].map(|count| count.load(Ordering::Relaxed))
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    weather: watch::Receiver<Weather>,
    mut chance: Seeded,
    counts: Arc<Counts>,
) {
    while let Ok((client, _)) = listener.accept().await {
        counts.connections.fetch_add(1, Ordering::Relaxed);
        let chance = Seeded::new(chance.bits());
        tokio::spawn(connection(client, target, weather.clone(), chance, Arc::clone(&counts)));
    }
}

async fn connection(
    client: TcpStream,
    target: SocketAddr,
    mut weather: watch::Receiver<Weather>,
    mut chance: Seeded,
    counts: Arc<Counts>,
) {
    let now = *weather.borrow_and_update();
    if now == Weather::Cut && chance.percent(33) {
        counts.broken.fetch_add(1, Ordering::Relaxed);
        return;
    }
    // A broker that is away is a connection that ends at once, as without a proxy.
    let Ok(server) = TcpStream::connect(target).await else { return };
    let _without_delay = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Which direction a half-closed connection loses, and when.
    let loses_requests = chance.percent(50);
    let up = Direction::new(&weather, chance.bits(), loses_requests, &counts);
    let down = Direction::new(&weather, chance.bits(), !loses_requests, &counts);
    let carried = async {
        tokio::join!(up.carry(from_client, to_server), down.carry(from_server, to_client));
    };
    tokio::select! {
        () = carried => {}
        () = cut(weather.clone(), now == Weather::Cut, &mut chance) => {
            counts.broken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Returns when the connection is to be cut.
async fn cut(mut weather: watch::Receiver<Weather>, from_its_start: bool, chance: &mut Seeded) {
    if from_its_start {
        tokio::time::sleep(Duration::from_millis(chance.below(LIFE_MAX_MS))).await;
        if *weather.borrow_and_update() == Weather::Cut {
            return;
        }
    }
    if weather.wait_for(|now| *now == Weather::Cut).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// One direction of a connection.
struct Direction {
    weather: watch::Receiver<Weather>,
    chance: Seeded,
    is_lost_when_half_closed: bool,
    counts: Arc<Counts>,
}

impl Direction {
    fn new(
        weather: &watch::Receiver<Weather>,
        seed: u64,
        is_lost_when_half_closed: bool,
        counts: &Arc<Counts>,
    ) -> Self {
        Self {
            weather: weather.clone(),
            chance: Seeded::new(seed),
            is_lost_when_half_closed,
            counts: Arc::clone(counts),
        }
    }

    /// Carries bytes until one side has ended, or the direction is lost.
    async fn carry(mut self, mut from: OwnedReadHalf, to: OwnedWriteHalf) {
        let (pieces, late) = mpsc::channel(CHUNKS_MAX);
        let mut watching = self.weather.clone();
        let lost = self.is_lost_when_half_closed;
        let mut when = Seeded::new(self.chance.bits());
        let counts = Arc::clone(&self.counts);
        let mut writing = std::pin::pin!(write(self.weather.clone(), late, to));
        let reading = async {
            let mut due = Instant::now();
            loop {
                let mut piece = vec![0; CHUNK_BYTES];
                let Ok(length @ 1..) = from.read(&mut piece).await else { break };
                piece.truncate(length);
                due = due.max(Instant::now() + self.delay());
                if pieces.send((due, piece)).await.is_err() {
                    break;
                }
            }
            drop(pieces);
        };
        let half_closed = async {
            while lost && watching.wait_for(|now| *now == Weather::HalfClose).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(when.below(LIFE_MAX_MS))).await;
                if *watching.borrow() == Weather::HalfClose {
                    return;
                }
            }
            std::future::pending::<()>().await;
        };
        let mut reading = std::pin::pin!(async {
            tokio::select! {
                () = reading => {}
                () = half_closed => {
                    counts.broken.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        // What was read is written, then the other side is told that nothing more comes.
        tokio::select! {
            () = &mut reading => writing.await,
            () = &mut writing => {}
        }
    }

    fn delay(&mut self) -> Duration {
        let Weather::Delay { least, most } = *self.weather.borrow() else { return Duration::ZERO };
        self.counts.held.fetch_add(1, Ordering::Relaxed);
        let span = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or_default();
        least + Duration::from_millis(self.chance.below(span + 1))
    }
}

/// Writes each piece when it is due and nothing is silent; dropping the half tells the other side that it is over.
async fn write(
    mut weather: watch::Receiver<Weather>,
    mut late: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut to: OwnedWriteHalf,
) {
    while let Some((due, piece)) = late.recv().await {
        tokio::time::sleep_until(due).await;
        let is_over = weather.wait_for(|now| *now != Weather::Silence).await.is_err();
        if is_over || to.write_all(&piece).await.is_err() {
            return;
        }
    }
    let _gone_already = to.shutdown().await;
}

#[cfg(test)]
mod tests;
