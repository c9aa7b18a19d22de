//! `auth: relay`: the server itself decides who gets in. Its questions and the client's answers pass byte
//! for byte.

use std::io;

use bytes::BytesMut;

use super::{
    super::{
        engine::forward,
        environment::Environment,
        io::{Side, Wants, exchange},
    },
    Seat, Slots,
};
use crate::wire::{
    authentication::{self, Request},
    frame::{HEADER, client_header, server_header},
    scram::SCRAM_SHA_256_PLUS,
};

/// Input of a client that is not logged in is not read beyond this.
const MOST_INPUT: usize = 4096;

/// What the server said until it was ready.
pub struct Greeting {
    /// What it reported.
    pub environment: Environment,
    /// Transaction status of its ReadyForQuery.
    pub status: u8,
    /// Body of its BackendKeyData.
    pub key: Option<Box<[u8]>>,
    /// The session's place among those that are allowed.
    pub seat: Seat,
}

/// Why there is no session.
pub(super) enum NoSession {
    /// One side has ended it; what the server said is in the client's output.
    Ended,
    /// The client has said something else than what it was asked for: what, and the type of its message.
    Unexpected(&'static str, u8),
    /// All places are taken.
    Full,
}

/// Relays until the server is ready. `seat` is there already when pgveil itself has let the client in:
/// then nothing of the client goes up any more.
pub(super) async fn until_ready(
    client: &mut Side,
    server: &mut Side,
    slots: &Slots,
    mut seat: Option<Seat>,
) -> io::Result<Result<Greeting, NoSession>> {
    let relays = seat.is_none();
    let (mut environment, mut key) = (Environment::default(), None);
    let mut answers = Answers::default();
    loop {
        if relays {
            answers.pass(&mut client.input, &mut server.output);
        }
        while let Some(header) = server_header(&server.input).map_err(io::Error::other)? {
            if server.input.len() < header.total() {
                break;
            }
            let mut message = server.input.split_to(header.total());
            match header.tag {
                b'R' => match Request::parse(&message[HEADER..]) {
                    Ok(Request::Ok) if seat.is_none() => match slots.take() {
                        Some(taken) => seat = Some(taken),
                        None => return Ok(Err(NoSession::Full)),
                    },
                    Ok(Request::Cleartext | Request::Md5) => answers.are_due("password"),
                    Ok(Request::SaslContinue(_)) => answers.are_due("SASL"),
                    Ok(Request::Sasl(mechanisms)) => {
                        answers.are_due("SASL");
                        if server.stream().is_tls() && !client.stream().is_tls() {
                            message = without_binding(&mechanisms);
                        }
                    }
                    _ => {}
                },
                b'S' => environment.reported(&message[HEADER..]),
                b'K' => key = Some(message[HEADER..].into()),
                _ => {}
            }
            client.output.extend_from_slice(&message);
            if header.tag == b'Z' {
                let status = message.get(HEADER).copied().unwrap_or(b'I');
                // A server that is ready has said AuthenticationOk.
                return Ok(seat.map(|seat| Greeting { environment, status, key, seat }).ok_or(NoSession::Ended));
            }
        }
        // Whoever has nothing more to say may have said it all: it is carried out as ever.
        if server.closed || (client.closed && relays && answers.is_due()) {
            return Ok(Err(NoSession::Ended));
        }
        if let Some((what, tag)) = answers.missed(&client.input).filter(|_| relays) {
            return Ok(Err(NoSession::Unexpected(what, tag)));
        }
        exchange(client, server, Wants { client: client.input.len() + server.output.len() < MOST_INPUT, server: true })
            .await?;
    }
}

/// What a server says to a client of another protocol than 3: it refuses, in that protocol's form. Nothing
/// of the client follows its packet.
pub(super) async fn refusal(server: &mut Side) -> io::Result<BytesMut> {
    while server.input.len() < MOST_INPUT && server.receive().await? > 0 {}
    Ok(server.input.split())
}

/// The client's answers to the server's questions.
#[derive(Default)]
struct Answers {
    /// Bytes of the present one that are still to come.
    rest: usize,
    given: usize,
    /// Questions that need one.
    asked: usize,
    /// What the last question was about.
    what: &'static str,
}

impl Answers {
    fn are_due(&mut self, what: &'static str) {
        self.asked += 1;
        self.what = what;
    }

    /// Does the server wait for one?
    fn is_due(&self) -> bool {
        self.asked > self.given || self.rest > 0
    }

    /// Passes what has come. Only answers to the server's questions go up; what a client sends beyond them
    /// waits.
    fn pass(&mut self, from: &mut BytesMut, to: &mut BytesMut) {
        while !from.is_empty() {
            if self.rest == 0 {
                match client_header(from) {
                    Ok(Some(header)) if header.tag == b'p' => self.rest = header.total(),
                    _ => return,
                }
                self.given += 1;
            }
            let part = self.rest.min(from.len());
            forward(from, to, part);
            self.rest -= part;
        }
    }

    /// What stands there instead of an answer that is due: nothing would ever move again.
    fn missed(&self, input: &[u8]) -> Option<(&'static str, u8)> {
        let tag = input.first().copied().filter(|tag| *tag != b'p')?;
        (self.asked > self.given && self.rest == 0).then_some((self.what, tag))
    }
}

/// A client without TLS refuses a list with channel binding in it (`pg_SASL_init` of libpq): from where it
/// stands there is no channel to bind to.
fn without_binding(mechanisms: &[&[u8]]) -> BytesMut {
    let mut message = BytesMut::new();
    let rest = mechanisms.iter().filter(|mechanism| **mechanism != SCRAM_SHA_256_PLUS.as_bytes());
    authentication::sasl(&mut message, rest);
    message
}
