//! `pgveil sweep start`, up to the job.

use pgveil::cli::demo::cluster::ClusterAuth;
use serde_json::json;

use crate::{
    applied, by_dek, code, deks, error, fill, jobs, json, ok, rotated, says, superuser,
    support::{PEOPLE, PEOPLE_POLICY, World, both, connect, stderr, stdout},
};

#[test]
fn a_plan_says_what_a_job_would_cost_and_creates_nothing() {
    let world = rotated(300);
    superuser(&world, "VACUUM ANALYZE people");
    let plan = ok(&world.pgveil(&["sweep", "start", "--dry-run"]));
    says(&plan, &["reencrypt", "public.people", "300", "email", "notes", "of WAL", "rows/s", "xmin"]);
    let document = json(&world.pgveil(&["sweep", "start", "--dry-run", "--json", "--column", "people.email"]));
    let plan = &document["plan"];
    assert_eq!((&document["job"], &plan["kind"]), (&json!(null), &json!("reencrypt")), "{document:#}");
    assert_eq!(plan["columns"], json!(["public.people.email"]));
    assert_eq!(plan["relations"][0]["table"], "public.people");
    assert_eq!(plan["relations"][0]["columns"], json!(["email"]));
    assert_eq!(plan["obstacles"], json!([]));
    assert_eq!(plan["limits"]["batch"], 500);
    for figure in ["rows", "bytes", "wal_bytes", "rows_per_second", "seconds"] {
        assert!(plan["estimate"][figure].as_f64().unwrap() > 0.0, "{figure}: {plan:#}");
    }
    assert_eq!(plan["estimate"]["measured"], json!(false));
    // Faster than its limit it will not be.
    let limited = json(&world.pgveil(&["sweep", "start", "--dry-run", "--json", "--rate", "10"]));
    let (rows, seconds) = (&limited["plan"]["estimate"]["rows"], &limited["plan"]["estimate"]["seconds"]);
    assert!(seconds.as_f64().unwrap() >= rows.as_f64().unwrap() / 10.0, "{limited:#}");
    says(&ok(&world.pgveil(&["sweep", "start", "--dry-run", "--rate", "10"])), &["30 s", "10 rows/s (its limit)"]);
    assert_eq!(jobs(&world), "0");
}

#[test]
fn without_a_terminal_somebody_must_have_said_yes() {
    let world = rotated(3);
    let output = world.pgveil(&["sweep", "start"]);
    assert_eq!(code(&output), 2, "{}", both(&output));
    says(&stderr(&output), &["--yes"]);
    says(&stdout(&output), &["public.people"]);
    assert_eq!(error(&world.pgveil(&["sweep", "start", "--json"])), ("usage".to_owned(), 2));
    assert_eq!(jobs(&world), "0");
}

#[test]
fn where_only_one_dek_has_ever_sealed_there_is_nothing_to_do() {
    let world = applied();
    says(&ok(&world.pgveil(&["sweep", "start", "--yes"])), &["nothing to do"]);
    ok(&world.pgveil(&["keys", "create"]));
    let document = json(&world.pgveil(&["sweep", "start", "--yes", "--json"]));
    assert_eq!(document["job"], json!(null), "{document}");
    assert!(document["nothing_to_do"].is_string(), "{document}");
    says(&ok(&world.pgveil(&["sweep", "start", "rewrap", "--yes"])), &["nothing to do"]);
    assert_eq!(jobs(&world), "0");
    // Opening all values is worth something all the same.
    says(&ok(&world.pgveil(&["sweep", "start", "verify", "--yes"])), &["is queued", "pgveil sweep worker"]);
    assert_eq!(jobs(&world), "1");
}

#[test]
fn a_job_has_the_policys_limits_but_for_those_of_the_command_line() {
    let world = rotated(3);
    world.edit_policy(|text| format!("{text}\nsweep: {{ batch: 77, rate: 1234, max_retries: 3 }}\n"));
    let args = ["--kind", "reencrypt", "--table", "public.people", "--concurrency", "4", "--rate", "99", "--json"];
    let document = json(&world.pgveil(&[&["sweep", "start", "--yes"][..], &args].concat()));
    let job = &document["job"];
    assert_eq!((&job["state"], &job["pass"], &job["automatic"]), (&json!("queued"), &json!(0), &json!(false)));
    assert_eq!(job["columns"].as_array().unwrap().len(), 5, "{job:#}");
    let sql = "SELECT limits->>'batch', limits->>'rate', limits->>'concurrency', limits->>'max_retries' \
               FROM pgveil_keys.sweep_job";
    assert_eq!(superuser(&world, sql), "77|99|4|3");
}

#[test]
fn what_the_policy_does_not_protect_is_answered_with_what_was_meant() {
    let world = rotated(1);
    for (args, meant) in [
        (["--table", "poeple"], "did you mean people?"),
        (["--table", "public.peple"], "did you mean public.people?"),
        (["--column", "people.emial"], "did you mean people.email?"),
        (["--column", "people.name"], "protected are: "),
        (["--database", "nowhere"], "it protects: "),
        (["--dek", "0x7fffffff"], "pgveil keys list"),
    ] {
        let output = world.pgveil(&[&["sweep", "start", "--yes"][..], &args].concat());
        assert_eq!(code(&output), 2, "{args:?}: {}", both(&output));
        says(&stderr(&output), &[meant]);
    }
    let primary = deks(&world, "primary").remove(0);
    let output = world.pgveil(&["sweep", "start", "--yes", "--dek", &primary]);
    assert_eq!(code(&output), 2, "{}", both(&output));
    says(&stderr(&output), &["is the primary one", "keys rotate"]);
    for wrong in [
        &["shuffle"][..],
        &["--kind", "shuffle"],
        &["verify", "--kind", "verify"],
        &["--batch", "0"],
        &["--concurrency", "0"],
        &["--rate", "0"],
        &["--dek", "first"],
        &["--dry-run", "--wait"],
        &["rewrap", "--table", "people"],
        &["verify", "--yes", "--dek", &deks(&world, "deprecated").remove(0)],
    ] {
        assert_eq!(code(&world.pgveil(&[&["sweep", "start"], wrong].concat())), 2, "{wrong:?}");
    }
    assert_eq!(jobs(&world), "0");
}

