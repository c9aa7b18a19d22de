//! Who does not get in: raw clients that answer wrongly, ignore errors, or know the protocol too well.

use std::{
    net::Ipv4Addr,
    sync::{OnceLock, atomic::Ordering},
};

use pgveil::cli::demo::proxy::Proxy;

use super::{
    client::{Client, Fault, GSS_REQUEST, Login, Request, SSL_REQUEST, Scram},
    setup::{BY_FILE, builder, front, own_address, port, session, upstream_of, works, write_users},
};
use crate::{
    raw::{self, Message, field, listed, message, query, startup},
    shim::{Cut, Shim},
    support::{World, psql},
};

/// What a client sends that goes on as if it had been let in.
const INSERT: &str = "INSERT INTO people (name) VALUES ('intruder')";

/// pgveil in two forms over one server; what goes to the server is recorded.
struct Guarded {
    world: World,
    relay: Shim,
    /// `auth: scram`
    scram: Proxy,
    /// `auth: password`
    password: Proxy,
}

/// Roles that cannot log in with the password `app`, each for a reason of its own.
const ODD_ROLES: &str = "CREATE ROLE nologin PASSWORD 'app'; CREATE ROLE nopass LOGIN;
CREATE ROLE expired LOGIN PASSWORD 'app' VALID UNTIL '2020-01-01';
SET password_encryption = md5; CREATE ROLE md5role LOGIN PASSWORD 'app'";

fn guarded() -> &'static Guarded {
    static GUARDED: OnceLock<Guarded> = OnceLock::new();
    GUARDED.get_or_init(|| {
        let world = builder().superuser_sql(ODD_ROLES).not_running().start();
        write_users(&world);
        let relay = Shim::start(world.server_port(), Cut::Not, true);
        let hop = upstream_of(&relay.port.to_string(), "disable");
        let tls = "tls: { mode: require, certificate: server.pem, key: server.key }";
        let scram = world.replica(&format!("auth: {BY_FILE}\n{tls}\n{hop}"));
        let password = world.replica(&format!("auth: {}\n{tls}\n{hop}", BY_FILE.replace("scram", "password")));
        for proxy in [&scram, &password] {
            works(&mut session(Client::tls(own_address(), port(proxy)), &world));
        }
        Guarded { world, relay, scram, password }
    })
}

fn parameters(database: &str) -> [(&str, &str); 2] {
    [("user", "app"), ("database", database)]
}

/// One FATAL, the end of the connection, and nothing else. Gives its SQLSTATE.
#[track_caller]
fn one_fatal(title: &str, said: &[Message]) -> String {
    assert_eq!(raw::tags(said), "E", "{title}: {}", listed(said));
    assert_eq!(field(&said[0], 'S'), "FATAL", "{title}");
    assert_eq!(field(&said[0], 'V'), "FATAL", "{title}");
    field(&said[0], 'C')
}

/// Runs an attack and proves that the server has not heard of it.
#[track_caller]
fn unheard<T>(title: &str, attack: impl FnOnce() -> T) -> T {
    let guarded = guarded();
    let (connections, bytes) =
        (guarded.relay.connections.load(Ordering::Relaxed), guarded.relay.up.lock().unwrap().len());
    let result = attack();
    // What would come later.
    std::thread::sleep(std::time::Duration::from_millis(30));
    assert_eq!(guarded.relay.connections.load(Ordering::Relaxed), connections, "{title}: a connection to the server");
    let up = guarded.relay.up.lock().unwrap();
    // pgveil's own connections may say something at any time.
    let new = &up[bytes..];
    assert!(!new.windows(8).any(|window| window == b"intruder"), "{title}: {}", raw::text(new));
    result
}

#[track_caller]
fn nobody_was_there(world: &World) {
    assert_eq!(world.sql("SELECT count(*) FROM people WHERE name = 'intruder'"), "0");
}

