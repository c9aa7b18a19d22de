//! A client that speaks the protocol byte by byte, over TLS if it likes, and does SCRAM by hand, well or
//! badly. It shares no code with pgveil.

use std::{
    fmt::Write as _,
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::{
    certificates::Identity,
    raw::{self, Message, PATIENCE, message},
};

pub const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
pub const GSS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];

trait Io: Read + Write + Send {}
impl<T: Read + Write + Send> Io for T {}

/// A connection.
pub struct Client {
    io: Box<dyn Io>,
    socket: TcpStream,
    buffer: Vec<u8>,
    /// `tls-server-end-point` of a certificate that is signed with SHA-256; None without TLS.
    pub binding: Option<Vec<u8>>,
    /// What the server said of protocol versions, if it did: minor, and the options it does not know.
    pub negotiated: Option<(u32, Vec<String>)>,
}

impl Client {
    /// TCP, nothing sent.
    pub fn dial(port: u16) -> Self {
        Self::dial_from(Ipv4Addr::LOCALHOST, port)
    }

    /// From one of this host's own addresses: failed attempts are counted by address.
    pub fn dial_from(source: Ipv4Addr, port: u16) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
        socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).expect("a TCP connection");
        let socket = TcpStream::from(socket);
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { io: Box::new(socket.try_clone().unwrap()), socket, buffer: Vec::new(), binding: None, negotiated: None }
    }

    /// TLS by SSLRequest.
    pub fn tls(source: Ipv4Addr, port: u16) -> Self {
        let mut client = Self::dial_from(source, port);
        client.send(&SSL_REQUEST);
        assert_eq!(client.byte(), Some(b'S'), "the answer to SSLRequest");
        client.handshake(None, &[]).expect("TLS")
    }

    /// Does the TLS handshake, believing any certificate.
    pub fn handshake(self, identity: Option<&Identity>, alpn: &[&str]) -> io::Result<Self> {
        assert!(self.buffer.is_empty(), "bytes before the handshake");
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Gullible));
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(own) => builder.with_client_auth_cert(vec![own.certificate()], own.private_key()).unwrap(),
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let mut socket = self.socket.try_clone()?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        let certificate = connection.peer_certificates().and_then(|chain| chain.first()).expect("a certificate");
        let binding = Sha256::digest(certificate).to_vec();
        let io = Box::new(StreamOwned::new(connection, socket));
        Ok(Self { io, socket: self.socket, buffer: Vec::new(), binding: Some(binding), negotiated: None })
    }

    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("the peer takes what is sent");
    }

    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.write_all(bytes)?;
        self.io.flush()
    }

    /// No more comes from here.
    pub fn finish(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Write);
    }

    /// One byte, None at the end.
    pub fn byte(&mut self) -> Option<u8> {
        if self.buffer.is_empty() && !self.fill() {
            return None;
        }
        Some(self.buffer.remove(0))
    }

    /// A message, None at the end of the connection (also in the middle of one).
    pub fn message(&mut self) -> Option<Message> {
        loop {
            if let Some(length) = self.buffer.get(1..5) {
                let total = 1 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
                if self.buffer.len() >= total {
                    let rest = self.buffer.split_off(total);
                    let whole = std::mem::replace(&mut self.buffer, rest);
                    return Some(Message { tag: whole[0], body: whole[5..].to_vec() });
                }
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// Reads what has come. False at the end; panics if nothing comes in time.
    fn fill(&mut self) -> bool {
        let mut chunk = [0; 16_384];
        match self.io.read(&mut chunk) {
            Ok(0) => false,
            Ok(n) => {
                self.buffer.extend_from_slice(&chunk[..n]);
                true
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                panic!("neither a message nor the end of the connection in {PATIENCE:?}")
            }
            // Reset, or TLS without its goodbye.
            Err(_) => false,
        }
    }

    /// Waits for the end of the connection. Err: something came, or there was no goodbye of TLS.
    pub fn goodbye(&mut self) -> io::Result<()> {
        match self.io.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(io::Error::other("more bytes")),
        }
    }

    /// What has come and is no whole message.
    pub fn left(&self) -> &[u8] {
        &self.buffer
    }

    /// All messages up to the end of the connection.
    pub fn rest(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.message()).collect()
    }

    /// What comes up to the next ReadyForQuery, or to the end.
    pub fn until_ready(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.message() {
            let last = message.tag == b'Z';
            messages.push(message);
            if last {
                break;
            }
        }
        messages
    }

    /// A Query and everything that is said about it.
    pub fn query(&mut self, sql: &str) -> Vec<Message> {
        self.send(&raw::query(sql));
        self.until_ready()
    }

    /// The next message that asks for something, or Err with everything to the end. What is said of
    /// protocol versions before it is remembered.
    pub fn request(&mut self) -> Result<Request, Vec<Message>> {
        let Some(message) = self.message() else { return Err(Vec::new()) };
        if message.tag == b'v' {
            self.negotiated = Some(negotiated(&message));
            return self.request();
        }
        if message.tag != b'R' {
            return Err([vec![message], self.rest()].concat());
        }
        let (code, data) = message.body.split_at(4);
        Ok(Request { code: u32::from_be_bytes(code.try_into().unwrap()), data: data.to_vec() })
    }

    /// Sends a start-up packet and logs in, as the server asks and as `how` answers. Err: everything that came
    /// after the last message of the exchange, to the end of the connection.
    pub fn log_in(&mut self, parameters: &[(&str, &str)], how: &Login<'_>) -> Result<Vec<Message>, Vec<Message>> {
        self.send(&raw::startup(parameters));
        self.answer(how)
    }

    /// Likewise, when the start-up packet is on its way.
    pub fn answer(&mut self, how: &Login<'_>) -> Result<Vec<Message>, Vec<Message>> {
        loop {
            let request = self.request()?;
            match request.code {
                0 => return Ok(self.until_ready()),
                3 => self.send(&message(b'p', &[how.password.as_bytes(), &[0]].concat())),
                5 => self.send(&message(b'p', &md5(how, &request.data))),
                10 => {
                    let offered = request.text();
                    let plus = offered.contains("SCRAM-SHA-256-PLUS") && self.binding.is_some() && how.plus;
                    self.scram(how, plus)?;
                }
                code => panic!("authentication request {code}"),
            }
        }
    }

    fn scram(&mut self, how: &Login<'_>, plus: bool) -> Result<(), Vec<Message>> {
        let scram = Scram::new(how, if plus { self.binding.clone() } else { None });
        self.send(&scram.initial());
        let server_first = self.request()?;
        assert_eq!(server_first.code, 11, "SASLContinue");
        let (last, signature) = scram.last(&server_first.text());
        self.send(&message(b'p', last.as_bytes()));
        let end = self.request()?;
        assert_eq!((end.code, end.text()), (12, format!("v={signature}")), "SASLFinal");
        Ok(())
    }
}

