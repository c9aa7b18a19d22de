//! What a job waits for, and that it goes on after all.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    bed::Bed,
    support::{PGVEIL, both, connect, psql},
};

/// `pgveil sweep worker` until it is dropped, which is as good as `kill -9`.
struct Worker(Child);

impl Worker {
    fn start(bed: &Bed) -> Self {
        let child = Command::new(PGVEIL)
            .args(["sweep", "worker", "--config"])
            .arg(bed.world.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A job after a rotation, which a worker has begun that is there no more.
fn begin(bed: &Bed, limits: &[&str]) {
    bed.rotate();
    bed.pgveil(&[&["sweep", "start", "--yes"], limits].concat());
    let _worker = Worker::start(bed);
    wait_for(bed, "it runs", 20, |job| job.0 == "running");
}

fn wait_for(bed: &Bed, what: &str, within: u64, is: impl Fn(&(String, i32, String)) -> bool) -> (String, i32, String) {
    let deadline = Instant::now() + Duration::from_secs(within);
    loop {
        let job = bed.job();
        if is(&job) {
            return job;
        }
        assert!(Instant::now() < deadline, "{what}: {job:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_is_waited_for_and_what_it_has_written_is_found_by_another_pass() {
    let bed = Bed::apart(100);
    // Written under the earlier DEK, and not to be seen yet; a row that nobody else gets hold of.
    let holder = connect(&bed.world.direct()).await;
    let sql = "BEGIN; INSERT INTO people SELECT 1000 + id, ssn, note FROM people WHERE id <= 5; \
               SELECT FROM events WHERE id = 3 FOR UPDATE";
    holder.batch_execute(sql).await.unwrap();
    bed.rotate();
    bed.pgveil(&["sweep", "start", "--yes"]);
    let worker = Worker::start(&bed);
    let waiting = |job: &(String, i32, String)| job.0 == "proving" && job.2.contains("waiting for the transaction");
    wait_for(&bed, "the fence says what for", 20, waiting);
    let lease = "SELECT worker IS NOT NULL AND lease_until > clock_timestamp() FROM pgveil_keys.sweep_job";
    assert_eq!(bed.sql(lease), "t");
    // The lease is extended meanwhile, and nobody else takes the step.
    let name = bed.sql("SELECT worker FROM pgveil_keys.sweep_job");
    let other = Worker::start(&bed);
    for _ in 0..2 {
        let end = bed.sql("SELECT lease_until FROM pgveil_keys.sweep_job");
        let extended = format!("SELECT lease_until > '{end}' FROM pgveil_keys.sweep_job");
        wait_for(&bed, "the lease is extended", 25, |_| bed.sql(&extended) == "t");
        assert_eq!(
            (bed.sql(lease), bed.sql("SELECT worker FROM pgveil_keys.sweep_job")),
            ("t".to_owned(), name.clone())
        );
    }
    // Whoever waits is killed: the other one goes on with it once the lease is over, which need not be waited for.
    drop(worker);
    bed.sql("UPDATE pgveil_keys.sweep_job SET lease_until = clock_timestamp()");
    let taken = wait_for(&bed, "the other takes over", 45, |job| {
        waiting(job) && bed.sql("SELECT coalesce(worker, '') FROM pgveil_keys.sweep_job") != name
            || job.0 == "completed"
    });
    assert_eq!(taken.0, "proving", "the transaction is open still");
    // A partition that was not there when the job was cut, with values from before.
    bed.world.sql(
        "CREATE TABLE events_asia (LIKE events);
         INSERT INTO events_asia SELECT 2000, 'asia', payload FROM events WHERE id = 3;
         ALTER TABLE events ATTACH PARTITION events_asia FOR VALUES IN ('asia')",
    );
    holder.batch_execute("COMMIT").await.unwrap();
    let (_, passes, _) = wait_for(&bed, "the job ends", 30, |job| job.0 == "completed");
    assert!(passes >= 2, "{passes}");
    drop(other);
    let primary = bed.primary();
    assert_eq!(bed.deks_of("people", "ssn"), [(primary.clone(), 105)]);
    assert_eq!(bed.deks_of("people", "note"), [(primary.clone(), 105)]);
    assert_eq!(bed.deks_of("events", "payload"), [(primary, 101)]);
    assert_eq!(psql(&bed.world.through(), "SELECT payload FROM events WHERE id = 2000"), "payload 3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_waits_for_its_proof_can_be_paused_and_cancelled() {
    let bed = Bed::apart(10);
    let holder = connect(&bed.world.direct()).await;
    holder.batch_execute("BEGIN; SELECT FROM people LIMIT 1").await.unwrap();
    bed.rotate();
    bed.pgveil(&["sweep", "start", "--yes"]);
    let _worker = Worker::start(&bed);
    wait_for(&bed, "it waits", 20, |job| job.0 == "proving" && !job.2.is_empty());
    bed.pgveil(&["sweep", "pause"]);
    // Longer than from one look to the next: who was at it has noticed.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(bed.job().0, "paused");
    bed.pgveil(&["sweep", "resume"]);
    wait_for(&bed, "it waits again", 20, |job| job.0 == "proving" && !job.2.is_empty());
    bed.pgveil(&["sweep", "cancel"]);
    holder.batch_execute("COMMIT").await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(bed.job().0, "cancelled");
    // And the next one is not kept by it.
    bed.pgveil(&["sweep", "start", "--yes", "--wait"]);
    assert_eq!(bed.job().0, "completed");
    bed.is_sealed_anew(10);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_lost_are_made_again() {
    let bed = Bed::apart(300);
    bed.rotate();
    bed.pgveil(&["sweep", "start", "--yes", "--batch", "10", "--rate", "100"]);
    let _worker = Worker::start(&bed);
    wait_for(&bed, "it runs", 20, |job| job.0 == "running");
    for _ in 0..3 {
        bed.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE usename = 'pgveil' AND datname = current_database() AND pid <> pg_backend_pid()",
        );
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    wait_for(&bed, "the job ends", 60, |job| job.0 == "completed");
    bed.is_sealed_anew(300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_over_a_column_that_has_left_the_policy_keeps_nobody_from_the_others() {
    let bed = Bed::apart(100);
    begin(&bed, &["--table", "people", "--batch", "1", "--rate", "1"]);
    bed.world.edit_policy(|policy| policy.replace(", note: { type: text }", ""));
    let _worker = Worker::start(&bed);
    bed.pgveil(&["sweep", "start", "--yes", "--table", "events"]);
    wait_for(&bed, "the other job ends", 50, |job| job.0 == "completed");
    assert_eq!(bed.deks_of("events", "payload"), [(bed.primary(), 100)]);
    let first = bed.sql("SELECT state, reason FROM pgveil_keys.sweep_job ORDER BY id LIMIT 1");
    assert!(first.starts_with("running|the policy does not protect public.people.note"), "{first}");
    // Once it is said what is to become of it, all goes on as ever.
    bed.pgveil(&["sweep", "cancel", "1"]);
    bed.pgveil(&["sweep", "start", "--yes", "--wait"]);
    assert_eq!(bed.deks_of("people", "ssn"), [(bed.primary(), 100)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_start_the_same_at_once_one_does() {
    let bed = Bed::apart(10);
    bed.rotate();
    bed.pgveil(&["sweep", "start", "--yes"]);
    bed.pgveil(&["sweep", "cancel"]);
    // Another one is about to be made.
    let other = connect(&bed.world.superuser(bed.world.database())).await;
    let sql = "BEGIN; INSERT INTO pgveil_keys.sweep_job \
               (kind, state, automatic, columns, limits, expected_rows, expected_bytes, actor) \
               SELECT kind, 'queued', false, columns, limits, 0, 0, 'somebody' FROM pgveil_keys.sweep_job";
    other.batch_execute(sql).await.unwrap();
    let start = || bed.try_pgveil(&["sweep", "start", "--yes"]);
    let output = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let starting = scope.spawn(start);
            let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)";
            while bed.sql(waits) != "t" && !starting.is_finished() {
                std::thread::sleep(Duration::from_millis(20));
            }
            tokio::runtime::Handle::current().block_on(other.batch_execute("COMMIT")).unwrap();
            starting.join().unwrap()
        })
    });
    let said = both(&output);
    assert!(!output.status.success() && said.contains("sweep/under-way"), "{said}");
    assert_eq!(bed.sql("SELECT state FROM pgveil_keys.sweep_job ORDER BY id"), "cancelled\nqueued");
    let trail = "SELECT count(*) FROM pgveil_keys.audit WHERE operation = 'sweep.start'";
    assert_eq!(bed.sql(trail), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_is_made_while_a_job_runs_does_not_fire_for_the_shards_to_come() {
    let bed = Bed::apart(100);
    begin(&bed, &["--concurrency", "1", "--batch", "5", "--rate", "20"]);
    // Most rows of both are left.
    bed.world.sql(
        "CREATE TABLE fired (id bigint);
         CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO fired VALUES (NEW.id); RETURN NEW; END';
         CREATE TRIGGER fire AFTER UPDATE ON events_us FOR EACH ROW EXECUTE FUNCTION fire();
         CREATE TRIGGER fire AFTER UPDATE ON people FOR EACH ROW EXECUTE FUNCTION fire()",
    );
    let _worker = Worker::start(&bed);
    let failed = wait_for(&bed, "the job fails", 60, |job| job.0 == "failed");
    assert!(failed.2.contains("sweep/trigger") && failed.2.contains("--allow-triggers"), "{failed:?}");
    assert_eq!(bed.sql("SELECT count(*) FROM fired"), "0");
    bed.world.sql("ALTER TABLE people DISABLE TRIGGER fire; DROP TRIGGER fire ON events_us");
    bed.pgveil(&["sweep", "resume"]);
    wait_for(&bed, "the job ends", 60, |job| job.0 == "completed");
    bed.is_sealed_anew(100);
    assert_eq!(bed.sql("SELECT count(*) FROM fired"), "0");
}