// The tests that share the recording relay count its connections.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A SCRAM client with a wrong password that does not care. `at_once`: it does not even wait for the answer.
fn careless_scram(mut client: Client, database: &str, at_once: bool) -> Vec<Message> {
    client.send(&startup(&parameters(database)));
    let offer = client.request().expect("AuthenticationSASL");
    let plus = offer.mechanisms().iter().any(|name| name == "SCRAM-SHA-256-PLUS");
    let scram = Scram::new(&Login::new("app", "wrong"), client.binding.clone().filter(|_| plus));
    client.send(&scram.initial());
    let first = client.request().expect("SASLContinue").text();
    let last = message(b'p', scram.last(&first).0.as_bytes());
    if at_once {
        client.send(&[last, query(INSERT), query(INSERT)].concat());
        return client.rest();
    }
    client.send(&last);
    let mut said = Vec::from_iter(client.message());
    // It may be closed already.
    let _ = client.try_send(&query(INSERT));
    said.extend(client.rest());
    said
}

fn careless_password(mut client: Client, database: &str, at_once: bool) -> Vec<Message> {
    client.send(&startup(&parameters(database)));
    assert_eq!(client.request().expect("a request").code, 3, "AuthenticationCleartextPassword");
    let wrong = message(b'p', b"wrong\0");
    if at_once {
        client.send(&[wrong, query(INSERT), query(INSERT)].concat());
        return client.rest();
    }
    client.send(&wrong);
    let mut said = Vec::from_iter(client.message());
    let _ = client.try_send(&query(INSERT));
    said.extend(client.rest());
    said
}

/// The control: the server itself does so.
#[test]
fn postgresql_itself_says_one_fatal_to_a_client_that_ignores_it() {
    let world = builder().hba("hostssl all app all scram-sha-256").idle().start();
    for at_once in [false, true] {
        let client = Client::tls(Ipv4Addr::LOCALHOST, world.server_port());
        assert_eq!(one_fatal("scram", &careless_scram(client, world.database(), at_once)), "28P01");
    }
    nobody_was_there(&world);
    let world = builder().hba("hostssl all app all password").idle().start();
    for at_once in [false, true] {
        let client = Client::tls(Ipv4Addr::LOCALHOST, world.server_port());
        assert_eq!(one_fatal("password", &careless_password(client, world.database(), at_once)), "28P01");
    }
    nobody_was_there(&world);
}

#[test]
fn a_client_with_a_wrong_password_that_ignores_the_error_gets_nothing_and_the_server_hears_nothing() {
    let _alone = alone();
    let guarded = guarded();
    let database = guarded.world.database();
    for at_once in [false, true] {
        let said =
            unheard("scram", || careless_scram(Client::tls(own_address(), port(&guarded.scram)), database, at_once));
        assert_eq!(one_fatal("scram", &said), "28P01");
        assert_eq!(field(&said[0], 'M'), "password authentication failed for user \"app\"");
        let said = unheard("password", || {
            careless_password(Client::tls(own_address(), port(&guarded.password)), database, at_once)
        });
        assert_eq!(one_fatal("password", &said), "28P01");
        assert_eq!(field(&said[0], 'M'), "password authentication failed for user \"app\"");
    }
    nobody_was_there(&guarded.world);
}

/// Statements before any authentication, over TLS and without.
#[test]
fn statements_before_the_login_are_never_heard() {
    let _alone = alone();
    let guarded = guarded();
    let database = guarded.world.database();
    for proxy in [&guarded.scram, &guarded.password] {
        let said = unheard("behind the start-up packet", || {
            let mut client = Client::tls(own_address(), port(proxy));
            client.send(&[startup(&parameters(database)), query(INSERT)].concat());
            client.rest()
        });
        // The request for a password, and the refusal of a Query in its place.
        assert_eq!(raw::tags(&said), "RE", "{}", listed(&said));
        let said = unheard("in the clear", || {
            let mut client = Client::dial_from(own_address(), port(proxy));
            client.send(&[startup(&parameters(database)), query(INSERT)].concat());
            client.rest()
        });
        assert_eq!(one_fatal("in the clear", &said), "28000");
        assert_eq!(field(&said[0], 'M'), "pgveil accepts only TLS connections");
    }
    nobody_was_there(&guarded.world);
}

