//! Both sides against RFC 7677, against each other and against another implementation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod hostile;
mod pairs;
mod reference;
mod stored;

use super::{
    client::{Binding, Client, ClientError, Secret, Step},
    keys::{ClientKeys, Iterations, derive},
    server::{Challenged, Server},
    verifier::Verifier,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// Few, so that the tests are fast.
const FAST: u32 = 16;

/// A verifier as PostgreSQL would store it.
fn stored(password: &[u8], salt: &[u8], iterations: u32) -> String {
    use sha2::{Digest as _, Sha256};
    let mut salted = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut salted);
    let key = |name: &[u8]| super::keys::hmac(&salted, &[name]);
    let stored = Sha256::digest(key(b"Client Key"));
    format!(
        "SCRAM-SHA-256${iterations}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored),
        STANDARD.encode(key(b"Server Key"))
    )
}

fn verifier(password: &[u8]) -> Verifier {
    Verifier::parse(stored(password, b"salt of 16 bytes", FAST).as_bytes()).unwrap()
}

fn password(text: &[u8]) -> Secret {
    Secret::Password(Zeroizing::new(text.to_vec()))
}

/// A client's answer, with the derivation done here.
fn answer(client: Client, server_first: &[u8]) -> Result<super::client::Answer, ClientError> {
    Ok(match client.challenge(server_first)? {
        Step::Derive(derivation) => derivation.run(),
        Step::Answer(answer) => answer,
    })
}

/// A login to the end: the keys that the server learns.
fn login(client: Client, server: Server) -> Result<ClientKeys, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let (server_first, challenged) =
        server.first(client.mechanism().as_bytes(), &client.first()).map_err(|e| text(&e))?;
    let answer = answer(client, &server_first).map_err(|e| text(&e))?;
    let (server_final, keys) = challenged.last(answer.message()).map_err(|e| text(&e))?;
    answer.finish(&server_final).map_err(|e| text(&e))?;
    Ok(keys)
}
