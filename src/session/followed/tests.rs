#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut raw = vec![tag];
    raw.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    raw.extend_from_slice(body);
    raw
}

/// Messages by their types, with bodies that do not matter.
fn messages(tags: &str) -> Vec<u8> {
    tags.bytes().flat_map(|tag| message(tag, if tag == b'Z' { b"I" } else { b"xyz\0" })).collect()
}

/// A session that has just been let in.
fn logged_in() -> Followed {
    Followed::new(b'I')
}

const IDLE: Doing = Doing::Idle { in_transaction: false };

/// Plays what client (`>`) and server (`<`) say and gives what the session is doing at the end.
fn play(script: &[&str]) -> Followed {
    let mut followed = logged_in();
    for line in script {
        match line.split_at(1) {
            (">", tags) => followed.see_client(&messages(tags)),
            (_, tags) => followed.see_server(&messages(tags)),
        }
    }
    followed
}

#[test]
fn a_session_is_idle_once_everything_is_answered() {
    for script in [
        &[][..],
        &[">Q", "<TDDCZ"],
        &[">QQ", "<TDDCZ", "<CZ"],
        &[">PBDES", "<12TDDCZ"],
        &[">PDS", "<1tTZ"],
        &[">PBES", "<1EZ"],
        &[">PBQES", "<EZ"],
        &[">F", "<VZ"],
        // libpq sends a Sync behind Execute, which the server ignores if that is COPY, and one behind its end.
        &[">PBDES", "<12nG", ">ddcS", "<CZ"],
        &[">Q", "<G", ">dddc", "<CZ"],
        &[">Q", "<GE", ">dddc", "<Z"],
        &[">Q", "<HdddcCZ"],
        &["<NASN"],
        &[">Q", "<EZ"],
        &[">H"],
    ] {
        let followed = play(script);
        assert_eq!(followed.doing(), IDLE, "{script:?}");
        assert!(!followed.has_more(), "{script:?}");
    }
}

#[test]
fn a_session_with_something_under_way_is_not() {
    for script in [
        &[">Q"][..],
        &[">Q", "<TDDC"],
        &[">QQ", "<TDDCZ"],
        &[">PBE", "<12C"],
        &[">PBE", "<E"],
        &[">PBES", "<12C"],
        &[">Q", "<G", ">d"],
        // Replication.
        &[">Q", "<Wd", ">d", "<d"],
    ] {
        assert_eq!(play(script).doing(), Doing::Working, "{script:?}");
    }
}

#[test]
fn a_transaction_is_told_by_its_status() {
    for (status, in_transaction) in [(b"I", false), (b"T", true), (b"E", true)] {
        let mut followed = play(&[">Q"]);
        followed.see_server(&[message(b'C', b"x\0"), message(b'Z', status)].concat());
        assert_eq!(followed.doing(), Doing::Idle { in_transaction });
    }
}

#[test]
fn statements_behind_the_present_one_are_more() {
    assert!(!play(&[">Q"]).has_more());
    assert!(!play(&[">PBDEPBES"]).has_more());
    assert!(play(&[">QQ"]).has_more());
    assert!(play(&[">PBES", ">PBE"]).has_more());
    assert!(!play(&[">QQ", "<CZ"]).has_more());
    let mut followed = play(&[">Q"]);
    followed.see_client(b"Q\0\0");
    assert!(followed.has_more());
}

#[test]
fn what_fits_no_message_is_never_idle() {
    for bytes in
        [&b"E\0\0\0\0SFATAL"[..], b"Z\0\0\0\x04", b"Z\xff\xff\xff\xff", &messages("D1")[..], &messages("Z")[..]]
    {
        let mut followed = logged_in();
        followed.see_server(bytes);
        assert_eq!((followed.doing(), followed.is_lost()), (Doing::Working, true), "{bytes:?}");
        followed.see_server(&messages("Z"));
        assert_eq!(followed.doing(), Doing::Working);
    }
    let mut followed = logged_in();
    followed.see_client(b"Q\0\0\0\x01");
    assert!(followed.is_lost());
}

proptest! {
    /// However the bytes of both directions are cut, the same is seen.
    #[test]
    fn cuts_do_not_matter(sizes in proptest::collection::vec(1_usize..9, 1..40)) {
        let client = messages("QPBDESQX");
        let server = messages("TDDDCZ12TDDCZTDC");
        let whole = {
            let mut followed = logged_in();
            followed.see_client(&client);
            followed.see_server(&server);
            followed
        };
        let mut cut = logged_in();
        let feed = |bytes: &[u8], eat: &mut dyn FnMut(&[u8])| {
            let (mut at, mut sizes) = (0, sizes.iter().cycle());
            while at < bytes.len() {
                let end = (at + sizes.next().unwrap()).min(bytes.len());
                eat(&bytes[at..end]);
                at = end;
            }
        };
        feed(&client, &mut |bytes| cut.see_client(bytes));
        feed(&server, &mut |bytes| cut.see_server(bytes));
        prop_assert_eq!(whole.doing(), cut.doing());
        prop_assert_eq!(whole.is_terminated(), cut.is_terminated());
        prop_assert_eq!(whole.fifo.len(), cut.fifo.len());
        prop_assert!(!cut.is_lost() && cut.client_stands() && cut.server_stands());
    }

    /// Whatever is sent, nothing breaks.
    #[test]
    fn noise_is_survived(client: Vec<u8>, server: Vec<u8>) {
        let mut followed = logged_in();
        followed.see_client(&client);
        followed.see_server(&server);
        let _ = (followed.doing(), followed.has_more());
    }
}

/// Not a test of speed on a busy machine, but of its order: a row costs nanoseconds, not microseconds.
#[test]
fn rows_are_stepped_over() {
    let rows: Vec<u8> = (0..1000).flat_map(|_| message(b'D', &[0; 40])).collect();
    let mut followed = play(&[">Q", "<T"]);
    let began = Instant::now();
    for _ in 0..100 {
        followed.see_server(std::hint::black_box(&rows));
    }
    let each = began.elapsed() / 100_000;
    eprintln!("{each:?} a row");
    assert!(each < Duration::from_micros(2), "{each:?}");
}
