//! Messages that are none, and proofs that are nearly right.

use proptest::prelude::*;

use super::*;
use crate::wire::scram::ScramError;

const PLUS: &[u8] = b"SCRAM-SHA-256-PLUS";
const PLAIN: &[u8] = b"SCRAM-SHA-256";
const HASH: Option<&[u8]> = Some(b"hash");

fn first(end_point: Option<&[u8]>, mechanism: &[u8], message: &[u8]) -> Result<(Vec<u8>, Challenged), ScramError> {
    Server::new(verifier(b"secret"), end_point).first(mechanism, message)
}

fn detail(end_point: Option<&[u8]>, mechanism: &[u8], message: &[u8]) -> String {
    let error = first(end_point, mechanism, message).unwrap_err();
    assert_eq!((error.sqlstate(), error.to_string().as_str()), ("08P01", "malformed SCRAM message"));
    error.detail().unwrap().to_owned()
}

#[test]
fn a_bad_first_message_is_answered_in_postgresqls_words() {
    let says = |message: &[u8], says: &str| assert_eq!(detail(None, PLAIN, message), says);
    says(b"", "The message is empty.");
    says(b"n,,n=,r=abc\0", "Message length does not match input length.");
    says(b"x,,n=,r=abc", "Unexpected channel-binding flag \"'x'\".");
    says(b"\x80", "Unexpected channel-binding flag \"0x80\".");
    says(b"n", "Comma expected, but found character \"0x00\".");
    says(b"nn,n=,r=abc", "Comma expected, but found character \"'n'\".");
    says(b"n,b=,n=,r=abc", "Unexpected attribute \"'b'\" in client-first-message.");
    says(b"n,,r=abc", "Expected attribute \"n\" but found \"'r'\".");
    says(b"n,,n,r=abc", "Expected character \"=\" for attribute \"n\".");
    says(b"n,,n=", "Expected attribute \"r\" but found \"0x00\".");
    says(b"n,,n=,r=abc,1=", "Attribute expected, but found invalid character \"'1'\".");
    says(b"n,,n=,r=abc,x", "Expected character \"=\" for attribute \"x\".");
    assert!(
        detail(None, PLAIN, b"p=tls-server-end-point,,n=,r=abc")
            .starts_with("The client selected SCRAM-SHA-256 without")
    );
    assert!(
        detail(HASH, PLAIN, b"p=tls-server-end-point,,n=,r=abc")
            .starts_with("The client selected SCRAM-SHA-256 without")
    );
    assert!(detail(HASH, PLUS, b"n,,n=,r=abc").starts_with("The client selected SCRAM-SHA-256-PLUS, but"));
    assert!(detail(HASH, PLUS, b"y,,n=,r=abc").starts_with("The client selected SCRAM-SHA-256-PLUS, but"));

    let refused = |end_point, mechanism, message: &[u8], sqlstate, says: &str| {
        let error = first(end_point, mechanism, message).unwrap_err();
        assert_eq!((error.sqlstate(), error.to_string().as_str()), (sqlstate, says));
    };
    refused(None, PLAIN, b"n,a=ann,n=,r=abc", "0A000", "client uses authorization identity, but it is not supported");
    refused(None, PLAIN, b"n,,m=x,n=,r=abc", "0A000", "client requires an unsupported SCRAM extension");
    refused(None, PLAIN, b"n,,n=,r=a c", "08P01", "non-printable characters in SCRAM nonce");
    refused(None, PLUS, b"n,,n=,r=abc", "08P01", "client selected an invalid SASL authentication mechanism");
    refused(None, b"OAUTHBEARER", b"n,,n=,r=abc", "08P01", "client selected an invalid SASL authentication mechanism");
    let type_of = b"p=tls-unique\x1b,,n=,r=abc";
    refused(HASH, PLUS, type_of, "08P01", "unsupported SCRAM channel-binding type \"tls-unique?\"");
}

