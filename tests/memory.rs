//! Keys in memory: no core dumps, no traces in logs, nothing left once they are dropped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/keys.rs"]
mod keys_support;
mod support;
#[path = "support/memory.rs"]
mod watched;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::{
        fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
        process::{CommandExt as _, ExitStatusExt as _},
    },
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose};
use keys_support::{Key, Keys};
use pgveil::{
    keys::{Clock, Keyring},
    kms::Directory,
};
use support::{PGVEIL, World, psql, stderr, stdout};
use watched::found_in;

/// Runs a program in a folder with unlimited core dumps, as a shell would.
fn with_cores(folder: &Path, program: &str) -> Command {
    let mut command = Command::new("sh");
    command.current_dir(folder).args(["-c", &format!("ulimit -c unlimited; exec {program}")]);
    command
}

/// Until it is dead: Rust's handler of stack overflows lets the first SIGSEGV pass.
fn kill(child: &mut Child, signal: rustix::process::Signal) -> ExitStatus {
    loop {
        rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
    }
}

fn files(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_crash_leaves_no_core_dump_although_limits_allow_one() {
    use rustix::process::Signal;
    let world = World::people();
    let folder = tempfile::tempdir().unwrap();
    // Without this there would be nothing to see either.
    let mut sleep = with_cores(folder.path(), "sleep 60").spawn().unwrap();
    wait_for_exec(sleep.id(), "sleep");
    if !kill(&mut sleep, Signal::ABORT).core_dumped() {
        eprintln!("SKIPPED: this system lets nothing dump core, so that it cannot be seen that pgveil does not");
        return;
    }
    let dumped = files(folder.path());
    // Not SIGQUIT: what a shell starts in the background ignores it.
    for signal in [Signal::ABORT, Signal::SEGV, Signal::FPE] {
        let config = world.path("again.yaml");
        fs::write(&config, world.policy_with("")).unwrap();
        let mut child =
            with_cores(folder.path(), &format!("{PGVEIL} run --until-stdin-ends --config {}", config.display()))
                .stdin(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains("ready listen=")), "it has its keys by then");
        let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        let limit = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(limit.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
        let status = kill(&mut child, signal);
        assert_eq!(status.signal(), Some(signal.as_raw()));
        assert!(!status.core_dumped(), "{signal:?}");
        assert_eq!(files(folder.path()), dumped, "{signal:?}");
    }
}

/// Until the shell has become the program.
fn wait_for_exec(pid: u32, name: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().trim() != name {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_same_user_cannot_look_into_the_process_and_it_reads_its_own_files_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("pgveil");
    fs::copy(PGVEIL, &program).unwrap();
    // Root's processes belong to root either way.
    let mut command = Command::new(&program);
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    // The policy comes through /proc/self/fd, which such a process keeps.
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").args(["-m", "666"]).arg(&pipe).status().unwrap().success());
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let reader = fs::OpenOptions::new().read(true).custom_flags(nonblocking).open(&pipe).unwrap();
    let mut writer = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let child = command
        .args(["check", "--config", "/dev/stdin"])
        .stdin(reader)
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while fs::metadata(format!("/proc/{}/mem", child.id())).unwrap().uid() != 0 {
        assert!(Instant::now() < deadline, "its memory belongs to its user");
        std::thread::sleep(Duration::from_millis(5));
    }
    writer.write_all(b"nonsense: true\n").unwrap();
    drop(writer);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("nonsense"), "it has read the policy: {}", stderr(&output));
}

/// The ways in which a key could have been written.
fn spellings(key: &Key) -> Vec<Vec<u8>> {
    let numbers = key.map(|byte| byte.to_string());
    let escaped = key.map(|byte| format!("\\x{byte:02x}")).concat();
    // Base64 without its end, which depends on what follows.
    let base64 = general_purpose::STANDARD_NO_PAD.encode(&key[..30]);
    let url = general_purpose::URL_SAFE_NO_PAD.encode(&key[..30]);
    [const_hex::encode(key), const_hex::encode_upper(key), base64, url, numbers.join(", "), numbers.join(","), escaped]
        .into_iter()
        .map(String::into_bytes)
        .chain([key.to_vec(), format!("b\"{}\"", key.escape_ascii()).into_bytes()])
        .collect()
}

#[test]
fn keys_are_in_no_log_whatever_its_level() {
    let world = World::builder()
        .schema(support::PEOPLE)
        .tables(support::PEOPLE_POLICY)
        .environment("RUST_LOG", "trace")
        .start();
    psql(&world.through(), "INSERT INTO people (name, email, ssn) VALUES ('Ann', 'ann@example.org', '123-45-6789')");
    assert_eq!(psql(&world.through(), "SELECT ssn FROM people WHERE email = 'ann@example.org'"), "123-45-6789");
    let mut said = world.stderr();
    assert!(said.contains(" DEBUG "), "that is not a log of everything:\n{said}");
    for args in [&["check"][..], &["apply", "--yes"], &["value", "seal", "--column", "people.ssn"]] {
        let config = world.config();
        let mut command = Command::new(PGVEIL);
        command.args(args).arg("--config").arg(&config).env("RUST_LOG", "trace").stdin(Stdio::null());
        let output = command.output().unwrap();
        said.push_str(&stderr(&output));
        said.push_str(&stdout(&output));
    }
    said.push_str(&world.server_log());
    let keys = Keys::read(&world.superuser(world.database()), &world.path("keyring"));
    assert!(!keys.deks.is_empty() && !keys.roots.is_empty() && !keys.keks.is_empty());
    let mut all = keys.all();
    all.extend(keys.of_column("public.people.ssn"));
    for (name, key) in all {
        for spelling in spellings(&key) {
            let place = memchr::memmem::find(said.as_bytes(), &spelling);
            assert_eq!(place, None, "{name} was written as {}", spelling.escape_ascii());
        }
    }
}

const CHILD: &str = "TEST_KEYRING_PROCESS";

/// Not a test but the process that the next test looks into: opens a keyring with a column's ciphers, drops it, and waits
/// for a line on its standard input after each step.
#[test]
fn keyring_process() {
    let Ok(arguments) = std::env::var(CHILD) else { return };
    let [connection, database, config] = arguments.split('\n').collect::<Vec<_>>().try_into().unwrap();
    let step = |name: &str| {
        eprintln!("step {name}");
        std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    };
    let policy = pgveil::config::load(Path::new(config), &pgveil::kms::declarations()).unwrap().policy;
    let column = policy.databases[database].columns.iter().find(|column| column.name == "ssn").unwrap().clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let client = support::connect(connection).await;
        let services = Arc::new(Directory::new(&policy));
        let keyring = Keyring::open(&client, database, services, &policy.keys, Clock::system()).await.unwrap();
        let keys = keyring.column(&column);
        step("open");
        drop((keys, keyring));
    });
    drop(runtime);
    step("dropped");
}

