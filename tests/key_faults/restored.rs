//! Databases that go back in time: a dump restored into the running set-up, a standby that took over.

use std::{
    fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use pgveil::cli::demo::cluster::free_port;

use super::{
    house::{House, Refusal, wait_for},
    writers::{Writers, all_acknowledged_are_readable},
};
use crate::support::{both, conn_string, psql, stderr, stdout};

#[test]
fn an_old_dump_restored_into_the_running_setup_is_refused_until_it_is_accepted() {
    let house = House::new(2);
    house.insert(0, 1).unwrap();
    let dump = Command::new("pg_dump").args(["--clean", "--if-exists", "-d", &house.superuser()]).output().unwrap();
    assert!(dump.status.success(), "{}", both(&dump));
    let old = house.keys();

    house.pgveil(&["keys", "rotate", "--yes"]);
    let lost = house.keys();
    wait_for(15, "a value under the new DEK", || {
        house.sql("DELETE FROM notes WHERE id = 2");
        house.insert(0, 2).map_err(|refusal| refusal.text)?;
        if house.dek_of(2) == lost.primary { Ok(()) } else { Err(format!("{}", house.dek_of(2))) }
    });
    let stored = house.sql("SELECT secret::bytea FROM notes WHERE id = 2");

    // Somebody restores last night's dump. Sessions of before hold locks until they end.
    let path = house.world.path("dump.sql");
    fs::write(&path, &dump.stdout).unwrap();
    let restore = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-1", "-d", &house.superuser(), "-f"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(restore.status.success(), "{}", both(&restore));
    // A value from after the dump comes back by another way (a logical replica, a copy of the table).
    house.sql(&format!("INSERT INTO notes VALUES (2, '{stored}')"));

    for proxy in [0, 1] {
        wait_for(15, "the restore is noticed", || match (house.insert(proxy, 3), house.read(proxy, 1)) {
            (Err(write), Err(read)) if write.text.contains("went-back") && read.text.contains("went-back") => Ok(()),
            other => {
                house.sql("DELETE FROM notes WHERE id = 3");
                Err(format!("{other:?}"))
            }
        });
    }
    house.read(1, 1).unwrap_err().is("XX001", "accept-restore");
    // Nor does a proxy that starts now, on a host that remembers, or a command that would change keys.
    let fresh = house.world.try_replica("");
    if let Ok(fresh) = &fresh {
        let string = conn_string(fresh.address().port(), house.world.database());
        super::house::ask(&string, "SELECT secret FROM notes WHERE id = 1").unwrap_err().is("XX001", "keys/went-back");
    }
    let rotate = house.world.pgveil(&["keys", "rotate", "--yes"]);
    assert!(!rotate.status.success() && stderr(&rotate).contains("went-back"), "{}", both(&rotate));
    assert_eq!(house.keys(), old);

    house.pgveil(&["keys", "accept-restore", "--yes"]);
    // The tables were made anew; whether they are the right ones is for a person to say.
    house.pgveil(&["apply", "--accept", "--yes"]);
    let accepted = house.keys();
    assert_ne!(accepted.primary, old.primary, "what sealed before may have sealed more than is known");
    for proxy in 0..2 {
        wait_for(20, "served again", || house.read(proxy, 1).map_err(|refusal| refusal.text));
        house.read(proxy, 2).unwrap_err().is("XX001", "keys/unknown-dek");
        let id = 10 + proxy as i64;
        wait_for(20, "writes, too", || house.insert(proxy, id).map_err(|refusal| refusal.text));
        assert_eq!(house.dek_of(id), accepted.primary);
        assert_eq!(house.read(1 - proxy, id).unwrap(), format!("secret {id}"));
    }
    let row = house.sql("SELECT count(*) FROM pgveil_keys.audit WHERE operation = 'restore.accept' AND result = 'ok'");
    assert_eq!(row, "1");
    house.pgveil(&["keys", "rotate", "--yes"]);
}

/// A server started from a physical copy of another's folder. Stops when it is dropped.
struct Copy {
    folder: PathBuf,
    programs: PathBuf,
    owner: (u32, u32),
    port: u16,
}

impl Copy {
    /// A base backup of a running server, started as its standby and promoted.
    fn promoted(house: &House) -> Self {
        let cluster = house.world.sockets();
        let data = cluster.join("data");
        let pid = fs::read_to_string(data.join("postmaster.pid")).unwrap().lines().next().unwrap().to_owned();
        let programs = fs::read_link(format!("/proc/{pid}/exe")).unwrap().parent().unwrap().to_owned();
        let metadata = fs::metadata(&data).unwrap();
        let copy = Self {
            folder: cluster.join("copy"),
            programs,
            owner: (metadata.uid(), metadata.gid()),
            port: free_port().unwrap(),
        };
        let source = house.world.superuser("postgres");
        copy.run("pg_basebackup", &["-D", copy.path(), "-c", "fast", "-X", "stream", "-R", "-d", &source]);
        copy.run(
            "pg_ctl",
            &[
                "-D",
                copy.path(),
                "-w",
                "-l",
                &format!("{}/copy.log", cluster.display()),
                "-o",
                &format!("-p {} -k {}", copy.port, cluster.display()),
                "start",
            ],
        );
        copy.run("pg_ctl", &["-D", copy.path(), "-w", "promote"]);
        copy
    }

    fn path(&self) -> &str {
        self.folder.to_str().unwrap()
    }

    fn run(&self, program: &str, args: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        if rustix::process::geteuid().is_root() {
            command.uid(self.owner.0).gid(self.owner.1);
        }
        let output = command.args(args).current_dir("/").stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{program} {args:?}: {}", both(&output));
    }

    fn superuser(&self, database: &str) -> String {
        format!("host=127.0.0.1 port={} user=postgres dbname={database}", self.port)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Not `run`, which panics: this may be a panic already.
        let mut command = Command::new(self.programs.join("pg_ctl"));
        if rustix::process::geteuid().is_root() {
            command.uid(self.owner.0).gid(self.owner.1);
        }
        let _ = command.args(["-D", self.path(), "-m", "immediate", "stop"]).stdout(Stdio::null()).status();
    }
}

#[test]
fn a_standby_that_takes_over_costs_one_rotation_and_loses_nothing() {
    let house = House::new(1);
    let writers = Writers::start(&house, 2, Duration::from_millis(10));
    writers.progress(20, Duration::from_secs(20));
    let seen = writers.stop();
    assert_eq!(seen.failed, [].into(), "{:?}", seen.messages);
    let before = house.keys();

    // Everything acknowledged so far is in the copy; then the host is gone and the copy takes over.
    let copy = Copy::promoted(&house);
    let database = house.world.database().to_owned();
    assert_eq!(psql(&copy.superuser(&database), "SELECT pg_is_in_recovery()"), "f");
    // The proxies of before are waited for until they must have lost their lease: not here.
    psql(&copy.superuser(&database), "UPDATE pgveil_keys.proxy SET heartbeat = heartbeat - interval '10 minutes'");
    let front = format!("upstream: {{ hosts: [\"127.0.0.1:{}\"] }}", copy.port);
    let proxy = house.world.try_replica(&front).expect("a proxy over the promoted standby");
    let through = conn_string(proxy.address().port(), &database);

    let primary = || psql(&copy.superuser(&database), "SELECT id FROM pgveil_keys.dek WHERE state = 'primary'");
    wait_for(90, "a rotation because of the failover", || {
        let now = primary();
        if now == before.primary.to_string() { Err(proxy.stderr()) } else { Ok(now) }
    });
    wait_for(30, "a write on the new timeline", || {
        super::house::ask(&through, "INSERT INTO notes VALUES (7, 'secret 7')").map_err(|refusal| refusal.text)
    });
    let stored = psql(&copy.superuser(&database), "SELECT encode(secret::bytea, 'hex') FROM notes WHERE id = 7");
    assert_eq!(super::house::dek_in(&stored).to_string(), primary(), "not under a DEK whose uses may be miscounted");
    for id in &seen.acknowledged {
        let read = super::house::ask(&through, &format!("SELECT secret FROM notes WHERE id = {id}"));
        assert_eq!(read, Ok(format!("secret {id}")));
    }
    // One, and not one with every look.
    let promoted = psql(&copy.superuser(&database), "SELECT count(*) FROM pgveil_keys.dek");
    assert_eq!(promoted, (before.deks + 1).to_string());
    all_acknowledged_are_readable(&house, 0, &seen);
}

#[test]
fn without_a_rotation_nothing_is_sealed_in_a_copy() {
    let house = House::new(0);
    let copy = Copy::promoted(&house);
    let database = house.world.database().to_owned();
    // Nobody in the copy may make keys: the proxy can only wait.
    psql(&copy.superuser(&database), "REVOKE INSERT, UPDATE ON pgveil_keys.dek FROM pgveil");
    let proxy = house.world.try_replica(&format!("upstream: {{ hosts: [\"127.0.0.1:{}\"] }}", copy.port));
    let Ok(proxy) = proxy else { return };
    let through = conn_string(proxy.address().port(), &database);
    let Refusal { text, .. } = super::house::ask(&through, "INSERT INTO notes VALUES (7, 'secret 7')").unwrap_err();
    assert!(text.contains("keys/"), "{text}");
    assert_eq!(psql(&copy.superuser(&database), "SELECT count(*) FROM notes"), "0");
    let health = house.world.pgveil(&["keys", "list"]);
    assert!(health.status.success(), "{}", stdout(&health));
}
