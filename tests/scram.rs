//! SCRAM against a real PostgreSQL: pgveil's client logs in there, and pgveil's server takes the verifiers
//! that it stores.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::OnceLock;

use pgveil::{
    cli::demo::cluster::{Cluster, ClusterAuth, ClusterOptions},
    wire::scram::{Binding, Client, ClientKeys, Secret, Server, Verifier, client::Step},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_postgres::NoTls;
use zeroize::Zeroizing;

/// Ended by its watchdog when the process ends.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        Cluster::start(&ClusterOptions { auth: ClusterAuth::Scram, settings: vec![] }).expect("a private server")
    })
}

/// Makes a role; gives what the server has stored.
async fn role(name: &str, password: &str) -> String {
    let (client, connection) = tokio_postgres::connect(&cluster().conn_string("postgres"), NoTls).await.unwrap();
    tokio::spawn(connection);
    let quoted = password.replace('\'', "''");
    client.batch_execute(&format!("CREATE ROLE {name} LOGIN PASSWORD '{quoted}'")).await.unwrap();
    client.query_one("SELECT rolpassword FROM pg_authid WHERE rolname = $1", &[&name]).await.unwrap().get(0)
}

fn password(text: &str) -> Secret {
    Secret::Password(Zeroizing::new(text.as_bytes().to_vec()))
}

/// A connection that only logs in.
struct Connection(TcpStream);

impl Connection {
    async fn send(&mut self, tag: Option<u8>, body: &[u8]) {
        let mut out = Vec::from_iter(tag);
        out.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        out.extend_from_slice(body);
        self.0.write_all(&out).await.unwrap();
    }

    async fn receive(&mut self) -> (u8, Vec<u8>) {
        let tag = self.0.read_u8().await.unwrap();
        let mut body = vec![0; self.0.read_u32().await.unwrap() as usize - 4];
        self.0.read_exact(&mut body).await.unwrap();
        (tag, body)
    }

    /// An authentication message of that kind; anything else as text.
    async fn authentication(&mut self, kind: u32) -> Result<Vec<u8>, String> {
        match self.receive().await {
            (b'R', body) if body[..4] == kind.to_be_bytes() => Ok(body[4..].to_vec()),
            (_, body) => Err(String::from_utf8_lossy(&body).into_owned()),
        }
    }
}

async fn login(role: &str, secret: Secret) -> Result<(), String> {
    let mut server = Connection(TcpStream::connect(("127.0.0.1", cluster().port())).await.unwrap());
    server.send(None, &[&[0, 3, 0, 0], format!("user\0{role}\0database\0postgres\0\0").as_bytes()].concat()).await;
    let list = server.authentication(10).await?;
    let offered: Vec<&[u8]> = list.split(|&byte| byte == 0).filter(|name| !name.is_empty()).collect();
    let client = Client::new(secret, &offered, None, Binding::Prefer, false).map_err(|e| e.to_string())?;
    let first = client.first();
    let mut body = [client.mechanism().as_bytes(), &[0]].concat();
    body.extend_from_slice(&(first.len() as u32).to_be_bytes());
    body.extend_from_slice(&first);
    server.send(Some(b'p'), &body).await;
    let answer = match client.challenge(&server.authentication(11).await?).map_err(|e| e.to_string())? {
        Step::Derive(derivation) => derivation.run(),
        Step::Answer(answer) => answer,
    };
    server.send(Some(b'p'), answer.message()).await;
    answer.finish(&server.authentication(12).await?).map_err(|e| e.to_string())?;
    server.authentication(0).await.map(drop)
}

/// What pgveil learns of a client that logs in at it with that password.
fn learnt(verifier: &str, text: &str) -> Result<ClientKeys, String> {
    let server = Server::new(Verifier::parse(verifier.as_bytes()).unwrap(), None);
    let client = Client::new(password(text), &[b"SCRAM-SHA-256"], None, Binding::Prefer, false).unwrap();
    let (challenge, challenged) = server.first(b"SCRAM-SHA-256", &client.first()).unwrap();
    let Step::Derive(derivation) = client.challenge(&challenge).unwrap() else { panic!("keys without a password") };
    challenged.last(derivation.run().message()).map(|(_, keys)| keys).map_err(|error| error.to_string())
}

#[tokio::test]
async fn passwords_open_the_server_and_wrong_ones_do_not() {
    role("ann", "sécret").await;
    login("ann", password("sécret")).await.unwrap();
    assert!(login("ann", password("secret")).await.unwrap_err().contains("28P01"));
    assert!(login("nobody", password("secret")).await.unwrap_err().contains("28P01"));
}

#[tokio::test]
async fn keys_of_a_login_at_pgveil_open_the_server_until_the_password_changes() {
    let verifier = role("bob", "one").await;
    assert_eq!(learnt(&verifier, "two").err().unwrap(), "password authentication failed");
    let keys = learnt(&verifier, "one").unwrap();
    login("bob", Secret::Keys(keys.clone())).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&cluster().conn_string("postgres"), NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("ALTER ROLE bob PASSWORD 'one'").await.unwrap();
    let error = login("bob", Secret::Keys(keys)).await.unwrap_err();
    assert_eq!(error, "the server stores another SCRAM verifier of this role than pgveil was given");
}

#[tokio::test]
async fn passwords_are_prepared_as_the_server_prepares_them() {
    // Mapped, normalized, prohibited, not assigned in Unicode 3.2, of both directions, nothing left.
    let passwords = [
        "\u{2168}",
        "I\u{ad}X",
        "foo\u{a0}bar\u{200b}",
        "a\u{7}\u{e9}",
        "\u{e9}\u{e000}",
        "\u{221}",
        "\u{627}1",
        "\u{627}1\u{628}",
        "\u{ad}\u{feff}",
        "\u{1fbf}",
        "\u{1d15e}",
        "\u{2f868}",
        "e\u{301}\u{327}",
        "\u{ac00}\u{1100}\u{1161}\u{11a8}",
        "\u{340}\u{e9}",
        "\u{1f600} grin",
        "\u{5d0}\u{1d6c1}\u{5d0}",
        "\u{5d0}\u{1d7c3}\u{5d0}",
        "\u{5d0}\u{2207}\u{5d0}",
    ];
    for (index, text) in passwords.into_iter().enumerate() {
        let verifier = role(&format!("prep{index}"), text).await;
        assert!(Verifier::parse(verifier.as_bytes()).unwrap().matches_password(text.as_bytes()), "{text:?}");
    }
}
