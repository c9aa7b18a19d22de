//! Ways in that somebody looked for who had not written the door.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::{fs::FileExt as _, net::UnixStream},
    time::{Duration, Instant},
};

use super::{
    client::{Client, Login, SSL_REQUEST, Scram},
    setup::{BY_FILE, builder, certificates, front, own_address, port, works, write_users},
};
use crate::{
    raw::{self, Message, brief, field, listed},
    support::World,
};

/// Logs in over TLS as `role`; Err is what was said.
fn log_in(world: &World, target: u16, role: &str, password: &str) -> Result<Client, Vec<Message>> {
    let mut client = Client::tls(own_address(), target);
    let said = client.log_in(&[("user", role), ("database", world.database())], &Login::new(role, password))?;
    if said.last().is_some_and(|last| last.tag == b'Z') { Ok(client) } else { Err(said) }
}

/// A server that lets pgveil in without a password says nothing of the client's: without verifiers nobody would have
/// checked it.
#[test]
fn a_password_that_neither_pgveil_nor_the_server_checks_opens_nothing() {
    for method in ["host all app all trust", "hostssl all app all cert"] {
        let world = builder().hba(&format!("host all pgveil all scram-sha-256\n{method}")).not_running().start();
        write_users(&world);
        let upstream = "verify-full, sslcert: app.pem, sslkey: app.key";
        let unchecked = world.replica(&front("password", "require", upstream));
        for password in ["wrong", "app"] {
            let said = log_in(&world, port(&unchecked), "app", password).err().expect(method);
            assert_eq!(brief(&said), ["!08006"], "{method}: {}", listed(&said));
            let hint = field(&said[0], 'H');
            assert!(hint.contains("pg_hba.conf") && hint.contains("auth.verifiers"), "{method}: {hint}");
        }
        // Where pgveil checks it, the server need not.
        let checked = "{ method: password, verifiers: { file: users.txt } }";
        let checked = world.replica(&front(checked, "require", upstream));
        works(&mut log_in(&world, port(&checked), "app", "app").unwrap_or_else(|said| panic!("{}", listed(&said))));
        let said = log_in(&world, port(&checked), "app", "wrong").err().expect(method);
        assert_eq!(brief(&said), ["!28P01"], "{method}");
    }
}

/// Passwords of `credentials` would be shown to the server in place of the client's, which nobody had checked.
#[test]
fn credentials_do_not_stand_in_for_a_password_that_nobody_checks() {
    let world = builder().not_running().start();
    let auth = "{ method: password, credentials: credentials.txt }";
    let said = match world.try_replica(&front(auth, "require", "require")) {
        Err(said) => said.to_string(),
        Ok(proxy) => panic!("a wrong password gives {:?}", log_in(&world, port(&proxy), "app", "wrong").err()),
    };
    assert!(said.contains("policy/missing-key") && said.contains("auth.verifiers"), "{said}");
}

/// Sends all that there is to say in one go and closes its direction: start-up packet, and behind the last answer of
/// SCRAM a statement and Terminate.
fn all_at_once(target: u16, database: &str) -> Vec<String> {
    let mut client = Client::dial_from(own_address(), target);
    client.send(&raw::startup(&[("user", "app"), ("database", database)]));
    client.request().expect("the mechanisms");
    let scram = Scram::new(&Login::new("app", "app"), None);
    client.send(&scram.initial());
    let (last, _) = scram.last(&client.request().expect("the challenge").text());
    let rest = [raw::message(b'p', last.as_bytes()), raw::query("SELECT 1 + 1"), raw::terminate()].concat();
    client.send(&rest);
    client.finish();
    brief(&client.rest())
}

#[test]
fn what_was_said_before_the_end_of_a_connection_is_answered_though_the_login_was_not_done() {
    let world = builder().not_running().start();
    write_users(&world);
    assert_eq!(all_at_once(world.server_port(), world.database()), ["=I", "2", "SELECT 1", "=I"]);
    for auth in ["relay", BY_FILE] {
        let proxy = world.replica(&front(auth, "off", "disable"));
        for database in [world.database(), "postgres"] {
            for _ in 0..20 {
                let said = all_at_once(port(&proxy), database);
                assert_eq!(said, ["=I", "2", "SELECT 1", "=I"], "{auth}, {database}");
            }
        }
    }
}