#[test]
fn names_and_extensions_of_the_first_message_are_passed_over() {
    for message in [&b"n,,n=postgres,r=abc"[..], b"n,,n=,r=abc,x=1,y=2", b"n,,n=a=2Cb,r=abc,", b"y,,n=,r=abc"] {
        let (challenge, _) = first(None, PLAIN, message).unwrap();
        assert!(challenge.starts_with(b"r=abc"));
    }
}

/// A server that waits for the proof, and the right last message without and with its proof.
fn waiting(end_point: Option<&[u8]>) -> (Challenged, String) {
    let offered: Vec<&[u8]> = if end_point.is_some() { vec![PLUS, PLAIN] } else { vec![PLAIN] };
    let client = Client::new(password(b"secret"), &offered, end_point, Binding::Prefer, end_point.is_some()).unwrap();
    let (server_first, challenged) = first(end_point, client.mechanism().as_bytes(), &client.first()).unwrap();
    let message = answer(client, &server_first).unwrap().message().to_vec();
    (challenged, String::from_utf8(message).unwrap())
}

fn last(change: impl Fn(&str) -> String) -> Result<(), ScramError> {
    let (challenged, message) = waiting(None);
    challenged.last(change(&message).as_bytes()).map(|_| ())
}

#[test]
fn a_bad_last_message_is_answered_in_postgresqls_words() {
    let says = |change: &dyn Fn(&str) -> String, sqlstate, text: &str| {
        let error = last(change).unwrap_err();
        assert_eq!(error.sqlstate(), sqlstate);
        assert_eq!([Some(error.to_string().as_str()), error.detail()].into_iter().flatten().last().unwrap(), text);
    };
    assert_eq!(last(str::to_owned), Ok(()));
    says(&|_| String::new(), "08P01", "The message is empty.");
    says(&|m| format!("{m}\0"), "08P01", "Message length does not match input length.");
    let header = "unexpected SCRAM channel-binding attribute in client-final-message";
    says(&|m| m.replace("c=biws", "c=eSws"), "08P01", header);
    says(&|m| m.replace("c=biws", "c="), "08P01", header);
    says(&|m| m.replace("c=biws", "d=biws"), "08P01", "Expected attribute \"c\" but found \"'d'\".");
    says(&|m| m.replace(",r=", ",r=x"), "08P01", "Nonce does not match.");
    says(&|m| m.replace(",p=", "x,p="), "08P01", "Nonce does not match.");
    says(&|m| m[..m.find(",p=").unwrap()].to_owned(), "08P01", "Attribute expected, but found end of string.");
    says(&|m| m.replace(",p=", ",p=A"), "08P01", "Malformed proof in client-final-message.");
    says(&|m| m.trim_end_matches('=').to_owned(), "08P01", "Malformed proof in client-final-message.");
    says(&|m| format!("{m},x=1"), "08P01", "Garbage found at the end of client-final-message.");
    // An extension before the proof is signed, too.
    says(&|m| m.replace(",p=", ",x=1,p="), "28P01", "password authentication failed");
}

#[test]
fn an_end_point_that_differs_in_one_bit_is_refused() {
    let (_, right) = waiting(HASH);
    let offered: [&[u8]; 2] = [PLUS, PLAIN];
    let client = Client::new(password(b"secret"), &offered, Some(b"hasi"), Binding::Require, true).unwrap();
    let (server_first, challenged) = first(HASH, PLUS, &client.first()).unwrap();
    let message = answer(client, &server_first).unwrap().message().to_vec();
    assert_ne!(right.as_bytes(), message);
    let error = challenged.last(&message).err().unwrap();
    assert_eq!((error.sqlstate(), error.to_string().as_str()), ("28000", "SCRAM channel binding check failed"));
}

