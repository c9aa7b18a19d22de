//! `/readyz`.

use std::{
    fs,
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use pgveil::cli::demo::cluster::ClusterAuth;
use rustix::process::Signal;

use crate::{
    builder, get, has_ended, metric, people,
    raw::Raw,
    signal,
    support::{World, psql, stdout},
    wait,
};

/// What is promised: both ways.
const NOTICED: Duration = Duration::from_secs(5);

/// The private server of a world, which can be stopped and started again.
struct Server {
    data: PathBuf,
    program: PathBuf,
    port: u16,
    pid: u32,
    child: Option<Child>,
}

impl Server {
    fn of(world: &World) -> Self {
        let data = PathBuf::from(psql(&world.superuser("postgres"), "SHOW data_directory"));
        let pid = Self::pid(&data);
        let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
        Self { data, program, port: world.server_port(), pid, child: None }
    }

    fn pid(data: &Path) -> u32 {
        fs::read_to_string(data.join("postmaster.pid")).unwrap().lines().next().unwrap().parse().unwrap()
    }

    fn stop(&mut self) {
        signal(self.pid, Signal::INT);
        wait(Duration::from_secs(10), "the server ends", || has_ended(self.pid));
        if let Some(mut child) = self.child.take() {
            child.wait().unwrap();
        }
    }

    fn start(&mut self) {
        let owner = fs::metadata(&self.data).unwrap();
        let mut command = Command::new(&self.program);
        if rustix::process::geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        command.env_clear().current_dir(&self.data).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.arg("-D").arg(&self.data).arg("-k").arg(self.data.parent().unwrap());
        self.child = Some(command.args(["-p", &self.port.to_string()]).spawn().unwrap());
        let pid_file = self.data.join("postmaster.pid");
        wait(Duration::from_secs(10), "the server starts", || {
            fs::read_to_string(&pid_file)
                .is_ok_and(|text| text.lines().nth(7).is_some_and(|line| line.trim() == "ready"))
        });
        self.pid = Self::pid(&self.data);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(self.pid, Signal::INT);
            let _ = child.wait();
        }
    }
}

#[test]
fn it_is_not_ready_while_the_keystore_is_unreachable() {
    let metrics = pgveil::cli::demo::cluster::free_port().unwrap();
    let world = builder("", metrics).own_server(ClusterAuth::Trust, &[]).start();
    let mut server = Server::of(&world);
    assert_eq!(get(metrics, "/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(metric(metrics, "pgveil_ready"), 1);
    for _ in 0..2 {
        server.stop();
        wait(NOTICED, "it is noticed", || get(metrics, "/readyz").0 == 503);
        let reason = get(metrics, "/readyz").1;
        let expected = format!("not ready: keystore of database \"{}\" unreachable since ", world.database());
        assert!(reason.starts_with(&expected) && reason.ends_with(" s\n"), "{reason}");
        let asked = world.pgveil(&["ready"]);
        assert_eq!(asked.status.code(), Some(1));
        assert!(stdout(&asked).starts_with(&expected), "{}", stdout(&asked));
        assert_eq!(get(metrics, "/livez").0, 200);
        assert_eq!(metric(metrics, "pgveil_ready"), 0);
        server.start();
        wait(NOTICED, "it is back", || get(metrics, "/readyz").0 == 200);
        assert_eq!(metric(metrics, "pgveil_ready"), 1);
        let mut raw = Raw::connect(&world.through());
        assert_eq!(raw.brief("SELECT count(email) FROM people"), ["0", "SELECT 1", "=I"]);
    }
}

#[test]
fn a_server_that_does_not_answer_is_unreachable() {
    let (world, metrics) = people("");
    let sql = format!(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgveil' AND datname = '{}'",
        world.database()
    );
    let found = psql(&world.superuser("postgres"), &sql);
    let pids: Vec<u32> = found.lines().map(|pid| pid.parse().unwrap()).collect();
    assert!(!pids.is_empty());
    for pid in &pids {
        signal(*pid, Signal::STOP);
    }
    let noticed = std::panic::catch_unwind(|| {
        wait(NOTICED, "it is noticed", || get(metrics, "/readyz").0 == 503);
    });
    for pid in &pids {
        signal(*pid, Signal::CONT);
    }
    noticed.unwrap();
    wait(NOTICED, "it is back", || get(metrics, "/readyz").0 == 200);
}
