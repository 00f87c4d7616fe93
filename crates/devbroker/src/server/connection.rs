//! One connection: requests are read, answered and written one after the other, as Kafka does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::frame::{FrameError, parse_frame, read_frame};
use crate::api::{self, Client, Node};

const READ_BUFFER_BYTES: usize = 32 * 1024;

/// Time that a connection may stand still, in Kafka `connections.max.idle.ms`: a client that is gone
/// without a word must not hold its place for ever.
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);

async fn within_idle_limit<T>(step: impl Future<Output = T>) -> Result<T, FrameError> {
    let elapsed = |_| FrameError::Io(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(IDLE_MAX, step).await.map_err(elapsed)
}

/// Serves a connection until it ends; whatever is wrong with it ends this connection only.
pub(crate) async fn serve(node: Arc<Node>, stream: TcpStream, peer: SocketAddr) {
    match serve_requests(&node, stream, peer).await {
        Ok(()) => tracing::debug!(%peer, "the connection has ended"),
        Err(FrameError::Io(error)) => tracing::debug!(%peer, %error, "the connection is lost"),
        Err(error @ FrameError::Encode { .. }) => tracing::error!(%peer, %error, "closing the connection"),
        Err(error) => tracing::warn!(%peer, %error, "closing the connection"),
    }
}

async fn serve_requests(node: &Node, stream: TcpStream, peer: SocketAddr) -> Result<(), FrameError> {
    stream.set_nodelay(true)?;
    let reached = stream.local_addr()?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::with_capacity(READ_BUFFER_BYTES, reader);
    let mut client = Client { id: String::new(), host: format!("/{}", peer.ip()), reached };
    while let Some(bytes) = within_idle_limit(read_frame(&mut reader)).await?? {
        let frame = parse_frame(bytes)?;
        if *frame.client_id != *client.id {
            client.id = frame.client_id.to_string();
        }
        if let Some(response) = api::answer(node, &client, &frame).await? {
            within_idle_limit(writer.write_all(&response)).await??;
        }
    }
    Ok(())
}
