//! The journal of sweeps: who does what, agreed upon in the database.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use pgveil::sweep::{
    JobState, Kind, Limits,
    job::ColumnName,
    journal::{self, Count, NewJob, NewShard, Problem, Shard, Step, StoredColumn, WorkerRow},
};
use tokio_postgres::Client;

use crate::room::{Room, connect_as};

fn limits(concurrency: u32) -> Limits {
    Limits {
        batch: 500,
        concurrency,
        rate: Some(1000),
        max_retries: 5,
        lock_timeout: Duration::from_millis(250),
        max_replication_lag: None,
        max_latency_factor: Some(1.5),
        max_dead_share: None,
        allow_triggers: true,
    }
}

fn ssn() -> ColumnName {
    ColumnName { schema: "public".into(), table: "people".into(), column: "ssn".into() }
}

fn new_job(concurrency: u32) -> NewJob {
    NewJob {
        kind: Kind::Reencrypt,
        automatic: false,
        deks: Some(vec![7, u32::MAX]),
        columns: vec![ssn()],
        limits: limits(concurrency),
        expected_rows: 1000,
        expected_bytes: 8192,
        actor: "a test".into(),
    }
}

fn part(at: i64) -> NewShard {
    NewShard {
        relation: 4_000_000_000,
        schema: "public".into(),
        table: "people \"1\"".into(),
        columns: vec![StoredColumn { name: "SSN, the {real} one".into(), column: ssn() }],
        first_block: at * 10,
        end_block: at * 10 + 10,
    }
}

/// A job with so many shards, running.
async fn running(client: &Client, concurrency: u32, shards: i64) -> i64 {
    let id = journal::create(client, &new_job(concurrency)).await.unwrap();
    assert!(journal::lease_job(client, id, JobState::Queued, "cutter").await.unwrap());
    let parts: Vec<NewShard> = (0..shards).map(part).collect();
    assert!(journal::cut(client, id, 1, &parts, "cutter").await.unwrap());
    id
}

/// All leases run out.
async fn time_passes(room: &Room) {
    room.sql(
        "UPDATE pgveil_keys.sweep_shard SET lease_until = clock_timestamp() - interval '1 ms' WHERE worker IS NOT NULL; \
         UPDATE pgveil_keys.sweep_job SET lease_until = clock_timestamp() - interval '1 ms' WHERE worker IS NOT NULL",
    )
    .await
    .unwrap();
}

async fn claim(client: &Client, worker: &str) -> Option<Shard> {
    journal::claim(client, worker, &[Kind::Reencrypt], &[]).await.unwrap()
}