// ---- wrong answers

/// Over TLS: faults with SCRAM-SHA-256-PLUS and without.
const FAULTS: [(Fault, bool); 16] = [
    (Fault::Nonce, false),
    (Fault::HalfNonce, false),
    (Fault::Proof, false),
    (Fault::ShortProof, false),
    (Fault::NoProof, false),
    (Fault::Extension, false),
    (Fault::Authzid, false),
    (Fault::Mechanism, false),
    (Fault::Y, false),
    (Fault::Nonce, true),
    (Fault::Proof, true),
    (Fault::Binding, true),
    (Fault::NoBinding, true),
    (Fault::NWithPlus, true),
    (Fault::Unique, true),
    (Fault::Authzid, true),
];

/// The SQLSTATE that a faulty client with the right password gets.
#[track_caller]
fn fault(client: Client, database: &str, fault: Fault, plus: bool) -> String {
    let mut client = client;
    let login = Login { plus, fault, ..Login::new("app", "app") };
    let said = client.log_in(&parameters(database), &login).expect_err("a fault");
    one_fatal(&format!("{fault:?} {plus}"), &said)
}

/// The control.
#[test]
fn postgresql_itself_refuses_wrong_answers_in_scram() {
    let world = builder().idle().start();
    for (kind, plus) in FAULTS {
        let code = fault(Client::tls(Ipv4Addr::LOCALHOST, world.server_port()), world.database(), kind, plus);
        assert!(["08P01", "28P01", "0A000", "28000"].contains(&code.as_str()), "{kind:?} {plus}: {code}");
    }
    one_fatal("a replay", &replay(Ipv4Addr::LOCALHOST, world.server_port(), world.database()));
}

#[test]
fn wrong_answers_in_scram_are_refused_as_postgresql_refuses_them() {
    let _alone = alone();
    let guarded = guarded();
    let (database, server) = (guarded.world.database(), guarded.world.server_port());
    for (kind, plus) in FAULTS {
        let expected = fault(Client::tls(Ipv4Addr::LOCALHOST, server), database, kind, plus);
        let found =
            unheard("a fault", || fault(Client::tls(own_address(), port(&guarded.scram)), database, kind, plus));
        assert_eq!(found, expected, "{kind:?}, PLUS {plus}");
    }
    // The same client without a fault, both ways.
    for plus in [false, true] {
        let login = Login { plus, ..Login::new("app", "app") };
        for target in [server, port(&guarded.scram)] {
            let mut client = Client::tls(own_address(), target);
            assert!(client.log_in(&parameters(database), &login).is_ok(), "PLUS {plus}");
        }
    }
}

/// Both client messages of a login that worked, sent again.
fn replay(source: Ipv4Addr, target: u16, database: &str) -> Vec<Message> {
    let mut first = Client::tls(source, target);
    first.send(&startup(&parameters(database)));
    first.request().unwrap();
    let scram = Scram::new(&Login::new("app", "app"), first.binding.clone());
    first.send(&scram.initial());
    let last = scram.last(&first.request().unwrap().text()).0;
    first.send(&message(b'p', last.as_bytes()));
    assert_eq!(first.request().expect("SASLFinal").code, 12);
    assert!(first.answer(&Login::new("app", "app")).is_ok());

    let mut again = Client::tls(source, target);
    again.send(&startup(&parameters(database)));
    again.request().unwrap();
    again.send(&scram.initial());
    again.request().unwrap();
    again.send(&message(b'p', last.as_bytes()));
    again.rest()
}

