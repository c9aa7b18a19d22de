//! Rotations without a pause.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{
    jobs, keystore,
    support::{connect, psql},
    until, world,
};

/// Writes and reads without a pause; gives how many rows it wrote.
async fn busy(through: String, number: u32, stop: Arc<AtomicBool>) -> u32 {
    let client = connect(&through).await;
    let insert = client.prepare("INSERT INTO people (name, email, notes) VALUES ($1, $2, $3)").await.unwrap();
    let update = client.prepare("UPDATE people SET notes = $2 WHERE email = $1").await.unwrap();
    let find = client.prepare("SELECT notes FROM people WHERE email = $1").await.unwrap();
    let mut written = 0;
    while !stop.load(Ordering::SeqCst) {
        written += 1;
        let email = |n: u32| format!("{number}-{n}@example.org");
        client.execute(&insert, &[&"x", &email(written), &format!("note {written}")]).await.unwrap();
        let again = written / 2 + 1;
        assert_eq!(client.execute(&update, &[&email(again), &format!("note {again}")]).await.unwrap(), 1);
        for n in [written, again, 1] {
            let row = client.query_one(&find, &[&email(n)]).await.unwrap();
            assert_eq!(row.get::<_, String>(0), format!("note {n}"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    written
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes two minutes"]
async fn a_dek_every_ten_seconds_under_traffic_leaves_few_behind() {
    let world = world("dek_epoch: 10s, retention: 0, destroy_retired: true").start();
    let other = world.replica("");
    let stop = Arc::new(AtomicBool::new(false));
    let second = crate::support::conn_string(other.address().port(), world.database());
    let clients =
        [tokio::spawn(busy(world.through(), 1, Arc::clone(&stop))), tokio::spawn(busy(second, 2, Arc::clone(&stop)))];
    for _ in 0..9 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        println!("{:?}", jobs(&world));
        println!("{}", keystore(&world, "SELECT state, count(*) FROM pgveil_keys.dek GROUP BY 1 ORDER BY 1"));
    }
    stop.store(true, Ordering::SeqCst);
    let mut written = 0;
    for client in clients {
        written += client.await.unwrap();
    }
    let deks = |state: &str| -> u32 {
        keystore(&world, &format!("SELECT count(*) FROM pgveil_keys.dek WHERE state = '{state}'")).parse().unwrap()
    };
    assert!(deks("destroyed") >= 3, "{}", world.stderr());
    tokio::task::block_in_place(|| {
        // It goes on and on; there is always one that is being replaced.
        until(&world, "few are left", 60, || deks("deprecated") + deks("retired") <= 3);
    });
    assert_eq!(psql(&world.through(), "SELECT count(*) FROM (SELECT notes FROM people) p"), written.to_string());
    let read = psql(&world.through(), "SELECT email, notes FROM people");
    assert_eq!(read.lines().count(), written as usize);
    let failed = jobs(&world).into_iter().filter(|job| job.contains("failed")).collect::<Vec<_>>();
    assert_eq!(failed, [] as [&str; 0]);
    assert!(other.stop().unwrap().success());
}