#[tokio::test]
async fn a_job_is_made_cut_worked_off_proved_and_ends() {
    let room = Room::furnished().await;
    let client = &room.client;
    let id = journal::create(client, &new_job(2)).await.unwrap();
    let job = journal::job(client, id).await.unwrap().unwrap();
    assert_eq!((job.state, job.kind, job.pass), (JobState::Queued, Kind::Reencrypt, 0));
    assert_eq!((job.deks, job.columns, job.limits), (Some(vec![7, u32::MAX]), vec![ssn()], limits(2)));
    assert_eq!((job.started_at, job.ended_at, job.actor.as_str()), (None, None, "a test"));
    assert!(job.created_at > 1_700_000_000_000_000);
    assert!(claim(client, "w").await.is_none(), "nothing is cut yet");
    // Only who has the lease cuts, and once.
    assert!(!journal::cut(client, id, 1, &[part(0)], "w").await.unwrap());
    assert!(journal::lease_job(client, id, JobState::Queued, "w").await.unwrap());
    assert!(!journal::lease_job(client, id, JobState::Queued, "v").await.unwrap());
    assert!(journal::lease_job(client, id, JobState::Queued, "w").await.unwrap(), "its own is extended");
    assert!(!journal::cut(client, id, 2, &[part(0)], "w").await.unwrap(), "a pass is left out");
    assert!(journal::cut(client, id, 1, &[part(0), part(1)], "w").await.unwrap());
    assert!(!journal::cut(client, id, 1, &[part(0)], "w").await.unwrap());

    assert!(journal::claim(client, "w", &[Kind::Verify], &[]).await.unwrap().is_none(), "another kind");
    let first = claim(client, "w").await.unwrap();
    assert_eq!((first.job, first.pass, first.no, first.attempts, &first.part), (id, 1, 1, 1, &part(0)));
    assert_eq!((first.next_block, first.worker.as_str()), (0, "w"));
    assert!(journal::job(client, id).await.unwrap().unwrap().started_at.is_some());
    let step = Step {
        next_block: 4,
        rows_seen: 100,
        rows_done: 90,
        values_done: 180,
        rows_missed: 9,
        problems: 1,
        bytes: 9000,
    };
    assert!(journal::checkpoint(client, &first, &step).await.unwrap());
    assert!(journal::checkpoint(client, &first, &Step { next_block: 6, ..step }).await.unwrap());
    let second = claim(client, "w2").await.unwrap();
    let progress = journal::progress(client, id).await.unwrap().unwrap();
    assert_eq!((progress.rows_seen, progress.rows_done, progress.values_done), (200, 180, 360));
    assert_eq!((progress.rows_missed, progress.problems, progress.bytes), (18, 2, 18_000));
    assert_eq!((progress.blocks, progress.blocks_done), (20, 6));
    assert_eq!((progress.shards_open, progress.shards_at_work, progress.shards_done), (2, 2, 0));
    assert!(progress.now > job.created_at);
    let at_work = journal::shards_at_work(client, id).await.unwrap();
    assert_eq!((at_work.len(), at_work[0].table.as_str(), at_work[0].blocks_done), (2, "public.people \"1\"", 6));
    // Given back, it goes on where it was.
    assert!(journal::release(client, &first).await.unwrap());
    assert!(!journal::finish(client, &first).await.unwrap(), "it has no claim any more");
    let again = claim(client, "w").await.unwrap();
    assert_eq!((again.no, again.next_block, again.attempts), (1, 6, 2));
    assert!(!journal::checkpoint(client, &first, &step).await.unwrap(), "an earlier claim of the same worker");
    assert!(journal::finish(client, &again).await.unwrap() && journal::extend(client, &second).await.unwrap());
    assert_eq!(journal::settle(client).await.unwrap(), 0);
    assert!(journal::finish(client, &second).await.unwrap());
    assert!(claim(client, "w").await.is_none());
    assert_eq!(journal::settle(client).await.unwrap(), 1);

    // Something is left: another pass.
    assert!(journal::lease_job(client, id, JobState::Proving, "w").await.unwrap());
    journal::set_left_over(client, id, &serde_json::json!([{ "rows": 3 }])).await.unwrap();
    assert!(journal::cut(client, id, 2, &[part(7)], "w").await.unwrap());
    let last = claim(client, "w").await.unwrap();
    assert_eq!((last.pass, last.no, last.part.first_block), (2, 1, 70));
    let progress = journal::progress(client, id).await.unwrap().unwrap();
    assert_eq!((progress.rows_done, progress.blocks, progress.shards_open, progress.shards_done), (180, 10, 1, 0));
    assert!(journal::finish(client, &last).await.unwrap());
    journal::settle(client).await.unwrap();
    let (from, to) = ([JobState::Proving], JobState::Completed);
    assert!(journal::set_state(client, id, &from, to, Some("why")).await.unwrap());
    assert!(!journal::set_state(client, id, &from, to, None).await.unwrap());
    let job = journal::job(client, id).await.unwrap().unwrap();
    assert_eq!((job.state, job.pass, job.reason.as_deref()), (JobState::Completed, 2, Some("why")));
    assert!(job.ended_at.is_some());
    assert_eq!(journal::left_over(client, id).await.unwrap(), Some(serde_json::json!([{ "rows": 3 }])));
    assert_eq!(journal::jobs(client, 10).await.unwrap(), [job]);
    assert!(journal::job(client, id + 1).await.unwrap().is_none());
    assert!(journal::progress(client, id + 1).await.unwrap().is_none());
}