/// Nothing but an answer goes up before the login, so somebody has to say that this is none.
#[test]
fn a_client_that_says_something_else_than_it_was_asked_for_is_refused_at_once_with_relay() {
    let world = builder().not_running().start();
    let proxy = world.replica(&front("relay", "off", "disable"));
    let refused = |target| {
        let mut client = Client::dial_from(own_address(), target);
        client.send(&raw::startup(&[("user", "app"), ("database", world.database())]));
        client.request().expect("the mechanisms");
        client.send(&raw::query("SELECT 1"));
        let said = client.rest();
        (brief(&said), field(&said[0], 'M'))
    };
    let start = Instant::now();
    assert_eq!(refused(port(&proxy)), refused(world.server_port()));
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

/// The name of a role is whatever a client likes; it has a certificate here, of another name.
#[test]
fn the_name_of_a_role_writes_no_lines_of_its_own_into_the_log() {
    let world = builder().policy(&front("cert", "verify", "disable")).start();
    let mut client = Client::dial_from(own_address(), port(world.proxy()));
    client.send(&SSL_REQUEST);
    assert_eq!(client.byte(), Some(b'S'));
    let mut client = client.handshake(Some(&certificates().app), &[]).unwrap();
    client.send(&raw::startup(&[("user", "x\nERROR forged \u{1b}[31m\u{202e}line"), ("database", world.database())]));
    assert_eq!(brief(&client.rest()), ["!28000"]);
    let start = Instant::now();
    while !world.stderr().contains("forged") {
        assert!(start.elapsed().as_secs() < 10, "nothing is logged: {}", world.stderr());
        std::thread::sleep(Duration::from_millis(20));
    }
    let log = world.stderr();
    assert!(!log.contains(['\u{1b}', '\u{202e}']), "{log:?}");
    assert!(!log.lines().any(|line| line.starts_with("ERROR forged")), "{log}");
}

/// How often a text is in the writable memory of a process.
fn count_in_memory(pid: u32, text: &[u8]) -> usize {
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut count = 0;
    for line in fs::read_to_string(format!("/proc/{pid}/maps")).unwrap().lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        let mut bytes = vec![0; (end - start) as usize];
        if rest.starts_with("rw") && memory.read_exact_at(&mut bytes, start).is_ok() {
            count += memchr::memmem::find_iter(&bytes, text).count();
        }
    }
    count
}

/// By a Unix socket: inside TLS, its own buffers are not pgveil's to wipe.
#[test]
fn a_clients_password_is_wiped_once_it_was_used() {
    let password = "wipe me 7f3a9c51";
    let world = builder().superuser_sql(&format!("ALTER ROLE app PASSWORD '{password}'")).not_running().start();
    let folder = tempfile::tempdir().unwrap();
    let proxy = world.replica(&format!(
        "listen: [\"127.0.0.1:0\", \"unix:{}\"]\n{}",
        folder.path().display(),
        front("password", "require", "require")
    ));
    let mut client = UnixStream::connect(folder.path().join(".s.PGSQL.6432")).unwrap();
    client.write_all(&raw::startup(&[("user", "app"), ("database", world.database())])).unwrap();
    let mut question = [0; 9];
    client.read_exact(&mut question).unwrap();
    assert_eq!(question, *b"R\0\0\0\x08\0\0\0\x03");
    client.write_all(&raw::message(b'p', &[password.as_bytes(), &[0]].concat())).unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"Z\0\0\0\x05I") {
        let mut byte = [0];
        client.read_exact(&mut byte).expect("a session");
        said.push(byte[0]);
    }
    assert_eq!(count_in_memory(proxy.pid(), password.as_bytes()), 0);
    // What is looked for would be found.
    client.write_all(&raw::query(&format!("SELECT '{password}'"))[..30]).unwrap();
    let start = Instant::now();
    while count_in_memory(proxy.pid(), password.as_bytes()) == 0 {
        assert!(start.elapsed().as_secs() < 10, "memory cannot be searched");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// libpq 17 and later (`PQcancelBlocking`) say "cancellation failed: SSL error: unexpected eof" otherwise.
#[test]
fn a_cancel_request_over_tls_ends_with_a_goodbye() {
    let world = builder().policy(&front("scram", "require", "require")).start();
    for target in [world.server_port(), port(world.proxy())] {
        let mut session = Client::tls(own_address(), target);
        let parameters = [("user", "app"), ("database", world.database())];
        let said = session.log_in(&parameters, &Login::new("app", "app")).expect("a session");
        let key = &said.iter().find(|message| message.tag == b'K').expect("a key").body;
        session.send(&raw::query("SELECT pg_sleep(60)"));
        // Not before it has begun.
        std::thread::sleep(Duration::from_millis(300));
        let mut cancel = Client::tls(own_address(), target);
        cancel.send(&[&16_u32.to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), key].concat());
        cancel.goodbye().expect("the end of TLS");
        assert_eq!(brief(&session.until_ready()), ["!57014", "=I"]);
    }
}

/// The server itself does not start with such a key.
#[test]
fn a_private_key_that_everybody_can_read_is_complained_of() {
    let key = &certificates().pgveil.key;
    let world = builder().file("open.key", key).not_running().start();
    write_users(&world);
    let policy = front(BY_FILE, "require", "require");
    let open = world.replica(&policy.replace("server.key", "open.key"));
    let complaint = "a private key can be read by everybody on this host";
    assert!(open.stderr().contains(complaint), "{}", open.stderr());
    assert!(!world.replica(&policy).stderr().contains(complaint));
}
