//! The side that asks for a proof: what `auth-scram.c` does, message for message and error for error.
//!
//! A [`Verifier::mock`] goes the same way to the same error as a wrong password.

use zeroize::Zeroize as _;

use super::{
    BOUND, SCRAM_SHA_256, SCRAM_SHA_256_PLUS,
    keys::{ClientKeys, KEY},
    message::{Reader, base64, is_printable, nonce, unbase64},
    refusal::{ScramError, shown, shown_text},
    verifier::Verifier,
};

/// One login, from the list of mechanisms to the signature.
#[derive(Debug)]
pub struct Server {
    verifier: Verifier,
    end_point: Option<Vec<u8>>,
}

/// A login whose first message was answered; the client has to give its proof.
#[derive(Debug)]
pub struct Challenged {
    verifier: Verifier,
    /// What has to stand behind `c=`.
    binding: String,
    bound: bool,
    client_first_bare: Vec<u8>,
    server_first: Vec<u8>,
    nonce: Vec<u8>,
}

impl Server {
    /// `end_point` is the hash of the certificate that the client has seen (RFC 5929,
    /// tls-server-end-point); None without TLS, or when no hash is defined for it. Channel binding is
    /// offered exactly when it is there.
    pub fn new(verifier: Verifier, end_point: Option<&[u8]>) -> Self {
        Self { verifier, end_point: end_point.map(<[u8]>::to_vec) }
    }

    /// What is offered, the best first.
    pub fn mechanisms(&self) -> &'static [&'static str] {
        if self.end_point.is_some() { &[SCRAM_SHA_256_PLUS, SCRAM_SHA_256] } else { &[SCRAM_SHA_256] }
    }

    /// Takes the mechanism that the client has chosen and its first message; gives the answer to be sent
    /// and what awaits the proof.
    ///
    /// A client may choose a mechanism without a first message (length -1): it is sent an empty challenge,
    /// and its answer is the first message.
    pub fn first(self, mechanism: &[u8], client_first: &[u8]) -> Result<(Vec<u8>, Challenged), ScramError> {
        let nonce = nonce().map_err(|_| ScramError::Random)?;
        self.first_with(mechanism, client_first, &nonce)
    }

    pub(super) fn first_with(
        self,
        mechanism: &[u8],
        client_first: &[u8],
        server_nonce: &str,
    ) -> Result<(Vec<u8>, Challenged), ScramError> {
        let end_point = if self.end_point.is_some() && mechanism == SCRAM_SHA_256_PLUS.as_bytes() {
            self.end_point.as_deref()
        } else if mechanism == SCRAM_SHA_256.as_bytes() {
            None
        } else {
            return Err(ScramError::Mechanism);
        };
        whole(client_first)?;
        let mut reader = Reader::new(client_first);
        let binding = header(&mut reader, end_point, self.end_point.is_some())?;
        if reader.peek() == b'a' {
            return Err(ScramError::Authzid);
        }
        if reader.peek() != b',' {
            let found = shown(reader.peek());
            return Err(ScramError::Malformed(format!("Unexpected attribute \"{found}\" in client-first-message.")));
        }
        reader.skip();
        let bare = reader.rest();
        if reader.peek() == b'm' {
            return Err(ScramError::Extension);
        }
        // The name is the start-up packet's; libpq leaves it empty here.
        reader.attribute(b'n')?;
        let client_nonce = reader.attribute(b'r')?;
        if !is_printable(client_nonce) {
            return Err(ScramError::Nonce);
        }
        while !reader.rest().is_empty() {
            reader.any()?;
        }
        let nonce = [client_nonce, server_nonce.as_bytes()].concat();
        let mut answer = [b"r=", &nonce[..]].concat();
        let (salt, iterations) = (self.verifier.salt_base64(), self.verifier.iterations.get());
        answer.extend_from_slice(format!(",s={salt},i={iterations}").as_bytes());
        let challenged = Challenged {
            verifier: self.verifier,
            bound: end_point.is_some(),
            binding,
            client_first_bare: bare.to_vec(),
            server_first: answer.clone(),
            nonce,
        };
        Ok((answer, challenged))
    }
}

/// Reads `gs2-cbind-flag` with its comma; gives what the last message has to repeat behind `c=`.
fn header(reader: &mut Reader<'_>, end_point: Option<&[u8]>, offered: bool) -> Result<String, ScramError> {
    match reader.peek() {
        b'n' | b'y' if end_point.is_some() => Err(ScramError::malformed(
            "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.",
        )),
        b'y' if offered => Err(ScramError::Downgrade),
        flag @ (b'n' | b'y') => {
            reader.skip();
            if reader.peek() != b',' {
                let found = shown(reader.peek());
                return Err(ScramError::Malformed(format!("Comma expected, but found character \"{found}\".")));
            }
            reader.skip();
            Ok(base64(&[flag, b',', b',']))
        }
        b'p' => {
            let Some(end_point) = end_point else {
                return Err(ScramError::malformed(
                    "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data.",
                ));
            };
            let kind = reader.attribute(b'p')?;
            if kind != b"tls-server-end-point" {
                return Err(ScramError::BindingType(shown_text(kind)));
            }
            Ok(base64(&[BOUND, end_point].concat()))
        }
        other => Err(ScramError::Malformed(format!("Unexpected channel-binding flag \"{}\".", shown(other)))),
    }
}

impl Challenged {
    /// Takes the client's last message; gives the answer to be sent and the keys that the client has
    /// shown to have.
    pub fn last(self, client_final: &[u8]) -> Result<(Vec<u8>, ClientKeys), ScramError> {
        whole(client_final)?;
        let mut reader = Reader::new(client_final);
        if reader.attribute(b'c')? != self.binding.as_bytes() {
            return Err(if self.bound { ScramError::Binding } else { ScramError::Header });
        }
        let nonce = reader.attribute(b'r')?;
        // Extensions that need not be understood may stand before the proof.
        let (without_proof, proof) = loop {
            let before = client_final.len() - reader.rest().len();
            if let (b'p', proof) = reader.any()? {
                // Without the comma.
                break (client_final.get(..before - 1).unwrap_or_default(), proof);
            }
        };
        let mut proof: [u8; KEY] = unbase64(proof)
            .and_then(|proof| proof.try_into().ok())
            .ok_or_else(|| ScramError::malformed("Malformed proof in client-final-message."))?;
        if !reader.rest().is_empty() {
            return Err(ScramError::malformed("Garbage found at the end of client-final-message."));
        }
        if nonce != self.nonce {
            return Err(ScramError::Response);
        }
        let messages: [&[u8]; 5] = [&self.client_first_bare, b",", &self.server_first, b",", without_proof];
        let client_key = self.verifier.stored.client_key(&proof, &messages);
        proof.zeroize();
        let keys = self.verifier.accept(client_key).ok_or(ScramError::WrongPassword)?;
        let signature = self.verifier.server.signature(&messages);
        Ok((format!("v={}", base64(&signature)).into_bytes(), keys))
    }
}

/// Messages are texts without zero bytes.
fn whole(message: &[u8]) -> Result<(), ScramError> {
    if message.is_empty() {
        return Err(ScramError::malformed("The message is empty."));
    }
    if message.contains(&0) {
        return Err(ScramError::malformed("Message length does not match input length."));
    }
    Ok(())
}
