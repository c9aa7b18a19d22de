//! Stored secrets, and passwords as PostgreSQL prepares them.

use super::*;
use crate::wire::scram::{VerifierError, keys::BadIterations, prep::prepared};

#[test]
fn a_verifier_that_postgresql_has_made_matches_its_password() {
    // CREATE ROLE … PASSWORD 'pencil' and 'Ⅸ and\u{a0}soft\u{ad}hyphen' of PostgreSQL 15.
    let cases: [(&str, &str); 2] = [("pencil", PENCIL), ("\u{2168} and\u{a0}soft\u{ad}hyphen", NINE)];
    for (password, text) in cases {
        let verifier = Verifier::parse(text.as_bytes()).unwrap();
        assert!(verifier.matches_password(password.as_bytes()));
        assert!(!verifier.matches_password(b"pencil2") && !verifier.matches_password(b""));
    }
    assert!(Verifier::parse(NINE.as_bytes()).unwrap().matches_password(b"IX and softhyphen"));
}

const PENCIL: &str = "SCRAM-SHA-256$4096:5qTtDjtsgx6qRd44PPJCyw==$7H9Nqo9Wr2Il9OzrhcYxYZuKTcnG190nXv9Sr6nefHI=:rirmlSNKDHcf93+dgFapWAh1nne14VaIlHmNRxOBo74=";
const NINE: &str = "SCRAM-SHA-256$4096:1Hh9mkDD6hWm29ciMc24nw==$fY2JOZKsooiTdfF2UNWCRJ7X43Ay8LQt4IPVVUilR3U=:RPlAlFKgNPwa4PMyAgyhQjVvepLT+H+znkpQ2enZywU=";

#[test]
fn other_secrets_are_told_apart_and_never_quoted() {
    let parse = |text: &str| Verifier::parse(text.as_bytes()).map(|_| ()).unwrap_err();
    let good = stored(b"secret", b"salt of 16 bytes", 4096);
    assert_eq!(parse("md5d578b1ec0c4a5d9a9d1d1d45a8fa3e1d"), VerifierError::Md5);
    assert_eq!(parse("md5 of a cat"), VerifierError::Plaintext);
    assert_eq!(parse("hunter2"), VerifierError::Plaintext);
    assert_eq!(parse(""), VerifierError::Plaintext);
    assert_eq!(parse(&good.replace("4096", "1000001")), BadIterations(1_000_001).into());
    assert_eq!(parse(&good.replace("4096", "0")), BadIterations(0).into());
    assert_eq!(parse(&good.replace("4096", "99999999999999999999")), BadIterations(u32::MAX).into());
    for bad in [
        "SCRAM-SHA-256$",
        "SCRAM-SHA-256$4096",
        "SCRAM-SHA-256$4096:c2FsdA==$",
        "SCRAM-SHA-256$4096:c2FsdA==$AAAA:AAAA",
        &good.replace("4096", "-4096"),
        &good.replace("4096", " 4096"),
        &good.replace("4096", ""),
        &good.replace("4096", "4096:4096"),
        &good.replace("4096:", "4096:*"),
        &format!("{good}="),
        &format!("{good}:"),
        &format!("{good}\n"),
        &good[..good.len() - 1],
    ] {
        let error = parse(bad);
        assert!(matches!(error, VerifierError::Damaged(_)), "{bad}: {error:?}");
    }
    let shown = format!("{:?}{:?}", Verifier::parse(good.as_bytes()).unwrap(), password(b"secret"));
    assert_eq!(shown, "VerifierSecret::Password");
}

#[test]
fn passwords_are_prepared_as_postgresql_does_it_or_left_as_they_are() {
    let same = |password: &[u8]| assert_eq!(prepared(password).as_ref(), password);
    let becomes = |password: &str, prepared_one: &str| {
        assert_eq!(std::str::from_utf8(&prepared(password.as_bytes())).unwrap(), prepared_one);
    };
    // src/test/authentication/t/002_saslprep.pl
    becomes("I\u{ad}X", "IX");
    becomes("\u{2168}", "IX");
    becomes("\u{aa}", "a");
    becomes("foo\u{a0}bar", "foo bar");
    same("foobar\u{7}\u{e9}".as_bytes());
    same("\u{627}1".as_bytes());
    becomes("\u{627}1\u{628}", "\u{627}1\u{628}");
    same(b"\xff\xfe");
    same(b"\x07control");
    same("\u{ad}".as_bytes());
    same("\u{221}".as_bytes());
    // Prohibited is what stands in the password, not what the normalization makes of it.
    becomes("\u{1fbf}", " \u{313}");
}
