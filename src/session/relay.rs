//! Databases that nothing is protected in, and replication connections: bytes, nothing but bytes.

use std::io;

use bytes::BytesMut;
use tokio::sync::watch;

use super::io::{HIGH_WATER, Side, Wants, exchange, finish};

/// Relays until one side closes. A process that stops ends relayed sessions at once: where messages
/// are not looked at, nobody can say when one is idle.
pub async fn run(mut client: Side, mut server: Side, drain: &mut watch::Receiver<bool>) -> io::Result<()> {
    loop {
        pass(&mut client.input, &mut server.output);
        pass(&mut server.input, &mut client.output);
        if client.closed || server.closed || *drain.borrow() {
            break;
        }
        let wants = Wants { client: server.output.len() < HIGH_WATER, server: client.output.len() < HIGH_WATER };
        tokio::select! {
            biased;
            moved = exchange(&mut client, &mut server, wants) => moved?,
            _ = drain.changed() => {}
        }
    }
    finish(&mut server).await;
    finish(&mut client).await;
    Ok(())
}

fn pass(from: &mut BytesMut, to: &mut BytesMut) {
    let n = from.len();
    if n > 0 {
        super::engine::forward(from, to, n);
    }
}
