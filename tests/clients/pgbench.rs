//! pgbench, in all three protocols, on its own tables with sealed columns, against the direct run.

use std::{fmt::Write as _, path::PathBuf, process::Command};

use super::{
    program,
    support::{World, both, psql, stdout},
};

const POLICY: &str = "
pgbench_accounts:
  columns:
    filler: { type: char(84), mode: equality }
pgbench_tellers:
  columns:
    filler: { type: char(84) }
pgbench_history:
  columns:
    filler: { type: char(22) }";

/// Beside the server's other programs, if not on the path.
fn pgbench() -> PathBuf {
    let found = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let beside = found.map(|version| version.path().join("bin/pgbench")).find(|path| path.exists());
    beside.unwrap_or_else(|| "pgbench".into())
}

fn run(conn_string: &str, args: &[&str]) -> String {
    let output = Command::new(pgbench()).args(args).arg(conn_string).output().expect("pgbench (package postgresql)");
    assert!(output.status.success(), "pgbench {args:?}\n{}", both(&output));
    both(&output)
}

/// Tables as pgbench makes them, then `apply`.
fn world() -> World {
    let mut world = World::builder().tables(POLICY).idle().start();
    for conn_string in [world.direct(), world.twin()] {
        run(&conn_string, &["-i", "-q", "-I", "dtp"]);
    }
    let output = world.pgveil(&["apply", "--yes"]);
    assert!(output.status.success(), "{}", both(&output));
    world.run(&[]);
    world
}

const STATE: [&str; 4] = [
    "SELECT aid, bid, abalance, filler FROM pgbench_accounts WHERE abalance <> 0 ORDER BY aid",
    "SELECT tid, bid, tbalance, filler FROM pgbench_tellers ORDER BY tid",
    "SELECT bid, bbalance FROM pgbench_branches ORDER BY bid",
    "SELECT count(*), sum(delta), sum(tid), sum(aid), count(filler) FROM pgbench_history",
];

#[track_caller]
fn assert_same_state(world: &World) {
    for sql in STATE {
        assert!(psql(&world.through(), sql) == psql(&world.twin(), sql), "{sql}");
    }
}

/// What the tables are filled with is the same in both; COPY with FREEZE, TRUNCATE, VACUUM.
#[test]
fn pgbench_fills_and_uses_sealed_tables() {
    let world = world();
    let initialized = |conn_string: &str| run(conn_string, &["-i", "-q", "-I", "gv"]);
    initialized(&world.through());
    initialized(&world.twin());
    let counts = "SELECT count(*), count(DISTINCT filler) FROM pgbench_accounts";
    assert_eq!(psql(&world.through(), counts), psql(&world.twin(), counts));
    assert_eq!(psql(&world.through(), counts), "100000|1");
    assert!(world.sql("SELECT filler FROM pgbench_accounts WHERE aid = 5").starts_with("\\xff7076"));

    // Fillers to look up by.
    let mut rows = String::from("TRUNCATE pgbench_accounts; COPY pgbench_accounts FROM STDIN;\n");
    (1..=1000).for_each(|aid| writeln!(rows, "{aid}\t1\t0\t{aid}").unwrap());
    rows.push_str("\\.\n");
    let file = world.path("accounts.sql");
    std::fs::write(&file, rows).unwrap();
    for conn_string in [world.through(), world.twin()] {
        let args = ["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", &conn_string, "-f"];
        let output = Command::new("psql").args(args).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", both(&output));
        assert_eq!(stdout(&output), "");
    }
    let script = program("pgbench.sql");
    let script = script.to_str().unwrap();
    for protocol in ["simple", "extended", "prepared"] {
        // One client and one seed: the same work on both sides.
        for work in [&["-n", "-f", script][..], &["-n", "-S", "-s", "1"], &["-n", "-N"]] {
            let args = [work, &["-M", protocol, "-c", "1", "-t", "60", "--random-seed=7", "-D", "scale=1"]].concat();
            let said = [world.through(), world.twin()].map(|conn_string| run(&conn_string, &args));
            assert!(said.iter().all(|said| said.contains("60/60")), "{protocol} {work:?}\n{}", said[0]);
            assert_same_state(&world);
        }
        // Several: what must add up does.
        let reset = "UPDATE pgbench_accounts SET abalance = 0; UPDATE pgbench_tellers SET tbalance = 0, filler = NULL;
                     UPDATE pgbench_branches SET bbalance = 0; TRUNCATE pgbench_history";
        for conn_string in [world.through(), world.twin()] {
            psql(&conn_string, reset);
        }
        let args = ["-n", "-f", script, "-M", protocol, "-c", "4", "-j", "2", "-t", "40"];
        assert!(run(&world.through(), &args).contains("160/160"));
        let sums = "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = sum(delta),
                      (SELECT sum(tbalance) FROM pgbench_tellers) = sum(delta), count(filler) FROM pgbench_history";
        assert_eq!(psql(&world.through(), sums), "t|t|160", "{protocol}");
        psql(&world.through(), reset);
    }
    // Data made on the server: the one filler that the statement has is sealed.
    for conn_string in [world.through(), world.twin()] {
        run(&conn_string, &["-i", "-q", "-I", "Gv"]);
    }
    assert_eq!(psql(&world.through(), counts), psql(&world.twin(), counts));
    let all = "SELECT * FROM pgbench_accounts ORDER BY aid LIMIT 500";
    assert_eq!(psql(&world.through(), all), psql(&world.twin(), all));
    assert_eq!(world.sql("SELECT DISTINCT left(filler::text, 8) FROM pgbench_accounts"), r"\xff7076");
}
