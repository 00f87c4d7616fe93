//! One connection: requests are read, answered and written one after the other, as Kafka does.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::frame::{FrameError, parse_frame, read_frame};
use crate::api::{self, Client, Node};

const READ_BUFFER_BYTES: usize = 32 * 1024;

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
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::with_capacity(READ_BUFFER_BYTES, reader);
    let mut client = Client { id: String::new(), host: format!("/{}", peer.ip()) };
    while let Some(bytes) = read_frame(&mut reader).await? {
        let frame = parse_frame(bytes)?;
        if *frame.client_id != *client.id {
            client.id = frame.client_id.to_string();
        }
        if let Some(response) = api::answer(node, &client, &frame).await? {
            writer.write_all(&response).await?;
        }
    }
    Ok(())
}
