//! Men in the middle, on both hops. Each defence is tried on PostgreSQL itself, too, and each trick works
//! where nobody defends himself: otherwise nothing would be shown.

use std::sync::atomic::{AtomicU32, Ordering};

use super::{
    middle::{Middle, Trick},
    setup::{BY_FILE, builder, certificates, conninfo, front, port, upstream_of, write_users},
};
use crate::{
    certificates::Identity,
    support::{self, World, stderr, try_psql},
};

/// A certificate with the right names from nobody's authority, and one that nobody but itself vouches for.
fn impostors() -> [Identity; 2] {
    let names = ["localhost", "127.0.0.1"];
    [certificates().impostor.server(&names), Identity::self_signed(&names)]
}

/// A text that is in nothing else.
fn marker() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("mark{:05}k", LAST.fetch_add(1, Ordering::Relaxed))
}

/// Tries to write a row by psql; Err is what psql says.
fn write(world: &World, port: u16, options: &str, marker: &str) -> Result<(), String> {
    let more = format!("user=app password=app {options}");
    let conninfo = conninfo(port, world.database(), &world.path(""), &more);
    let output = try_psql(&conninfo, &format!("INSERT INTO people (name) VALUES ('{marker}')"));
    if output.status.success() { Ok(()) } else { Err(stderr(&output)) }
}

#[track_caller]
fn is_kept_out(world: &World, middle: &Middle, options: &str, says: &str) {
    let marker = marker();
    let error = write(world, middle.port, options, &marker).expect_err(options);
    assert!(error.contains(says), "{options}: {error}");
    assert!(!middle.knows(&marker), "{options}: the man in the middle has read the statement");
    assert_eq!(world.sql(&format!("SELECT count(*) FROM people WHERE name = '{marker}'")), "0");
}

#[track_caller]
fn reads_along(world: &World, middle: &Middle, options: &str) {
    let marker = marker();
    write(world, middle.port, options, &marker).unwrap_or_else(|error| panic!("{options}: {error}"));
    assert!(middle.knows(&marker), "{options}: the man in the middle has not read the statement");
}

/// What libpq does about one between it and `target`, which offers TLS and SCRAM-SHA-256-PLUS.
fn between_client_and(world: &World, target: u16) {
    for identity in impostors() {
        let middle = Middle::start(target, &identity, Trick::Terminate);
        // Where nobody checks.
        reads_along(world, &middle, "sslmode=require channel_binding=disable");
        for options in ["sslmode=verify-full", "sslmode=verify-ca", "sslmode=verify-full channel_binding=disable"] {
            is_kept_out(world, &middle, options, "SSL error:");
        }
        // The password is right; it is said for another certificate.
        for options in
            ["sslmode=require channel_binding=require", "sslmode=require", "sslmode=prefer channel_binding=require"]
        {
            is_kept_out(world, &middle, options, "FATAL:  ");
        }
        // Over TLS as above, then without: his own TLS with the target gives him away.
        is_kept_out(world, &middle, "sslmode=prefer", "SCRAM-SHA-256-PLUS authentication over a non-SSL connection");

        middle.set(Trick::StripPlus);
        reads_along(world, &middle, "sslmode=require channel_binding=disable");
        is_kept_out(
            world,
            &middle,
            "sslmode=require channel_binding=require",
            "server did not offer an authentication method that supports channel binding",
        );
        // The client says that it could and the server could not: which the server knows better.
        is_kept_out(world, &middle, "sslmode=require channel_binding=prefer", "FATAL:  ");
        is_kept_out(world, &middle, "sslmode=verify-ca", "SSL error:");

        middle.set(Trick::Downgrade);
        for sslmode in ["require", "verify-ca", "verify-full"] {
            is_kept_out(world, &middle, &format!("sslmode={sslmode}"), "server does not support SSL");
        }
        is_kept_out(world, &middle, "sslmode=prefer", "SCRAM-SHA-256-PLUS authentication over a non-SSL connection");
        is_kept_out(world, &middle, "sslmode=prefer channel_binding=require", "SSL not in use");

        middle.set(Trick::Inject);
        is_kept_out(world, &middle, "sslmode=require channel_binding=disable", "unencrypted data after SSL response");

        middle.set(Trick::Honest);
        let marker = marker();
        write(world, middle.port, "sslmode=verify-full channel_binding=require", &marker).unwrap();
        assert!(!middle.knows(&marker));
    }
}

#[test]
fn a_man_in_the_middle_before_postgresql_itself_is_treated_as_written_here() {
    let world = builder().idle().start();
    between_client_and(&world, world.server_port());
}