#[test]
fn a_recorded_login_cannot_be_played_again() {
    let _alone = alone();
    let guarded = guarded();
    let (database, server) = (guarded.world.database(), guarded.world.server_port());
    let expected = one_fatal("the server", &replay(Ipv4Addr::LOCALHOST, server, database));
    assert_eq!(one_fatal("pgveil", &replay(own_address(), port(&guarded.scram), database)), expected);
}

/// Messages in place of the first answer.
fn nonsense() -> Vec<(&'static str, Vec<u8>)> {
    let initial = |name: &str, length: u32, data: &[u8]| {
        message(b'p', &[name.as_bytes(), &[0], &length.to_be_bytes(), data].concat())
    };
    let framed = |length: u32| [&b"p"[..], &length.to_be_bytes(), b"SCRAM-SHA-256\0"].concat();
    let megabyte = vec![b'x'; 1 << 20];
    vec![
        ("a megabyte", initial("SCRAM-SHA-256", 1 << 20, &megabyte)),
        ("a message of 2 GB", framed(0x7fff_ffff)),
        ("a message of negative length", framed(0x8000_0000)),
        ("a message of length -1", framed(u32::MAX)),
        ("a message of length 3", framed(3)),
        ("data of negative length", initial("SCRAM-SHA-256", 0x8000_0010, b"n,,n=,r=abc")),
        ("more data than there is", initial("SCRAM-SHA-256", 400, b"n,,n=,r=abc")),
        ("less data than there is", initial("SCRAM-SHA-256", 3, b"n,,n=,r=abc")),
        ("a mechanism without an end", message(b'p', b"SCRAM-SHA-256")),
        ("an empty message", message(b'p', b"")),
        ("an empty mechanism", initial("", 3, b"n,,")),
        ("NUL in the data", initial("SCRAM-SHA-256", 12, b"n,,n=,r=a\0bc")),
        ("an empty nonce", initial("SCRAM-SHA-256", 8, b"n,,n=,r=")),
        ("no nonce", initial("SCRAM-SHA-256", 5, b"n,,n=")),
        ("a nonce with a space", initial("SCRAM-SHA-256", 10, b"n,,n=,r= x")),
        ("other bytes than UTF-8", initial("SCRAM-SHA-256", 12, b"n,,n=\xff,r=abc")),
        ("a header without its end", initial("SCRAM-SHA-256", 1, b"n")),
        ("a Query", query(INSERT)),
        ("a Sync", raw::sync()),
        ("Terminate", raw::terminate()),
        ("a start-up packet", startup(&parameters("app"))),
        ("zeros", vec![0; 64]),
        ("a password", message(b'p', b"app\0")),
    ]
}

/// What comes of it.
fn answered(source: Ipv4Addr, target: u16, database: &str, bytes: &[u8]) -> Vec<Message> {
    let mut client = Client::tls(source, target);
    client.send(&startup(&parameters(database)));
    client.request().expect("a request");
    // The peer may have had enough before all is sent.
    let _ = client.try_send(bytes);
    client.finish();
    client.rest()
}

#[test]
fn nonsense_in_place_of_an_answer_ends_the_connection() {
    let _alone = alone();
    let guarded = guarded();
    let (database, server) = (guarded.world.database(), guarded.world.server_port());
    for proxy in [&guarded.scram, &guarded.password] {
        let is_password = std::ptr::eq(proxy, &raw const guarded.password);
        for (title, bytes) in nonsense() {
            if title == "a password" && is_password {
                continue;
            }
            let said = unheard(title, || answered(own_address(), port(proxy), database, &bytes));
            let tags = raw::tags(&said);
            // Some of it is sense to the server: a nonce of no characters.
            let sense = !is_password && tags == "R";
            if sense {
                assert_eq!(raw::tags(&answered(Ipv4Addr::LOCALHOST, server, database, &bytes)), "R", "{title}");
            }
            assert!(sense || tags.is_empty() || tags == "E", "{title}: {}", listed(&said));
            if let Some(last) = said.first().filter(|_| !sense) {
                let code = field(last, 'C');
                assert!(["08P01", "28P01", "28000", "0A000"].contains(&code.as_str()), "{title}: {code}");
            }
        }
        // And it still works.
        works(&mut session(Client::tls(own_address(), port(proxy)), &guarded.world));
    }
    nobody_was_there(&guarded.world);
}

