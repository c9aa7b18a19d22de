//! Server against client, in every combination of what they have and want.

use super::*;
use crate::wire::scram::ScramError;

const PLUS: &[u8] = b"SCRAM-SHA-256-PLUS";
const PLAIN: &[u8] = b"SCRAM-SHA-256";

fn client(offered: &[&[u8]], end_point: Option<&[u8]>, policy: Binding, tls: bool) -> Result<Client, ClientError> {
    Client::new(password(b"secret"), offered, end_point, policy, tls)
}

fn offered(server: &Server) -> Vec<&'static [u8]> {
    server.mechanisms().iter().map(|name| name.as_bytes()).collect()
}

#[test]
fn the_header_is_the_one_that_libpq_chooses() {
    use Binding::{Disable, Prefer, Require};
    let hash = Some(&b"hash"[..]);
    let both = [PLUS, PLAIN];
    let start = |offered: &[&[u8]], end_point, policy, tls| {
        let client = client(offered, end_point, policy, tls)?;
        let first = String::from_utf8(client.first()).unwrap();
        Ok((client.mechanism(), first.split_once("n=,r=").unwrap().0.to_owned()))
    };
    let bound = || Ok(("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,".to_owned()));
    let plain = |header: &str| Ok(("SCRAM-SHA-256", header.to_owned()));
    assert_eq!(start(&both, hash, Prefer, true), bound());
    assert_eq!(start(&both, hash, Require, true), bound());
    assert_eq!(start(&[PLUS], hash, Prefer, true), bound());
    assert_eq!(start(&both, hash, Disable, true), plain("n,,"));
    assert_eq!(start(&[PLAIN], hash, Prefer, true), plain("y,,"));
    assert_eq!(start(&[PLAIN], hash, Disable, true), plain("n,,"));
    assert_eq!(start(&both, None, Prefer, true), plain("n,,"));
    assert_eq!(start(&[PLAIN], None, Prefer, false), plain("n,,"));
    assert_eq!(start(&[PLAIN], None, Disable, false), plain("n,,"));
    assert_eq!(start(&[PLAIN], hash, Require, true), Err(ClientError::RequiredNotOffered));
    assert_eq!(start(&both, None, Require, true), Err(ClientError::RequiredWithoutEndPoint));
    assert_eq!(start(&both, None, Require, false), Err(ClientError::RequiredWithoutTls));
    assert_eq!(start(&both, None, Prefer, false), Err(ClientError::OfferedWithoutTls));
    assert_eq!(start(&[PLUS], hash, Disable, true), Err(ClientError::Mechanisms));
    assert_eq!(start(&[PLUS], None, Prefer, true), Err(ClientError::Mechanisms));
    assert_eq!(start(&[b"OAUTHBEARER"], None, Prefer, false), Err(ClientError::Mechanisms));
}

#[test]
fn the_right_password_opens_and_a_wrong_one_does_not() {
    for end_point in [None, Some(&b"hash"[..])] {
        for policy in [Binding::Disable, Binding::Prefer] {
            let server = |with: &[u8]| Server::new(verifier(with), end_point);
            let client = || client(&offered(&server(b"secret")), end_point, policy, end_point.is_some()).unwrap();
            login(client(), server(b"secret")).unwrap();
            assert_eq!(login(client(), server(b"Secret")).err().unwrap(), "password authentication failed");
        }
    }
}

#[test]
fn what_the_server_learns_opens_the_next_server_with_the_same_verifier() {
    let server = || Server::new(verifier(b"secret"), Some(b"hash of the second server"));
    let learnt = login(client(&[PLAIN], None, Binding::Prefer, false).unwrap(), Server::new(verifier(b"secret"), None));
    let keys = learnt.unwrap();
    let with_keys = |end_point| {
        Client::new(Secret::Keys(keys.clone()), &offered(&server()), end_point, Binding::Prefer, true).unwrap()
    };
    let again = login(with_keys(Some(b"hash of the second server")), server()).unwrap();
    assert!(again.client == keys.client);
    assert_eq!(
        login(with_keys(Some(b"hash of somebody else")), server()).err().unwrap(),
        "SCRAM channel binding check failed"
    );
    for (salt, iterations) in [(&b"another salt"[..], FAST), (b"salt of 16 bytes", FAST + 1)] {
        let other = Verifier::parse(stored(b"secret", salt, iterations).as_bytes()).unwrap();
        let client = Client::new(Secret::Keys(keys.clone()), &[PLAIN], None, Binding::Prefer, false).unwrap();
        assert_eq!(login(client, Server::new(other, None)).err().unwrap(), ClientError::OtherVerifier.to_string());
    }
}

