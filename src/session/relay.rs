//! Databases that nothing is protected in, and replication connections: bytes, nothing but bytes.
//!
//! Where messages begin and end is looked at, so that idle sessions are known.

use std::convert::Infallible;

use bytes::BytesMut;
use tokio::select;

use super::{
    ending::{End, Remains},
    followed::Followed,
    io::{HIGH_WATER, Side, Wants, exchange},
    keeper::{Doing, Keeper, Kept},
};
use crate::wire::frontend;

/// A relayed session whose login is done.
struct Relay {
    client: Side,
    server: Side,
    followed: Followed,
}

/// Relays until one side closes or the keeper ends it. `status`: of the ReadyForQuery that ended the login,
/// which is in the client's output.
pub async fn run(client: Side, server: Side, status: u8, mut keeper: Keeper) -> End {
    let mut relay = Relay { client, server, followed: Followed::new(status) };
    let Err(end) = relay.serve(&mut keeper).await;
    let working = !relay.server.closed && relay.doing() == Doing::Working;
    let Relay { client, mut server, followed } = relay;
    let between_messages = followed.server_stands();
    if followed.client_stands() && !followed.is_terminated() && !client.closed {
        frontend::terminate(&mut server.output);
    }
    Remains { client, server, keeper, between_messages, working }.lay_to_rest(&end).await;
    end
}

impl Relay {
    async fn serve(&mut self, keeper: &mut Keeper) -> Result<Infallible, End> {
        loop {
            self.followed.see_server(&self.server.input);
            pass(&mut self.server.input, &mut self.client.output);
            self.followed.see_client(&self.client.input);
            pass(&mut self.client.input, &mut self.server.output);
            if self.server.closed {
                return Err(match () {
                    () if keeper.has_cancelled() => End::Vanished,
                    () if self.client.closed || self.followed.is_terminated() => End::Client,
                    () => End::Server,
                });
            }
            if self.client.closed {
                if self.followed.is_lost() {
                    return Err(End::Client);
                }
                // To the server it is the end of its client as well, behind what that has sent.
                self.server.end();
            }
            keeper.look(self)?;
            let wants =
                Wants { client: self.server.output.len() < HIGH_WATER, server: self.client.output.len() < HIGH_WATER };
            select! {
                biased;
                moved = exchange(&mut self.client, &mut self.server, wants) => moved?,
                () = keeper.stirs() => {}
            }
        }
    }
}

impl Kept for Relay {
    fn doing(&self) -> Doing {
        self.followed.doing()
    }

    fn is_abandoned(&self) -> bool {
        self.client.closed && !self.followed.is_terminated()
    }

    fn has_more(&self) -> bool {
        !self.server.output.is_empty() || self.followed.has_more()
    }
}

fn pass(from: &mut BytesMut, to: &mut BytesMut) {
    let n = from.len();
    if n > 0 {
        super::engine::forward(from, to, n);
    }
}