// ---- requests for encryption

/// Everything that comes, as bytes.
fn bytes(mut client: Client) -> Vec<u8> {
    std::iter::from_fn(|| client.byte()).collect()
}

#[test]
fn what_is_sent_in_the_clear_behind_a_request_for_encryption_is_never_taken() {
    let _alone = alone();
    let guarded = guarded();
    let packet = startup(&parameters(guarded.world.database()));
    for request in [SSL_REQUEST, GSS_REQUEST] {
        for injected in [&packet[..], b"\0", b"Q\0\0\0\x04", &SSL_REQUEST, &GSS_REQUEST, b"\x16\x03\x01"] {
            let came = unheard("injected", || {
                let mut client = Client::dial_from(own_address(), port(&guarded.scram));
                client.send(&[&request, injected].concat());
                client.finish();
                bytes(client)
            });
            assert!(came.is_empty(), "{:?} was answered {:?}", raw::text(injected), raw::text(&came));
        }
    }
}

#[test]
fn each_kind_of_encryption_can_be_asked_for_once() {
    let _alone = alone();
    let guarded = guarded();
    let target = port(&guarded.scram);
    // GSSAPI, then TLS.
    let mut client = Client::dial_from(own_address(), target);
    client.send(&GSS_REQUEST);
    assert_eq!(client.byte(), Some(b'N'));
    client.send(&SSL_REQUEST);
    assert_eq!(client.byte(), Some(b'S'));
    works(&mut session(client.handshake(None, &[]).unwrap(), &guarded.world));
    // GSSAPI twice.
    let mut client = Client::dial_from(own_address(), target);
    client.send(&GSS_REQUEST);
    assert_eq!(client.byte(), Some(b'N'));
    client.send(&GSS_REQUEST);
    assert_no_yes(&bytes(client));
    // TLS in TLS.
    for request in [SSL_REQUEST, GSS_REQUEST] {
        let mut client = Client::tls(own_address(), target);
        client.send(&request);
        client.finish();
        assert_no_yes(&bytes(client));
    }
    // A handshake that is none.
    let mut client = Client::dial_from(own_address(), target);
    client.send(&SSL_REQUEST);
    assert_eq!(client.byte(), Some(b'S'));
    client.send(&SSL_REQUEST);
    client.finish();
    assert!(!bytes(client).starts_with(b"S"));
}

/// Neither S nor N, nor a request for a password.
#[track_caller]
fn assert_no_yes(came: &[u8]) {
    assert!(came.is_empty() || came[0] == b'E', "{}", raw::text(came));
}

// ---- who is there?

/// An exchange with a wrong password: the server's first message, and its last one.
fn exchange(source: Ipv4Addr, target: u16, database: &str, user: &str) -> (Request, Request, Message) {
    let mut client = Client::tls(source, target);
    client.send(&startup(&[("user", user), ("database", database)]));
    let offer = client.request().unwrap_or_else(|said| panic!("{user}: {}", listed(&said)));
    let scram = Scram::new(&Login::new(user, "wrong"), client.binding.clone());
    client.send(&scram.initial());
    let first = client.request().unwrap_or_else(|said| panic!("{user}: {}", listed(&said)));
    let text = first.text();
    client.send(&message(b'p', scram.last(&text).0.as_bytes()));
    let said = client.rest();
    assert_eq!(raw::tags(&said), "E", "{user}");
    (offer, first, said[0].clone())
}

