//! What a machine's resolver cannot be made to give to a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use super::*;
use crate::config;

fn upstream() -> Arc<Upstream> {
    let text = "upstream: { hosts: \"db:5432\", sslmode: disable }\nservice: { user: pgveil }\n\
         timeouts: { connect: 300ms }\n\
         databases: { postgres: { tables: { t: { columns: { c: { type: text } } } } } }\n";
    match config::load_from(Path::new("policy.yaml"), text.as_bytes(), [], &crate::kms::declarations()) {
        Ok(loaded) => Upstream::new(&loaded.policy).unwrap(),
        Err(findings) => panic!("{findings:?}"),
    }
}

/// A listener that says this to everybody.
async fn peer(words: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            socket.write_all(words).await.unwrap();
            kept.push(socket);
        }
    });
    address
}

async fn open(addresses: &[SocketAddr]) -> Result<(Connected, Word), ConnectError> {
    let upstream = upstream();
    let addresses = addresses.iter().copied().map(Address::Tcp).collect();
    upstream.open_first(0, &upstream.hosts[0], addresses, b"startup").await
}

#[tokio::test]
async fn each_address_of_a_name_is_tried_and_a_cancel_request_goes_to_the_one_that_was_taken() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mute = peer(b"").await;
    let good = peer(b"R\0\0\0\x08\0\0\0\0").await;
    let began = Instant::now();
    let (connected, word) = open(&[closed, mute, good]).await.unwrap();
    assert_eq!((connected.place.address, word), (Some(good), Word::Other));
    assert!(began.elapsed() >= Duration::from_millis(300), "the mute one was given its time");
    assert_eq!(&connected.side.input[..], b"R\0\0\0\x08\0\0\0\0", "for the client");
    let error = open(&[closed, mute]).await.unwrap_err().to_string();
    assert!(error.contains("Connection refused") && error.contains("no answer within 0.3 s"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_starting_ends_the_search_among_its_addresses_as_in_libpq() {
    let starting = peer(b"E\0\0\0\x13SFATAL\0C57P03\0\0").await;
    let good = peer(b"R\0\0\0\x08\0\0\0\0").await;
    let (connected, word) = open(&[starting, good]).await.unwrap();
    assert_eq!((connected.place.address, word), (Some(starting), Word::NotNow));
}

#[tokio::test]
async fn an_error_in_the_form_of_protocol_2_is_for_the_client() {
    let old = peer(b"EFATAL:  unsupported frontend protocol\n\0").await;
    let (connected, word) = open(&[old]).await.unwrap();
    assert_eq!(word, Word::Other);
    assert!(connected.side.input.starts_with(b"EFATAL"));
}