#[tokio::test]
async fn a_job_is_paused_resumed_where_it_was_and_cancelled() {
    let room = Room::furnished().await;
    let client = &room.client;
    let id = running(client, 4, 2).await;
    let shard = claim(client, "w").await.unwrap();
    let way = [JobState::Queued, JobState::Running, JobState::Proving];
    assert!(journal::set_state(client, id, &way, JobState::Paused, Some("asked to")).await.unwrap());
    assert!(claim(client, "v").await.is_none());
    assert!(journal::put_off(client, &shard, Duration::from_secs(3600)).await.unwrap());
    assert!(journal::resume(client, id).await.unwrap());
    assert!(!journal::resume(client, id).await.unwrap());
    let job = journal::job(client, id).await.unwrap().unwrap();
    assert_eq!((job.state, job.reason), (JobState::Running, None));
    assert_eq!(claim(client, "v").await.unwrap().no, 1, "what was put off before the pause is not any more");
    let second = claim(client, "w").await.unwrap();
    assert!(journal::put_off(client, &second, Duration::from_secs(3600)).await.unwrap());
    assert!(claim(client, "w").await.is_none(), "it is put off");
    journal::set_reason(client, id, Some("the KMS is out of reach")).await.unwrap();
    let job = journal::job(client, id).await.unwrap().unwrap();
    assert_eq!(job.reason.as_deref(), Some("the KMS is out of reach"));
    journal::set_latency_before(client, id, 900).await.unwrap();
    journal::set_latency_before(client, id, 90_000).await.unwrap();
    assert_eq!(journal::job(client, id).await.unwrap().unwrap().latency_before, Some(900));
    assert!(journal::set_state(client, id, &way, JobState::Failed, Some("no progress")).await.unwrap());
    assert!(journal::job(client, id).await.unwrap().unwrap().ended_at.is_some());
    assert!(journal::resume(client, id).await.unwrap());
    assert!(journal::job(client, id).await.unwrap().unwrap().ended_at.is_none());
    assert!(journal::set_state(client, id, &way, JobState::Cancelled, None).await.unwrap());
    assert!(!journal::resume(client, id).await.unwrap());
    // One that was never cut is queued again.
    let id = journal::create(client, &new_job(1)).await.unwrap();
    assert!(journal::set_state(client, id, &way, JobState::Paused, None).await.unwrap());
    assert!(journal::resume(client, id).await.unwrap());
    assert_eq!(journal::job(client, id).await.unwrap().unwrap().state, JobState::Queued);
}

