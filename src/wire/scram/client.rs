//! The side that gives a proof: what libpq does (`fe-auth-scram.c`), from a password or from keys.
//!
//! The steps are values: [`Client`] → [`Step`] → [`Answer`] → done. Hashing a password is slow and
//! stands in a step of its own ([`Derivation`]) that can be run on another thread.

use std::fmt;

use zeroize::Zeroizing;

use super::{
    BOUND, SCRAM_SHA_256, SCRAM_SHA_256_PLUS,
    keys::{BadIterations, ClientKeys, Iterations, KEY, ServerKey, derive},
    message::{Missing, Reader, base64, is_printable, nonce, unbase64},
    refusal::shown_text,
    verifier::number,
};

/// What a login is made with.
#[derive(Clone)]
pub enum Secret {
    /// Keys that a client has shown to have. They open the door where the same verifier is stored.
    Keys(ClientKeys),
    /// A password, as the user has typed it.
    Password(Zeroizing<Vec<u8>>),
}

/// Says which it is, never what it holds.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys(_) => "Secret::Keys",
            Self::Password(_) => "Secret::Password",
        })
    }
}

/// libpq's `channel_binding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Binding {
    /// Never.
    Disable,
    /// If it can be had.
    #[default]
    Prefer,
    /// Or no login.
    Require,
}

/// Why a login at a server was given up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// None of the offered mechanisms is known.
    #[error("none of the server's SASL authentication mechanisms are supported")]
    Mechanisms,
    /// `require`, and no TLS.
    #[error("channel binding required, but SSL not in use")]
    RequiredWithoutTls,
    /// `require`, and no hash is defined for the server's certificate.
    #[error("channel binding is required, but is not defined for the server's certificate")]
    RequiredWithoutEndPoint,
    /// `require`, and the server does not offer it.
    #[error(
        "channel binding is required, but server did not offer an authentication method that supports channel binding"
    )]
    RequiredNotOffered,
    /// Channel binding offered without TLS: TLS ends before the server, and somebody is in between.
    #[error("server offered SCRAM-SHA-256-PLUS authentication over a non-SSL connection")]
    OfferedWithoutTls,
    /// No message of SCRAM.
    #[error("malformed SCRAM message ({0})")]
    Malformed(&'static str),
    /// The server's nonce does not continue ours.
    #[error("invalid SCRAM response (nonce mismatch)")]
    Nonce,
    /// More than pgveil works with, or none.
    #[error(transparent)]
    Iterations(#[from] BadIterations),
    /// The server stores another verifier than the keys belong to.
    #[error("the server stores another SCRAM verifier of this role than pgveil was given")]
    OtherVerifier,
    /// The server's last message is an error.
    #[error("error received from server in SCRAM exchange: {0}")]
    Server(String),
    /// The server does not know the verifier: it is not the server that it says it is.
    #[error("incorrect server signature")]
    Signature,
    /// The system gives no randomness.
    #[error("could not generate nonce")]
    Random,
}

/// One login, with the mechanism chosen.
#[derive(Debug)]
pub struct Client {
    secret: Secret,
    mechanism: &'static str,
    /// `gs2-header`.
    header: &'static [u8],
    /// What stands behind `c=`.
    binding: String,
    nonce: String,
}

/// What is to be done about the server's challenge.
pub enum Step {
    /// Run [`Derivation::run`] on a thread that may be busy for a while.
    Derive(Derivation),
    /// Answer.
    Answer(Answer),
}

/// The hashing of a password.
pub struct Derivation {
    password: Zeroizing<Vec<u8>>,
    challenge: Challenge,
}

opaque!(Derivation, Answer, Step);

/// The client's last message, and what awaits the server's.
pub struct Answer {
    message: Vec<u8>,
    server_key: ServerKey,
    signed: Signed,
}

/// What both sides sign: three messages.
struct Signed {
    client_first_bare: Vec<u8>,
    server_first: Vec<u8>,
    without_proof: Vec<u8>,
}

struct Challenge {
    salt: Vec<u8>,
    iterations: Iterations,
    signed: Signed,
}

impl Client {
    /// Chooses among the `offered` mechanisms as libpq does. `end_point` is the hash of the server's
    /// certificate (RFC 5929), None if there is none or no hash is defined for it; `tls`: is TLS in use?
    pub fn new(
        secret: Secret,
        offered: &[&[u8]],
        end_point: Option<&[u8]>,
        policy: Binding,
        tls: bool,
    ) -> Result<Self, ClientError> {
        let nonce = nonce().map_err(|_| ClientError::Random)?;
        let plus = offered.contains(&SCRAM_SHA_256_PLUS.as_bytes());
        if policy == Binding::Require && !tls {
            return Err(ClientError::RequiredWithoutTls);
        }
        if plus && !tls {
            return Err(ClientError::OfferedWithoutTls);
        }
        let end_point = end_point.filter(|_| tls && policy != Binding::Disable);
        if policy == Binding::Require {
            if !plus {
                return Err(ClientError::RequiredNotOffered);
            }
            if end_point.is_none() {
                return Err(ClientError::RequiredWithoutEndPoint);
            }
        }
        let (mechanism, header, data): (_, &[u8], &[u8]) = match end_point {
            Some(end_point) if plus => (SCRAM_SHA_256_PLUS, BOUND, end_point),
            _ if !offered.contains(&SCRAM_SHA_256.as_bytes()) => return Err(ClientError::Mechanisms),
            // "Could have been bound": a server that has offered it knows then that somebody is in between.
            Some(_) => (SCRAM_SHA_256, b"y,,", b""),
            None => (SCRAM_SHA_256, b"n,,", b""),
        };
        Ok(Self { secret, mechanism, header, binding: base64(&[header, data].concat()), nonce })
    }

    /// The chosen mechanism.
    pub fn mechanism(&self) -> &'static str {
        self.mechanism
    }

    /// The first message.
    pub fn first(&self) -> Vec<u8> {
        [self.header, &self.bare()].concat()
    }

    fn bare(&self) -> Vec<u8> {
        format!("n=,r={}", self.nonce).into_bytes()
    }

    /// Takes the server's first message.
    pub fn challenge(self, server_first: &[u8]) -> Result<Step, ClientError> {
        let bad = ClientError::Malformed;
        whole(server_first)?;
        let mut reader = Reader::new(server_first);
        let nonce = reader.attribute(b'r')?;
        // The server has to add something of its own.
        if !nonce.starts_with(self.nonce.as_bytes()) || nonce.len() == self.nonce.len() || !is_printable(nonce) {
            return Err(ClientError::Nonce);
        }
        let salt = unbase64(reader.attribute(b's')?).filter(|salt| !salt.is_empty()).ok_or(bad("invalid salt"))?;
        let count = number(reader.attribute(b'i')?).ok_or(bad("invalid iteration count"))?;
        let iterations = Iterations::new(count)?;
        if !reader.rest().is_empty() {
            return Err(bad("garbage at end of server-first-message"));
        }
        let without_proof = [b"c=", self.binding.as_bytes(), b",r=", nonce].concat();
        let signed = Signed { client_first_bare: self.bare(), server_first: server_first.to_vec(), without_proof };
        let challenge = Challenge { salt, iterations, signed };
        match self.secret {
            Secret::Password(password) => Ok(Step::Derive(Derivation { password, challenge })),
            Secret::Keys(keys) if keys.salt == challenge.salt && keys.iterations == iterations => {
                Ok(Step::Answer(challenge.answer(keys)))
            }
            Secret::Keys(_) => Err(ClientError::OtherVerifier),
        }
    }
}

