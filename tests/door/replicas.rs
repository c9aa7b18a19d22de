//! Several pgveils behind a balancer: any of them forwards a cancel request to where it belongs.

use std::{thread, time::Duration};

use super::{
    client::{Client, Login},
    setup::{builder, front, own_address, port, write_users},
};
use crate::{
    raw::{brief, query},
    shim::Shim,
    support::World,
};

/// A session, and the packet that cancels what it does.
fn session(world: &World, target: u16, tls: bool) -> (Client, Vec<u8>) {
    let mut client = if tls { Client::tls(own_address(), target) } else { Client::dial_from(own_address(), target) };
    let parameters = [("user", "app"), ("database", world.database())];
    let said = client.log_in(&parameters, &Login::new("app", "app")).expect("a session");
    let key = said.iter().find(|message| message.tag == b'K').expect("BackendKeyData").body.clone();
    let cancel = [&(8 + key.len() as u32).to_be_bytes()[..], &80_877_102_u32.to_be_bytes(), &key].concat();
    (client, cancel)
}

/// Sends a cancel request and waits until it has been seen to: the peer closes then.
fn send_cancel(target: u16, tls: bool, packet: &[u8]) {
    let mut client = if tls { Client::tls(own_address(), target) } else { Client::dial_from(own_address(), target) };
    client.send(packet);
    assert!(client.rest().is_empty(), "a cancel request is not answered");
}

fn cancel_hits_the_right_query(world: &World, target: u16, tls: bool) {
    let mut sessions: Vec<_> = (0..4).map(|_| session(world, target, tls)).collect();
    for (client, _) in &mut sessions {
        client.send(&query("SELECT pg_sleep(1.5) IS NULL"));
    }
    thread::sleep(Duration::from_millis(150));
    // One by a replica over TLS, another in the clear, as libpq up to 16 does in every session.
    send_cancel(target, tls, &sessions[1].1);
    send_cancel(target, false, &sessions[2].1);
    for (index, (client, _)) in sessions.iter_mut().enumerate() {
        let said = brief(&client.until_ready());
        if index == 1 || index == 2 {
            assert_eq!(said, ["!57014", "=I"], "session {index}");
        } else {
            assert_eq!(said, ["f", "SELECT 1", "=I"], "session {index}");
        }
    }
    // A key that nobody has cancels nothing, and those who were cancelled go on.
    let wrong = [&sessions[0].1[..12], &[9; 4]].concat();
    sessions[0].0.send(&query("SELECT pg_sleep(0.3) IS NULL"));
    send_cancel(target, tls, &wrong);
    assert_eq!(brief(&sessions[0].0.until_ready()), ["f", "SELECT 1", "=I"]);
    assert_eq!(brief(&sessions[1].0.query("SELECT 1")), ["1", "SELECT 1", "=I"]);
}

#[test]
fn a_cancel_request_hits_the_right_query_of_postgresql_itself() {
    let world = builder().idle().start();
    cancel_hits_the_right_query(&world, Shim::balance(&[world.server_port()]).port, true);
}

#[test]
fn a_cancel_request_hits_the_right_query_whichever_replica_gets_it() {
    let world = builder().not_running().start();
    write_users(&world);
    for (auth, tls, upstream) in [
        ("relay", "off", "disable"),
        ("relay", "off", "require"),
        ("scram", "allow", "disable"),
        ("scram", "require", "verify-full"),
    ] {
        let front = front(auth, tls, upstream);
        let replicas: Vec<_> = (0..3).map(|_| world.replica(&front)).collect();
        let balancer = Shim::balance(&replicas.iter().map(port).collect::<Vec<_>>());
        cancel_hits_the_right_query(&world, balancer.port, tls != "off");
    }
}