/// Salt of a server-first message.
fn salt(first: &Request) -> String {
    first.text().split(',').find_map(|part| part.strip_prefix("s=").map(str::to_owned)).expect("a salt")
}

/// Everything but random values, and the name given.
fn shape(user: &str, (offer, first, last): &(Request, Request, Message)) -> String {
    let text = first.text();
    let lengths: Vec<_> = text.split(',').map(|part| (part[..2].to_owned(), part.len())).collect();
    let error: Vec<_> = raw::fields(last)
        .into_iter()
        // Where in its source PostgreSQL says it.
        .filter(|(kind, _)| !matches!(kind, 'F' | 'L' | 'R'))
        .map(|(kind, text)| (kind, text.replace(user, "NAME")))
        .collect();
    format!("{:?} {lengths:?} {} {} {error:?}", offer.mechanisms(), text.len(), text.rsplit(',').next().unwrap())
}

fn nobody_can_tell_who_exists(source: impl Fn() -> Ipv4Addr, target: u16, database: &str, names: &[&str]) {
    let known = exchange(source(), target, database, "app");
    assert_eq!(salt(&known.1), salt(&exchange(source(), target, database, "app").1));
    for name in names {
        let unknown = exchange(source(), target, database, name);
        assert_eq!(shape("app", &known), shape(name, &unknown), "{name}");
        assert_eq!(field(&unknown.2, 'C'), "28P01", "{name}");
        let again = exchange(source(), target, database, name);
        assert_eq!(salt(&unknown.1), salt(&again.1), "{name}: a salt that changes gives away that there is none");
        assert_ne!(salt(&unknown.1), salt(&known.1), "{name}");
    }
}

/// The control.
#[test]
fn postgresql_itself_does_not_say_who_exists() {
    let world = builder().superuser_sql(ODD_ROLES).idle().start();
    let names = ["abb", "nopass", "nobody's\"name", "md5role", "expired"];
    nobody_can_tell_who_exists(|| Ipv4Addr::LOCALHOST, world.server_port(), world.database(), &names);
}

#[test]
fn pgveil_does_not_say_who_exists() {
    let _alone = alone();
    let guarded = guarded();
    let names = ["abb", "nopass", "nobody's\"name", "md5role", "other"];
    let database = guarded.world.database();
    unheard("unknown users", || nobody_can_tell_who_exists(own_address, port(&guarded.scram), database, &names));
    // With verifiers that are asked for.
    let proxy = guarded.world.replica(&front("scram", "require", "require"));
    let names = ["abb", "nopass", "nobody's\"name", "md5role", "other", "nologin", "expired"];
    nobody_can_tell_who_exists(own_address, port(&proxy), database, &names);
    // Nor by the salt that another replica gives.
    let replica = guarded.world.replica(&front("scram", "require", "require"));
    for name in names {
        let [a, b] = [&proxy, &replica].map(|proxy| salt(&exchange(own_address(), port(proxy), database, name).1));
        assert_eq!(a, b, "{name}: each replica has another salt");
    }
}

/// A password is right and the role may not log in: said as if it had been wrong.
#[test]
fn the_right_password_of_a_role_that_may_not_log_in_is_wrong() {
    let guarded = guarded();
    let proxy = guarded.world.replica(&front("scram", "require", "disable"));
    for role in ["nologin", "expired", "md5role", "nopass", "unknown"] {
        let mut client = Client::tls(own_address(), port(&proxy));
        let parameters = [("user", role), ("database", guarded.world.database())];
        let said = client.log_in(&parameters, &Login::new(role, "app")).expect_err(role);
        assert_eq!(one_fatal(role, &said), "28P01");
    }
    let postgres =
        psql(&guarded.world.superuser("postgres"), "SELECT count(*) FROM pg_stat_activity WHERE usename = 'expired'");
    assert_eq!(postgres, "0");
}