impl Derivation {
    /// Hashes the password: milliseconds, and up to a second if the server wants it.
    pub fn run(self) -> Answer {
        let Self { password, challenge } = self;
        let salted = derive(&password, &challenge.salt, challenge.iterations);
        let keys = ClientKeys {
            client: salted.client_key(),
            server: salted.server_key(),
            salt: challenge.salt.clone(),
            iterations: challenge.iterations,
        };
        challenge.answer(keys)
    }
}

impl Challenge {
    fn answer(self, keys: ClientKeys) -> Answer {
        let signed = self.signed;
        let proof = Zeroizing::new(keys.client.proof(&signed.messages()));
        let message = [&signed.without_proof, &b",p="[..], base64(&*proof).as_bytes()].concat();
        Answer { message, server_key: keys.server, signed }
    }
}

impl Signed {
    fn messages(&self) -> [&[u8]; 5] {
        [&self.client_first_bare, b",", &self.server_first, b",", &self.without_proof]
    }
}

impl Answer {
    /// The client's last message.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Takes the server's last message and verifies that the server knows the verifier, too.
    pub fn finish(self, server_final: &[u8]) -> Result<(), ClientError> {
        let bad = ClientError::Malformed;
        whole(server_final)?;
        let mut reader = Reader::new(server_final);
        if reader.peek() == b'e' {
            return Err(ClientError::Server(shown_text(reader.attribute(b'e')?)));
        }
        let signature: [u8; KEY] = unbase64(reader.attribute(b'v')?)
            .and_then(|signature| signature.try_into().ok())
            .ok_or(bad("invalid server signature"))?;
        if !reader.rest().is_empty() {
            return Err(bad("garbage at end of server-final-message"));
        }
        if self.server_key.has_signed(&self.signed.messages(), &signature) {
            Ok(())
        } else {
            Err(ClientError::Signature)
        }
    }
}

impl From<Missing> for ClientError {
    fn from(missing: Missing) -> Self {
        Self::Malformed(match missing {
            Missing::Equals(_) => "\"=\" expected behind an attribute",
            Missing::Attribute(..) | Missing::AnyAttribute(_) | Missing::End => "another attribute expected",
        })
    }
}

/// Messages are texts without zero bytes.
fn whole(message: &[u8]) -> Result<(), ClientError> {
    if message.is_empty() {
        return Err(ClientError::Malformed("empty message"));
    }
    if message.contains(&0) {
        return Err(ClientError::Malformed("length mismatch"));
    }
    Ok(())
}
