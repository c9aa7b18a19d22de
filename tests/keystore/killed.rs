//! A connection that breaks at any statement of any change leaves a genuine keystore, before or after the
//! change and nothing in between.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use pgveil::keys::{
    KeyError, KeyState,
    keystore::{self, Access},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_postgres::{Client, NoTls};

use crate::room::{Room, cluster, registration};

/// A relay that lets so many requests of the client through and then breaks both connections: before the
/// next one reaches the server, or (`delivered`) after it has, without its answer.
async fn broken_after(requests: usize, delivered: bool, room: &Room, name: &str) -> (Client, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = seen.clone();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(("127.0.0.1", cluster().port())).await.unwrap();
        // Frames are forwarded one by one; each would wait for the acknowledgement of the one before.
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let answers = tokio::spawn(async move {
            let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
        });
        let mut startup = true;
        loop {
            let mut frame = Vec::new();
            if !startup {
                frame.push(match from_client.read_u8().await {
                    Ok(kind) => kind,
                    Err(_) => break,
                });
            }
            let kind = frame.first().copied();
            let length = from_client.read_u32().await.unwrap();
            frame.extend_from_slice(&length.to_be_bytes());
            let start = frame.len();
            frame.resize(start + length as usize - 4, 0);
            from_client.read_exact(&mut frame[start..]).await.unwrap();
            // Query and Sync end a request.
            let ends = matches!(kind, Some(b'Q' | b'S'));
            let last = ends && counted.fetch_add(1, Ordering::SeqCst) == requests;
            if last && !delivered {
                break;
            }
            to_server.write_all(&frame).await.unwrap();
            startup = false;
            if last {
                // The answer must not come through, but the server shall have begun.
                answers.abort();
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                break;
            }
        }
        answers.abort();
    });
    let string = format!("host=127.0.0.1 port={port} user=postgres dbname={} application_name={name}", room.database);
    let (client, connection) = tokio_postgres::connect(&string, NoTls).await.unwrap();
    tokio::spawn(connection);
    (client, seen)
}

/// Until the server has let go of what the broken connection held.
async fn gone(room: &Room, name: &str) {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
    while room.client.query_one(sql, &[&name]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

/// The changes; each is given what the room has.
#[derive(Clone, Copy, Debug)]
enum Step {
    Stage,
    Promote,
    Restore,
    Register,
    StageKek,
    ActivateKek,
    Rewrap,
    Lease,
    Bootstrap,
}

async fn run(step: Step, room: &Room, access: &Access<'_>) -> Result<(), KeyError> {
    match step {
        Step::Stage => keystore::stage_dek(access, &room.keys).await.map(|_| ()),
        Step::Promote => {
            let inventory = room.inventory().await.unwrap();
            let of = |state| inventory.deks.iter().find(|dek| dek.state == state).map(|dek| dek.id);
            let staged = match of(KeyState::Staged) {
                Some(staged) => staged,
                None => keystore::stage_dek(&room.access(), &room.keys).await.unwrap().id,
            };
            keystore::promote_dek(access, staged, of(KeyState::Primary), room.keys.dek_epoch).await.map(|_| ())
        }
        Step::Restore => keystore::accept_restore(access, &room.keys).await.map(|_| ()),
        Step::Register => keystore::register(access, &[registration("ssn", 1, 1), registration("name", 1, 2)]).await,
        Step::StageKek => {
            let kms = room.directory.open("vault").await.unwrap();
            let key_ref = if kms.key_ref().is_empty() { String::new() } else { kms.rotate().await.unwrap() };
            let kek = pgveil::kms::KekRef {
                kms: Some("vault".into()),
                provider: "local".into(),
                key_ref,
                material: None,
                created_at: None,
            };
            keystore::stage_kek(access, &kek).await.map(|_| ())
        }
        Step::ActivateKek => {
            let keks = room.inventory().await.unwrap().keks;
            let next = keks.iter().find(|kek| matches!(kek.state, KeyState::Staged | KeyState::Deprecated)).unwrap();
            keystore::activate_kek(access, next.id).await.map(|_| ())
        }
        Step::Rewrap => {
            let keks = room.inventory().await.unwrap().keks;
            let next = keks.iter().find(|kek| matches!(kek.state, KeyState::Staged | KeyState::Deprecated)).unwrap();
            keystore::activate_kek(&room.access(), next.id).await.unwrap();
            keystore::rewrap_batch(access, 100).await.map(|_| ())
        }
        Step::Lease => keystore::lease(access, room.primary().await, 7, 0).await.map(|_| ()),
        Step::Bootstrap => keystore::bootstrap(access, &room.keys).await.map(|_| ()),
    }
}

/// Breaks the step at each of its requests until it gets through.
async fn at_every_request(step: Step, room: &Room, furnished: bool) -> usize {
    let mut broken = 0;
    for requests in 0.. {
        assert!(requests < 500, "{step:?} never ends");
        // In turns, which halves the time: the two ways differ only where something is committed, and a
        // statement is two requests (prepare, execute).
        let delivered = requests % 2 == 1;
        let name = format!("k{requests}");
        let (client, seen) = broken_after(requests, delivered, room, &name).await;
        let outcome = run(step, room, &room.access_by(&client)).await;
        drop(client);
        gone(room, &name).await;
        let was_broken = outcome.is_err();
        // A connection that ends well says goodbye, which may be the request that is one too many.
        assert!(!was_broken || seen.load(Ordering::SeqCst) > requests, "{step:?} after {requests}: {outcome:?}");
        broken += usize::from(was_broken);
        if furnished {
            let inventory = room.inventory().await.unwrap();
            let primaries = inventory.deks.iter().filter(|dek| dek.state == KeyState::Primary).count();
            let keks = inventory.keks.iter().filter(|kek| kek.state == KeyState::Primary).count();
            assert_eq!((primaries, keks), (1, 1), "{step:?} after {requests}");
        }
        if !was_broken {
            break;
        }
    }
    // Nothing is in the way of the next one.
    run(step, room, &room.access()).await.unwrap();
    room.inventory().await.unwrap();
    broken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_deks_survive_a_connection_that_breaks_anywhere() {
    let room = Room::furnished().await;
    for step in [Step::Stage, Step::Promote, Step::Restore, Step::Register, Step::Lease] {
        let broken = at_every_request(step, &room, true).await;
        assert!(broken > 10, "{step:?}: {broken}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "half a minute: make test-keys"]
async fn changes_of_keks_survive_a_connection_that_breaks_anywhere() {
    let room = Room::furnished().await;
    for step in [Step::StageKek, Step::ActivateKek, Step::Rewrap] {
        let broken = at_every_request(step, &room, true).await;
        assert!(broken > 10, "{step:?}: {broken}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_keys_survive_a_connection_that_breaks_anywhere() {
    let room = Room::empty().await;
    keystore::install(&room.client).await.unwrap();
    let broken = at_every_request(Step::Bootstrap, &room, false).await;
    assert!(broken > 10, "{broken}");
    assert_eq!(room.inventory().await.unwrap().deks.len(), 1);
}