#[test]
fn a_client_that_was_not_shown_plus_is_refused_where_plus_was_offered() {
    let client = client(&[PLAIN], Some(b"hash"), Binding::Prefer, true).unwrap();
    let error = Server::new(verifier(b"secret"), Some(b"hash")).first(PLAIN, &client.first()).unwrap_err();
    assert_eq!((&error, error.sqlstate()), (&ScramError::Downgrade, "28000"));
    assert_eq!(error.to_string(), "SCRAM channel binding negotiation error");
    assert!(error.detail().unwrap().contains("thinks the server does not.  However"));
}

#[test]
fn the_same_client_is_welcome_where_no_hash_of_the_certificate_is_defined() {
    let client = client(&[PLAIN], Some(b"hash"), Binding::Prefer, true).unwrap();
    login(client, Server::new(verifier(b"secret"), None)).unwrap();
}

#[test]
fn a_role_without_verifier_is_asked_in_the_same_shape_and_gets_the_same_error() {
    let mock = || Verifier::mock(&[7; 32], b"nobody");
    let real = || Verifier::parse(stored(b"Secret", b"salt of 16 bytes", 4096).as_bytes()).unwrap();
    let challenge = |verifier| {
        let client = client(&[PLAIN], None, Binding::Prefer, false).unwrap();
        let (first, challenged) = Server::new(verifier, None).first(PLAIN, &client.first()).unwrap();
        let error = challenged.last(answer(client, &first).unwrap().message()).map(|_| ()).unwrap_err();
        (String::from_utf8(first).unwrap(), error)
    };
    let (one, error) = challenge(mock());
    let (again, _) = challenge(mock());
    let (other, _) = challenge(Verifier::mock(&[7; 32], b"somebody"));
    let (elsewhere, _) = challenge(Verifier::mock(&[8; 32], b"nobody"));
    assert_eq!((&error, error.sqlstate()), (&ScramError::WrongPassword, "28P01"));
    let salt = |first: &str| first.split(',').nth(1).unwrap().to_owned();
    assert_eq!(salt(&one), salt(&again));
    assert!(salt(&one) != salt(&other) && salt(&one) != salt(&elsewhere) && salt(&other) != salt(&elsewhere));
    let shape = |first: &str| first.split(',').map(str::len).collect::<Vec<_>>();
    let (wrong, of_wrong) = challenge(real());
    assert_eq!((shape(&one), error), (shape(&wrong), of_wrong));
    assert!(!mock().matches_password(b"") && !mock().matches_password(b"secret") && real().matches_password(b"Secret"));
}

#[test]
fn a_server_that_does_not_know_the_verifier_is_found_out() {
    let answer = || {
        let client = client(&[PLAIN], None, Binding::Prefer, false).unwrap();
        let (first, _) = Server::new(verifier(b"secret"), None).first(PLAIN, &client.first()).unwrap();
        answer(client, &first).unwrap()
    };
    let finish = |text: &[u8]| answer().finish(text).unwrap_err();
    assert_eq!(finish(format!("v={}", STANDARD.encode([0; 32])).as_bytes()), ClientError::Signature);
    assert_eq!(finish(b"e=other-error"), ClientError::Server("other-error".to_owned()));
    assert_eq!(finish(b"e=\x1b[2J"), ClientError::Server("?[2J".to_owned()));
    for text in [&b""[..], b"v", b"v=", b"v=AAAA", b"x=AAAA", b"v=AA\0AA"] {
        assert!(matches!(finish(text), ClientError::Malformed(_)), "{text:?}");
    }
}
