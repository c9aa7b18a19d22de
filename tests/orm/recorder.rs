//! A relay that stands between a tool and the server and writes down what the tool sends.
//!
//! It reads the client's side only: texts of Query and Parse messages, and the parameter types that
//! Parse declares. <https://www.postgresql.org/docs/current/protocol-message-formats.html>

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use super::recording::Statement;

/// SSLRequest and GSSENCRequest have a code instead of the protocol's version, and are answered by one byte.
const ENCRYPTION_REQUESTS: [u32; 2] = [80_877_103, 80_877_104];

/// A running relay. Its threads end with their connections, or with the process.
pub struct Recorder {
    port: u16,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    case: String,
    statements: Vec<Statement>,
}

impl Recorder {
    /// Listens, and relays every connection to the server's port.
    pub fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the recorder");
        let port = listener.local_addr().expect("its address").port();
        let heard = Arc::new(Mutex::new(Heard { case: "connect".to_owned(), statements: Vec::new() }));
        let shared = heard.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let heard = shared.clone();
                thread::spawn(move || relay(client, server, &heard));
            }
        });
        Self { port, heard }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was sent so far, in order.
    pub fn statements(&self) -> Vec<Statement> {
        self.heard.lock().expect("the recorder").statements.clone()
    }
}

/// Ends when either side does; a tool may well hang up in the middle.
fn relay(client: TcpStream, server: u16, heard: &Mutex<Heard>) {
    let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)) else { return };
    // Small messages one by one are what Nagle's algorithm holds back.
    for socket in [&client, &upstream] {
        socket.set_nodelay(true).expect("a socket");
    }
    let (mut answers, mut to_client) = (upstream.try_clone().expect("a socket"), client.try_clone().expect("a socket"));
    let back = thread::spawn(move || {
        let _ = io::copy(&mut answers, &mut to_client);
        let _ = to_client.shutdown(std::net::Shutdown::Both);
    });
    let _ = listen(client, &upstream, heard);
    let _ = upstream.shutdown(std::net::Shutdown::Both);
    let _ = back.join();
}

fn listen(mut client: TcpStream, mut upstream: &TcpStream, heard: &Mutex<Heard>) -> io::Result<()> {
    loop {
        let body = body(&mut client)?;
        upstream.write_all(&[&(body.len() as u32 + 4).to_be_bytes(), &body[..]].concat())?;
        if !ENCRYPTION_REQUESTS.contains(&u32::from_be_bytes(body[..4].try_into().expect("four bytes"))) {
            break;
        }
    }
    loop {
        let mut tag = [0];
        client.read_exact(&mut tag)?;
        let body = body(&mut client)?;
        if let Some(statement) = statement(tag[0], &body) {
            heard.lock().expect("the recorder").add(statement);
        }
        upstream.write_all(&[&tag[..], &(body.len() as u32 + 4).to_be_bytes(), &body].concat())?;
    }
}

/// The rest of a message after its length.
fn body(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
    client.read_exact(&mut body)?;
    Ok(body)
}

fn statement(tag: u8, body: &[u8]) -> Option<Statement> {
    let mut parts = body.splitn(3, |&byte| byte == 0);
    match tag {
        b'Q' => Some(Statement::new(parts.next()?, Vec::new())),
        b'P' => {
            let (_name, text, rest) = (parts.next()?, parts.next()?, parts.next()?);
            let types = rest.get(2..)?.chunks_exact(4).map(|oid| u32::from_be_bytes(oid.try_into().expect("four")));
            Some(Statement::new(text, types.collect()))
        }
        _ => None,
    }
}

impl Heard {
    fn add(&mut self, mut statement: Statement) {
        // What lays the rows out before a case says which one follows.
        if statement.text.starts_with("/* seed: ") {
            let case = statement.text.rsplit("/* case: ").next().and_then(|rest| rest.split(' ').next());
            self.case = case.expect("the case's name").to_owned();
        } else if !statement.text.is_empty() {
            statement.case.clone_from(&self.case);
            self.statements.push(statement);
        }
    }
}