#[tokio::test]
async fn who_lets_a_lease_run_out_loses_the_shard_and_its_checkpoints() {
    let room = Room::furnished().await;
    let client = &room.client;
    let id = running(client, 1, 1).await;
    let slow = claim(client, "slow").await.unwrap();
    assert!(claim(client, "quick").await.is_none());
    time_passes(&room).await;
    // As long as nobody else has it, it is the slow one's.
    assert!(
        journal::checkpoint(client, &slow, &Step { next_block: 3, rows_seen: 5, ..Step::default() }).await.unwrap()
    );
    assert!(claim(client, "quick").await.is_none(), "the checkpoint has extended the claim");
    time_passes(&room).await;
    let quick = claim(client, "quick").await.unwrap();
    assert_eq!((quick.no, quick.next_block, quick.attempts), (1, 3, 2));
    let late = Step { next_block: 9, rows_seen: 1000, ..Step::default() };
    assert!(!journal::checkpoint(client, &slow, &late).await.unwrap());
    let count = Count { column: ssn(), dek: Some(7), values: 1000 };
    assert!(!journal::checkpoint_counts(client, &slow, &late, &[count]).await.unwrap());
    assert!(!journal::extend(client, &slow).await.unwrap() && !journal::release(client, &slow).await.unwrap());
    assert!(!journal::put_off(client, &slow, Duration::ZERO).await.unwrap());
    assert!(!journal::finish(client, &slow).await.unwrap());
    let progress = journal::progress(client, id).await.unwrap().unwrap();
    assert_eq!((progress.rows_seen, progress.blocks_done, progress.shards_at_work), (5, 3, 1));
    assert!(journal::counts(client, id).await.unwrap().is_empty());
    // A step that one does alone, likewise.
    assert!(journal::lease_job(client, id, JobState::Running, "a").await.unwrap());
    assert!(!journal::lease_job(client, id, JobState::Running, "b").await.unwrap());
    time_passes(&room).await;
    assert!(journal::lease_job(client, id, JobState::Running, "b").await.unwrap());
    assert!(!journal::lease_job(client, id, JobState::Running, "a").await.unwrap());
    journal::release_job(client, id, "a").await.unwrap();
    assert!(!journal::lease_job(client, id, JobState::Running, "a").await.unwrap());
    journal::release_job(client, id, "b").await.unwrap();
    assert!(journal::lease_job(client, id, JobState::Running, "a").await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_that_claim_at_once_no_two_have_one_shard_and_no_more_than_allowed_work() {
    const SHARDS: i64 = 120;
    const CONCURRENCY: u32 = 3;
    let room = Arc::new(Room::furnished().await);
    let id = running(&room.client, CONCURRENCY, SHARDS).await;
    // Who has what at the moment, as the workers see it; how often a claim was refused.
    let held: Arc<Mutex<HashMap<i32, String>>> = Arc::default();
    let most = Arc::new(Mutex::new(0));
    let tasks: Vec<_> = (0..8)
        .map(|at| {
            let (room, held, most) = (room.clone(), held.clone(), most.clone());
            tokio::spawn(async move {
                let client = connect_as("postgres", &room.database).await;
                let worker = format!("worker {at}");
                let (mut mine, mut refused) = (Vec::new(), 0);
                while journal::progress(&client, id).await.unwrap().unwrap().shards_done < SHARDS {
                    let Some(shard) = claim(&client, &worker).await else {
                        refused += 1;
                        continue;
                    };
                    {
                        let mut held = held.lock().unwrap();
                        let other = held.insert(shard.no, worker.clone());
                        assert!(other.is_none(), "{} has shard {} too", other.unwrap(), shard.no);
                        let mut most = most.lock().unwrap();
                        *most = held.len().max(*most);
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    assert!(journal::extend(&client, &shard).await.unwrap());
                    held.lock().unwrap().remove(&shard.no);
                    assert!(journal::finish(&client, &shard).await.unwrap());
                    mine.push(shard.no);
                }
                (mine, refused)
            })
        })
        .collect();
    let (mut all, mut refused) = (Vec::new(), 0);
    for task in tasks {
        let (mine, none) = task.await.unwrap();
        all.extend(mine);
        refused += none;
    }
    assert_eq!(all.len(), SHARDS as usize);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "each was done once");
    assert!(refused > 0, "nobody ever waited for another");
    assert_eq!(*most.lock().unwrap(), CONCURRENCY as usize);
}

#[tokio::test]
async fn what_a_worker_could_not_give_back_it_gets_again_at_once() {
    let room = Room::furnished().await;
    let client = &room.client;
    running(client, 1, 2).await;
    let first = claim(client, "w").await.unwrap();
    assert!(journal::checkpoint(client, &first, &Step { next_block: 4, ..Step::default() }).await.unwrap());
    // The server was gone, and the claim stands there still.
    assert!(claim(client, "v").await.is_none());
    let again = claim(client, "w").await.unwrap();
    assert_eq!((again.no, again.next_block, again.attempts), (first.no, 4, 2));
    assert!(!journal::checkpoint(client, &first, &Step::default()).await.unwrap(), "a statement from before");
    assert!(claim(client, "v").await.is_none(), "it counts among those at work");
    assert!(journal::finish(client, &again).await.unwrap());
    assert_eq!(claim(client, "v").await.unwrap().no, 2);
}

#[tokio::test]
async fn a_full_job_does_not_keep_workers_from_the_next() {
    let room = Room::furnished().await;
    let client = &room.client;
    let first = running(client, 1, 2).await;
    let second = running(client, 1, 2).await;
    assert_eq!(claim(client, "a").await.unwrap().job, first);
    assert_eq!(claim(client, "b").await.unwrap().job, second);
    assert!(claim(client, "c").await.is_none());
}

#[tokio::test]
async fn who_stands_still_in_the_middle_of_a_claim_does_not_stop_the_others_for_ever() {
    let room = Room::furnished().await;
    let (stuck, free) = (running(&room.client, 1, 1).await, running(&room.client, 1, 1).await);
    let other = connect_as("postgres", &room.database).await;
    let hold = format!("BEGIN; SELECT FROM pgveil_keys.sweep_job WHERE id = {stuck} FOR NO KEY UPDATE");
    other.batch_execute(&hold).await.unwrap();
    assert_eq!(claim(&room.client, "w").await.unwrap().job, free);
    other.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(claim(&room.client, "w").await.unwrap().job, stuck);
}

#[tokio::test]
async fn counts_add_up_by_column_and_dek_and_a_snapshot_replaces_the_last() {
    let room = Room::furnished().await;
    let client = &room.client;
    let id = running(client, 2, 2).await;
    let other = ColumnName { column: "dotted.name".into(), ..ssn() };
    let count = |column: &ColumnName, dek, values| Count { column: column.clone(), dek, values };
    let (one, two) = (claim(client, "a").await.unwrap(), claim(client, "b").await.unwrap());
    let step = Step { next_block: 1, ..Step::default() };
    for shard in [&one, &one, &two] {
        let batch = [count(&ssn(), Some(u32::MAX), 10), count(&ssn(), None, 1), count(&other, Some(7), 3)];
        assert!(journal::checkpoint_counts(client, shard, &step, &batch).await.unwrap());
    }
    assert!(journal::checkpoint_counts(client, &one, &step, &[]).await.unwrap());
    let expected = [count(&other, Some(7), 9), count(&ssn(), None, 3), count(&ssn(), Some(u32::MAX), 30)];
    assert_eq!(journal::counts(client, id).await.unwrap(), expected);
    journal::record_counts(client, id, 2, &[count(&ssn(), Some(8), 1)]).await.unwrap();
    journal::record_counts(client, id, 2, &[count(&ssn(), Some(9), 4)]).await.unwrap();
    assert_eq!(journal::counts(client, id).await.unwrap(), [count(&ssn(), Some(9), 4)]);
}

#[tokio::test]
async fn problems_come_page_by_page_until_they_are_gone() {
    let room = Room::furnished().await;
    let client = &room.client;
    let id = running(client, 2, 1).await;
    room.sql(&format!(
        "INSERT INTO pgveil_keys.sweep_problem \
             (job, relation, schema_name, table_name, row_key, place, version, column_name, dek, reason, detail) \
         VALUES ({id}, 5, 'public', 'people', 'id=7', '(0,1)', '745', 'ssn', 7, 'sweep/refused', '23514'), \
                ({id}, 5, 'public', 'people', NULL, '(0,1)', '746', 'ssn', NULL, 'keys/unknown-dek', NULL)"
    ))
    .await
    .unwrap();
    assert_eq!(journal::count_problems(client, id).await.unwrap(), 2);
    let all = journal::problems(client, id, 0, 10).await.unwrap();
    let first = Problem {
        id: all[0].id,
        relation: 5,
        schema: "public".into(),
        table: "people".into(),
        row_key: Some("id=7".into()),
        place: "(0,1)".into(),
        version: "745".into(),
        column: "ssn".into(),
        dek: Some(7),
        reason: "sweep/refused".into(),
        detail: Some("23514".into()),
        at: all[0].at,
    };
    let (reason, version) = ("keys/unknown-dek".into(), "746".into());
    let second = Problem { id: all[1].id, row_key: None, version, dek: None, reason, detail: None, ..first.clone() };
    assert_eq!(all, [first, Problem { at: all[1].at, ..second }]);
    assert!(all[0].at > 0);
    let page = journal::problems(client, id, all[0].id, 10).await.unwrap();
    assert_eq!(page, all[1..]);
    assert_eq!(journal::problems(client, id, 0, 1).await.unwrap(), all[..1]);
    journal::forget_problem(client, all[0].id).await.unwrap();
    assert_eq!(journal::problems(client, id, 0, 10).await.unwrap(), all[1..]);
}

#[tokio::test]
async fn workers_come_report_and_go() {
    let room = Room::furnished().await;
    let client = &room.client;
    let row = WorkerRow { id: "a".into(), host: "h".into(), pid: 7, doing: None };
    journal::beat(client, &row).await.unwrap();
    let busy = WorkerRow { doing: Some("job 1, public.people".into()), ..row.clone() };
    journal::beat(client, &busy).await.unwrap();
    journal::beat(client, &WorkerRow { id: "b".into(), ..row }).await.unwrap();
    room.sql("UPDATE pgveil_keys.sweep_worker SET heartbeat = heartbeat - interval '40 s' WHERE id = 'a'")
        .await
        .unwrap();
    let workers = journal::workers(client).await.unwrap();
    assert_eq!((workers.len(), workers[0].is_live(), workers[1].is_live()), (2, true, false));
    assert_eq!(workers[1].row, busy);
    assert_eq!(journal::forget_workers(client, Duration::from_secs(30)).await.unwrap(), 1);
    journal::forget_worker(client, "b").await.unwrap();
    assert!(journal::workers(client).await.unwrap().is_empty());
}

#[tokio::test]
async fn rows_that_pgveil_has_not_written_so_are_an_error_and_no_panic() {
    let room = Room::furnished().await;
    let client = &room.client;
    let id = running(client, 2, 1).await;
    for sql in [
        "UPDATE pgveil_keys.sweep_job SET limits = '{}'",
        "UPDATE pgveil_keys.sweep_job SET limits = '{\"batch\": -1}'",
        "UPDATE pgveil_keys.sweep_job SET columns = '7'",
        "UPDATE pgveil_keys.sweep_job SET deks = '{-1}'",
    ] {
        room.sql(&format!("BEGIN; {sql}")).await.unwrap();
        let error = journal::job(client, id).await.unwrap_err();
        assert_eq!(error.code(), "sweep/journal", "{sql}: {error}");
        room.sql("ROLLBACK").await.unwrap();
    }
    room.sql("UPDATE pgveil_keys.sweep_shard SET columns = '[]'").await.unwrap();
    assert!(claim(client, "w").await.unwrap().part.columns.is_empty());
    time_passes(&room).await;
    room.sql("UPDATE pgveil_keys.sweep_shard SET columns = '{}'").await.unwrap();
    assert!(claim(client, "w").await.is_none());
    // The job has failed, the connection can be used again, and the claim did not stay.
    let job = journal::job(client, id).await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Failed);
    assert!(job.reason.is_some_and(|reason| reason.contains("altered")));
    journal::set_state(client, id, &[JobState::Failed], JobState::Running, None).await.unwrap();
    room.sql("UPDATE pgveil_keys.sweep_shard SET columns = '[]', next_block = -7, lease_until = 'infinity'")
        .await
        .unwrap();
    assert!(claim(client, "v").await.is_none());
    journal::progress(client, id).await.unwrap();
    room.sql("UPDATE pgveil_keys.sweep_job SET created_at = '-infinity', started_at = 'infinity'").await.unwrap();
    assert_eq!(journal::job(client, id).await.unwrap().unwrap().started_at, None);
}