#[test]
fn every_change_of_a_bit_of_the_proof_or_of_a_character_of_the_message_fails() {
    for bit in 0..256 {
        let outcome = last(|message| {
            let (head, proof) = message.rsplit_once(",p=").unwrap();
            let mut proof = STANDARD.decode(proof).unwrap();
            proof[bit / 8] ^= 1 << (bit % 8);
            format!("{head},p={}", STANDARD.encode(proof))
        });
        assert_eq!(outcome, Err(ScramError::WrongPassword), "bit {bit}");
    }
    let length = waiting(None).1.len();
    for at in 0..length {
        for bit in 0..7 {
            let outcome = last(|message| {
                let mut bytes = message.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                String::from_utf8(bytes).unwrap()
            });
            assert!(outcome.is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn a_servers_bad_challenge_is_told_apart() {
    let challenge = |make: &dyn Fn(&str) -> String| {
        let client = Client::new(password(b"secret"), &[PLAIN], None, Binding::Prefer, false).unwrap();
        let nonce = String::from_utf8(client.first()).unwrap().replace("n,,n=,r=", "");
        answer(client, make(&nonce).as_bytes()).map(|_| ())
    };
    assert_eq!(challenge(&|nonce| format!("r={nonce}x,s=c2FsdA==,i=16")), Ok(()));
    assert_eq!(challenge(&|nonce| format!("r={nonce},s=c2FsdA==,i=16")), Err(ClientError::Nonce));
    assert_eq!(challenge(&|nonce| format!("r=x{nonce},s=c2FsdA==,i=16")), Err(ClientError::Nonce));
    assert_eq!(challenge(&|nonce| format!("r={nonce} ,s=c2FsdA==,i=16")), Err(ClientError::Nonce));
    for (count, given) in [("0", 0), ("1000001", 1_000_001), ("4294967297", u32::MAX)] {
        let outcome = challenge(&|nonce| format!("r={nonce}x,s=c2FsdA==,i={count}"));
        assert_eq!(
            outcome.unwrap_err().to_string(),
            format!("{given} iterations of SCRAM: pgveil takes from 1 to 1000000")
        );
    }
    for bad in [
        "",
        "r=",
        "s=c2FsdA==,i=16",
        "r=@x",
        "r=@x,s=,i=16",
        "r=@x,s=c2FsdA,i=16",
        "r=@x,s=c2FsdA==,i=",
        "r=@x,s=c2FsdA==,i=-1",
        "r=@x,s=c2FsdA==,i=16,m=1",
        "m=1,r=@x,s=c2FsdA==,i=16",
        "r=@x\0,s=c2FsdA==,i=16",
    ] {
        let error = challenge(&|nonce| bad.replace('@', nonce)).unwrap_err();
        assert!(matches!(error, ClientError::Malformed(_) | ClientError::Nonce), "{bad}: {error:?}");
    }
}

/// Bytes that look like messages now and then.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "n",
            "y",
            "p=tls-server-end-point",
            ",",
            ",,",
            "n=",
            "r=",
            "c=biws",
            "p=",
            "s=c2FsdA==",
            "i=1",
            "m=",
            "a=",
            "v=",
            "e=",
            "=",
            "AAAA"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn garbage_never_gets_in_and_never_panics(one in garbage(), two in garbage(), plus in any::<bool>(), tls in any::<bool>()) {
        let mechanism = if plus { PLUS } else { PLAIN };
        if let Ok((_, challenged)) = first(HASH.filter(|_| tls), mechanism, &one) {
            prop_assert!(challenged.last(&two).is_err());
        }
        prop_assert!(waiting(None).0.last(&two).is_err());
        let client = Client::new(password(b"secret"), &[PLAIN], None, Binding::Prefer, false).unwrap();
        prop_assert!(client.challenge(&one).is_err());
        let _ = Verifier::parse(&two);
        let _ = Verifier::parse(&[b"SCRAM-SHA-256$", &one[..]].concat());
    }

    #[test]
    fn any_bytes_are_a_password(bytes in prop::collection::vec(any::<u8>(), 0..40), text in ".{0,20}") {
        for password in [&bytes[..], text.as_bytes()] {
            let prepared = crate::wire::scram::prep::prepared(password);
            prop_assert!(verifier(&prepared).matches_password(password));
            prop_assert!(!verifier(&prepared).matches_password(&[password, b"x"].concat()));
        }
    }
}