#[test]
fn a_man_in_the_middle_before_pgveil_is_kept_out_by_verify_full_and_by_channel_binding() {
    let world = builder().policy(&front("scram", "require", "verify-full")).start();
    between_client_and(&world, port(world.proxy()));
}

/// With TLS left to the client, too.
#[test]
fn a_man_in_the_middle_is_kept_out_where_tls_is_the_clients_choice() {
    let world = builder().policy(&front("scram", "allow", "disable")).start();
    between_client_and(&world, port(world.proxy()));
}

/// How pgveil is told to go to the server, and which tricks are of use then.
const SERVERS_HOP: [(&str, &[Trick]); 7] = [
    ("verify-full, channel_binding: disable", &[]),
    ("verify-ca, channel_binding: disable", &[]),
    ("verify-full", &[]),
    ("require, channel_binding: require", &[]),
    // The server refuses: channel binding data of another certificate, or a client that was told of none.
    ("require", &[]),
    ("prefer, channel_binding: require", &[]),
    ("require, channel_binding: disable", &[Trick::Terminate, Trick::StripPlus]),
];

#[test]
fn a_man_in_the_middle_before_the_server_gets_nothing() {
    let world = builder().not_running().start();
    write_users(&world);
    for identity in impostors() {
        for (upstream, useful) in SERVERS_HOP {
            let middle = Middle::start(world.server_port(), &identity, Trick::Honest);
            let hop = upstream_of(&middle.port.to_string(), upstream);
            let tls = "tls: { mode: require, certificate: server.pem, key: server.key }";
            let proxy = world.replica(&format!("auth: {BY_FILE}\n{tls}\n{hop}"));
            let client = "sslmode=verify-full channel_binding=require";
            write(&world, port(&proxy), client, &marker()).unwrap();
            for trick in [Trick::Terminate, Trick::StripPlus, Trick::Downgrade, Trick::Inject] {
                middle.set(trick);
                let marker = marker();
                let outcome = write(&world, port(&proxy), client, &marker);
                let is_useful = useful.contains(&trick);
                assert_eq!(
                    outcome.is_ok(),
                    is_useful,
                    "sslmode: {upstream}, {trick:?}: {outcome:?}\n{}",
                    proxy.stderr()
                );
                assert_eq!(middle.knows(&marker), is_useful, "sslmode: {upstream}, {trick:?}");
                if let Err(error) = outcome {
                    assert!(error.contains("FATAL:  "), "sslmode: {upstream}, {trick:?}: {error}");
                }
            }
            middle.set(Trick::Honest);
            write(&world, port(&proxy), client, &marker()).expect("a session after all that");
        }
    }
}

/// A server that says S and more in one breath is left before anything else is said to it.
#[test]
fn a_server_that_speaks_in_the_clear_behind_its_yes_to_tls_hears_nothing_more() {
    let world = builder().not_running().start();
    write_users(&world);
    let middle = Middle::start(world.server_port(), &impostors()[0], Trick::Honest);
    let hop = upstream_of(&middle.port.to_string(), "require, channel_binding: disable");
    let proxy = world.replica(&format!("auth: {BY_FILE}\n{hop}"));
    write(&world, port(&proxy), "sslmode=disable", &marker()).unwrap();
    let before = middle.bytes();
    middle.set(Trick::Inject);
    let error = write(&world, port(&proxy), "sslmode=disable", &marker()).unwrap_err();
    assert!(error.contains("FATAL:  "), "{error}");
    assert_eq!(middle.bytes(), before, "not even a TLS hello");
}

/// The name counts under verify-full, the authority alone under verify-ca.
#[test]
fn verify_full_wants_the_servers_name_and_verify_ca_only_its_authority() {
    let other = certificates().ca.server(&["db.example.com"]);
    let world = builder().server_tls(&other.chain, &other.key, &certificates().ca.pem()).not_running().start();
    write_users(&world);
    let start = |sslmode: &str| world.try_replica(&front(BY_FILE, "off", sslmode));
    // pgveil asks for 127.0.0.1. Either it does not start, or it starts and has no server.
    let refused = start("verify-full").map(|proxy| write(&world, port(&proxy), "sslmode=disable", &marker()));
    assert!(!matches!(refused, Ok(Ok(()))), "a server of another name");
    let proxy = start("verify-ca").expect("a running pgveil");
    write(&world, port(&proxy), "sslmode=disable", &marker()).unwrap();
    assert_eq!(support::psql(&world.superuser("postgres"), "SHOW ssl"), "on");
}