/// An authentication request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub code: u32,
    pub data: Vec<u8>,
}

impl Request {
    pub fn text(&self) -> String {
        String::from_utf8(self.data.clone()).expect("SASL's texts are UTF-8")
    }

    /// The mechanisms of AuthenticationSASL.
    pub fn mechanisms(&self) -> Vec<String> {
        assert_eq!(self.code, 10, "AuthenticationSASL");
        self.text().split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }
}

/// A start-up packet of any protocol version, with bytes that need not be text.
pub fn packet(major: u16, minor: u16, parameters: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut body = [major.to_be_bytes(), minor.to_be_bytes()].concat();
    for (name, value) in parameters {
        body.extend_from_slice(&[name, &[0][..], value, &[0]].concat());
    }
    body.push(0);
    [&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()
}

/// Reads NegotiateProtocolVersion.
pub fn negotiated(message: &Message) -> (u32, Vec<String>) {
    let number = |at: usize| u32::from_be_bytes(message.body[at..at + 4].try_into().unwrap());
    let options: Vec<String> =
        message.body[8..].split(|byte| *byte == 0).map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let count = number(4) as usize;
    (number(0), options[..count].to_vec())
}

/// How a client answers.
#[derive(Clone)]
pub struct Login<'a> {
    pub user: &'a str,
    pub password: &'a str,
    /// Take SCRAM-SHA-256-PLUS where it is offered over TLS.
    pub plus: bool,
    pub fault: Fault,
}

/// What a client does wrong in SCRAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Another nonce in the last message than the one agreed on.
    Nonce,
    /// Its own nonce only, without the server's part.
    HalfNonce,
    /// One bit of the proof.
    Proof,
    /// A proof that is too short.
    ShortProof,
    /// No proof.
    NoProof,
    /// The last byte of the binding's data.
    Binding,
    /// No binding's data behind the header.
    NoBinding,
    /// The header says `y`: "I could, you can't", while PLUS was offered.
    Y,
    /// The header says `n`, and the mechanism is PLUS.
    NWithPlus,
    /// The header asks for another kind of binding.
    Unique,
    /// A mechanism that was not offered.
    Mechanism,
    /// An authorization identity.
    Authzid,
    /// A mandatory extension.
    Extension,
}

impl<'a> Login<'a> {
    pub fn new(user: &'a str, password: &'a str) -> Self {
        Self { user, password, plus: true, fault: Fault::None }
    }
}

