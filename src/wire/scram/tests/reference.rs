//! RFC 7677's example, and rust-postgres' implementation as the client.

use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

use super::*;

const FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const CHALLENGE: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const LAST: &[u8] =
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const SIGNATURE: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

fn rfc_server() -> (Vec<u8>, Challenged) {
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let verifier = Verifier::parse(stored(b"pencil", &salt, 4096).as_bytes()).unwrap();
    Server::new(verifier, None).first_with(b"SCRAM-SHA-256", FIRST, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0").unwrap()
}

#[test]
fn the_servers_side_of_the_rfcs_example() {
    let (challenge, challenged) = rfc_server();
    assert_eq!(challenge, CHALLENGE.as_bytes());
    let (server_final, _) = challenged.last(LAST).unwrap();
    assert_eq!(server_final, SIGNATURE.as_bytes());
}

#[test]
fn the_clients_proof_in_the_rfcs_example() {
    let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
    let salted = derive(b"pencil", &salt, Iterations::DEFAULT);
    let (bare, rest) = (&FIRST[3..], LAST.rsplitn(2, |&b| b == b',').nth(1).unwrap());
    let messages: [&[u8]; 5] = [bare, b",", CHALLENGE.as_bytes(), b",", rest];
    let proof = STANDARD.encode(salted.client_key().proof(&messages));
    assert_eq!(proof, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    let signature: [u8; 32] = STANDARD.decode(&SIGNATURE[2..]).unwrap().try_into().unwrap();
    assert!(salted.server_key().has_signed(&messages, &signature));
}

#[test]
fn rust_postgres_logs_in_here_with_every_binding_that_it_has() {
    let cases = [
        (None, "SCRAM-SHA-256", ChannelBinding::unsupported()),
        (None, "SCRAM-SHA-256", ChannelBinding::unrequested()),
        (Some(&b"hash"[..]), "SCRAM-SHA-256", ChannelBinding::unsupported()),
        (Some(b"hash"), "SCRAM-SHA-256-PLUS", ChannelBinding::tls_server_end_point(b"hash".to_vec())),
    ];
    for (end_point, mechanism, binding) in cases {
        let mut client = ScramSha256::new("grüße".as_bytes(), binding);
        let server = Server::new(verifier("grüße".as_bytes()), end_point);
        let (challenge, challenged) = server.first(mechanism.as_bytes(), client.message()).unwrap();
        client.update(&challenge).unwrap();
        let (server_final, _) = challenged.last(client.message()).unwrap();
        client.finish(&server_final).unwrap();
    }
}