#[test]
fn nothing_of_a_key_is_left_in_memory_once_its_keyring_is_dropped() {
    let world = World::builder().schema(support::PEOPLE).tables(support::PEOPLE_POLICY).not_running().start();
    let arguments = [&world.superuser(world.database()), world.database(), world.config().to_str().unwrap()].join("\n");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "keyring_process", "--nocapture"])
        .env(CHILD, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let keys = Keys::read(&world.superuser(world.database()), &world.path("keyring"));
    let mut wanted = keys.all();
    wanted.extend(keys.of_column("public.people.ssn"));
    let needles: Vec<Key> = wanted.iter().map(|(_, key)| *key).collect();
    let mut look = |step: &str| {
        let line = format!("step {step}");
        assert!(lines.any(|said| said == line), "{step} was not reached");
        let found = found_in(child.id(), &needles);
        child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        found
    };
    let (open, dropped) = (look("open"), look("dropped"));
    assert!(child.wait().unwrap().success());
    let (Some(open), Some(dropped)) = (open, dropped) else {
        eprintln!("SKIPPED: this user may not read the memory of its own processes");
        return;
    };
    for (((name, _), open), dropped) in wanted.iter().zip(&open).zip(&dropped) {
        println!("{name}: {open} while in use, {dropped} afterwards");
    }
    for (((name, _), open), dropped) in wanted.iter().zip(open).zip(dropped) {
        // The search finds what is there: expanded keys begin with the key.
        assert!(open > 0, "{name} is not where it has to be");
        assert_eq!(dropped, 0, "{name} is still in memory: {dropped} times of {open}");
    }
}