fn md5(how: &Login<'_>, salt: &[u8]) -> Vec<u8> {
    let hex = |bytes: &[u8]| {
        // PostgreSQL itself computes it elsewhere; here `md5sum` would do, and coreutils are everywhere.
        let mut child = std::process::Command::new("md5sum")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()[..32].to_owned()
    };
    let inner = hex([how.password, how.user].concat().as_bytes());
    format!("md5{}\0", hex(&[inner.as_bytes(), salt].concat())).into_bytes()
}

// ---- SCRAM (RFC 5802, 7677)

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// `SCRAM-SHA-256$…`, as the server keeps it.
pub fn verifier(password: &str, salt: &[u8], iterations: u32) -> String {
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations);
    let stored = Sha256::digest(hmac(&salted, b"Client Key"));
    let server = hmac(&salted, b"Server Key");
    let [salt, stored, server] = [salt, &stored[..], &server[..]].map(|bytes| BASE64_STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${iterations}:{salt}${stored}:{server}")
}

/// One exchange.
pub struct Scram {
    password: String,
    pub nonce: String,
    header: String,
    binding: Vec<u8>,
    mechanism: &'static str,
    fault: Fault,
}

impl Scram {
    /// `binding`: the certificate's, for SCRAM-SHA-256-PLUS.
    pub fn new(how: &Login<'_>, binding: Option<Vec<u8>>) -> Self {
        let mut random = [0; 18];
        getrandom::fill(&mut random).unwrap();
        let plus = binding.is_some();
        let header = match how.fault {
            Fault::Y => "y,,",
            Fault::Unique => "p=tls-unique,,",
            Fault::NWithPlus => "n,,",
            Fault::Authzid if plus => "p=tls-server-end-point,a=postgres,",
            Fault::Authzid => "n,a=postgres,",
            _ if plus => "p=tls-server-end-point,,",
            _ => "n,,",
        };
        Self {
            password: how.password.to_owned(),
            nonce: BASE64_STANDARD.encode(random),
            header: header.to_owned(),
            binding: binding.unwrap_or_default(),
            mechanism: match how.fault {
                Fault::Mechanism => "SCRAM-SHA-1",
                Fault::Y => "SCRAM-SHA-256",
                _ if plus => "SCRAM-SHA-256-PLUS",
                _ => "SCRAM-SHA-256",
            },
            fault: how.fault,
        }
    }

    fn bare(&self) -> String {
        // The name is the start-up packet's; libpq sends none here.
        let extension = if self.fault == Fault::Extension { "m=x," } else { "" };
        format!("{extension}n=,r={}", self.nonce)
    }

    /// SASLInitialResponse.
    pub fn initial(&self) -> Vec<u8> {
        let first = format!("{}{}", self.header, self.bare());
        let length = (first.len() as u32).to_be_bytes();
        message(b'p', &[self.mechanism.as_bytes(), &[0], &length, first.as_bytes()].concat())
    }

    /// client-final-message, and the server's signature that must answer it.
    pub fn last(&self, server_first: &str) -> (String, String) {
        let attribute = |name: &str| {
            let value = server_first.split(',').find_map(|part| part.strip_prefix(name));
            value.unwrap_or_else(|| panic!("no {name} in {server_first}"))
        };
        let (nonce, salt) = (attribute("r="), BASE64_STANDARD.decode(attribute("s=")).unwrap());
        assert!(nonce.starts_with(&self.nonce) && nonce.len() > self.nonce.len(), "{nonce}");
        let iterations: u32 = attribute("i=").parse().unwrap();
        let nonce = match self.fault {
            Fault::Nonce => format!("{nonce}x"),
            Fault::HalfNonce => self.nonce.clone(),
            _ => nonce.to_owned(),
        };
        let mut bound = self.header.as_bytes().to_vec();
        match self.fault {
            Fault::NoBinding => {}
            Fault::Binding => {
                bound.extend_from_slice(&self.binding);
                *bound.last_mut().unwrap() ^= 1;
            }
            _ => bound.extend_from_slice(if self.header.starts_with('p') { &self.binding } else { &[] }),
        }
        let mut last = format!("c={},r={nonce}", BASE64_STANDARD.encode(bound));
        let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(self.password.as_bytes(), &salt, iterations);
        let key = hmac(&salted, b"Client Key");
        let text = format!("{},{server_first},{last}", self.bare());
        let signature = hmac(&Sha256::digest(&key), text.as_bytes());
        let mut proof: Vec<u8> = key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        match self.fault {
            Fault::Proof => proof[7] ^= 16,
            Fault::ShortProof => proof.truncate(16),
            _ => {}
        }
        if self.fault != Fault::NoProof {
            write!(last, ",p={}", BASE64_STANDARD.encode(proof)).unwrap();
        }
        (last, BASE64_STANDARD.encode(hmac(&hmac(&salted, b"Server Key"), text.as_bytes())))
    }
}

/// Takes every certificate.
#[derive(Debug)]
pub struct Gullible;

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