#[test]
fn two_jobs_are_not_about_the_same() {
    let world = rotated(3);
    let first = json(&world.pgveil(&["sweep", "start", "--yes", "--column", "people.email", "--json"]));
    let output = world.pgveil(&["sweep", "start", "--yes"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    let id = first["job"]["id"].to_string();
    says(&stderr(&output), &["sweep/under-way", &format!("sweep {id} "), "queued"]);
    // A paused one is one too; one about other columns, of another kind, or a cancelled one is none.
    ok(&world.pgveil(&["sweep", "pause"]));
    assert_eq!(error(&world.pgveil(&["sweep", "start", "--yes", "--json"])), ("sweep/under-way".to_owned(), 1));
    ok(&world.pgveil(&["sweep", "start", "--yes", "--column", "people.notes"]));
    ok(&world.pgveil(&["sweep", "start", "verify", "--yes"]));
    ok(&world.pgveil(&["sweep", "cancel", &id]));
    ok(&world.pgveil(&["sweep", "start", "--yes", "--column", "people.email"]));
    assert_eq!(jobs(&world), "4");
}

#[test]
fn the_policy_can_forbid_reencryption() {
    let world = rotated(1);
    world.edit_policy(|text| text.replace("keys: { kms: main", "keys: { kms: main, reencrypt: off"));
    assert_eq!(error(&world.pgveil(&["sweep", "start", "--yes", "--json"])), ("sweep/reencrypt-off".to_owned(), 1));
    ok(&world.pgveil(&["sweep", "start", "verify", "--yes"]));
}

#[test]
fn triggers_are_listed_and_have_to_be_allowed() {
    let mut world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).start();
    fill(&world, 5);
    world.stop();
    ok(&world.pgveil(&["keys", "rotate", "--yes"]));
    world.sql(
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := ''touched''; RETURN NEW; END'; \
         CREATE TRIGGER touched BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch()",
    );
    let output = world.pgveil(&["sweep", "start", "--yes"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    says(&stderr(&output), &["sweep/trigger", "touched", "--allow-triggers", "sweep/obstacles"]);
    let output = world.pgveil(&["sweep", "start", "--dry-run", "--json"]);
    assert_eq!(error(&output), ("sweep/obstacles".to_owned(), 1));
    let obstacle = json(&output).pointer("/error/obstacles/0").cloned().unwrap();
    assert_eq!((&obstacle["code"], &obstacle["object"]), (&json!("sweep/trigger"), &json!("public.people")));
    assert_eq!(jobs(&world), "0");
    // Nothing is written by a look.
    ok(&world.pgveil(&["sweep", "start", "verify", "--dry-run"]));
    says(&ok(&world.pgveil(&["sweep", "start", "--yes", "--allow-triggers"])), &["allowed: ", "touched", "is queued"]);
    assert_eq!(by_dek(&world, "email").len(), 1, "nobody has worked yet");
}

#[test]
fn a_login_without_rights_is_told_which_it_needs() {
    // Roles are a server's: it is this test's own.
    let own = World::builder().own_server(ClusterAuth::Trust, &[]);
    let world = own.schema(PEOPLE).tables(PEOPLE_POLICY).not_running().start();
    ok(&world.pgveil(&["keys", "rotate", "--yes"]));
    superuser(&world, "REVOKE app FROM pgveil");
    superuser(&world, "GRANT SELECT ON people TO pgveil");
    let output = world.pgveil(&["sweep", "start", "--yes"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    says(&stderr(&output), &["sweep/no-privilege", "GRANT UPDATE", "sweep/obstacles"]);
    assert_eq!(jobs(&world), "0");
}

#[test]
fn a_rewrap_takes_the_owner_of_the_keystore() {
    let world = World::builder().schema(PEOPLE).tables(PEOPLE_POLICY).owner("keymaker").not_running().start();
    ok(&world.pgveil(&["keys", "create", "--kek", "--kms", "main"]));
    let keks = json(&world.pgveil(&["keys", "list", "--json"]))["databases"][0]["keks"].clone();
    let staged = keks.as_array().unwrap().iter().find(|kek| kek["status"] == "staged").unwrap()["id"].clone();
    ok(&world.pgveil(&["keys", "activate", staged.as_str().unwrap(), "--yes"]));
    let output = world.pgveil(&["sweep", "start", "rewrap", "--yes"]);
    assert_eq!(code(&output), 1, "{}", both(&output));
    says(&stderr(&output), &["keys/not-owner", "pgveil keys rewrap"]);
    assert_eq!(jobs(&world), "0");
}

#[tokio::test]
async fn a_table_that_is_locked_is_told_and_not_waited_for_without_end() {
    let world = rotated(3);
    let migration = connect(&world.superuser(world.database())).await;
    migration.batch_execute("BEGIN; LOCK TABLE people").await.unwrap();
    for kind in ["reencrypt", "verify"] {
        let output = world.pgveil(&["sweep", "start", kind, "--yes", "--json"]);
        assert_eq!(error(&output), ("sweep/database".to_owned(), 1), "{}", both(&output));
        says(&stdout(&output), &["55P03", "pg_locks"]);
    }
    migration.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(jobs(&world), "0");
    ok(&world.pgveil(&["sweep", "start", "--yes"]));
}
