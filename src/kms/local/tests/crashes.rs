//! Processes that are killed or race while they change a keyring: each runs this test binary again.
use super::*;

use std::process::{Child, Command, Stdio};

/// Where the keyring is.
const PATH: &str = "PGVEIL_TEST_KEYRING";
/// Where in [`super::super::file`] to die.
const DIE: &str = "PGVEIL_TEST_DIE_AT";
/// Every place, in order.
const STEPS: [&str; 6] = ["locked", "made", "half written", "written", "renamed", "durable"];

/// Dies here, as by `kill -9`, if this process was told to.
pub(in crate::kms::local) fn step(at: &str) {
    if std::env::var(DIE).is_ok_and(|place| place == at) {
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
        std::thread::park();
    }
}

/// Runs `test` of this module in a process of its own.
fn child(test: &str, path: &Path, die: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--nocapture", &format!("kms::local::tests::crashes::{test}")])
        .env(PATH, path)
        .stdout(Stdio::piped());
    if let Some(place) = die {
        command.env(DIE, place);
    }
    command.spawn().unwrap()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(work)
}

/// What stands behind `name=` up to `;` in the output of a child, each time.
fn printed<'a>(output: &'a str, name: &str) -> Vec<&'a str> {
    output.split(name).skip(1).map(|rest| rest.split(';').next().unwrap()).collect()
}

#[test]
fn a_rotation_that_is_killed_leaves_the_old_file_or_the_new_one() {
    if let Ok(path) = std::env::var(PATH) {
        block_on(async { open(Path::new(&path), None).await.unwrap().rotate().await.unwrap() });
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keyring.json");
    block_on(async {
        let first = open(&path, None).await.unwrap();
        let mut wraps = vec![first.wrap(&KEY, &context(1)).await.unwrap()];
        let mut count = 1;
        for place in STEPS {
            let status =
                child("a_rotation_that_is_killed_leaves_the_old_file_or_the_new_one", &path, Some(place)).wait();
            assert!(!status.unwrap().success(), "{place}: it was not killed");
            let keyring = open(&path, None).await.unwrap();
            let new = matches!(place, "renamed" | "durable");
            count += usize::from(new);
            assert_eq!(keyring.versions().await.unwrap().len(), count, "{place}");
            for wrap in &wraps {
                assert_eq!(keyring.unwrap(wrap, &context(1)).await.unwrap().expose(), &KEY, "{place}");
            }
            // What was left lying about is in nobody's way.
            let key = keyring.rotate().await.unwrap();
            count += 1;
            assert_eq!(keyring.key_ref(), key);
            wraps.push(keyring.wrap(&KEY, &context(1)).await.unwrap());
        }
    });
}

#[test]
fn the_making_of_a_keyring_that_is_killed_leaves_none_or_a_whole_one() {
    if let Ok(path) = std::env::var(PATH) {
        block_on(async { open(Path::new(&path), None).await.unwrap().wrap(&KEY, &context(1)).await.unwrap() });
        return;
    }
    for place in STEPS {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring.json");
        let status =
            child("the_making_of_a_keyring_that_is_killed_leaves_none_or_a_whole_one", &path, Some(place)).wait();
        assert!(!status.unwrap().success(), "{place}: it was not killed");
        assert_eq!(path.exists(), matches!(place, "renamed" | "durable"), "{place}");
        block_on(async {
            let keyring = open(&path, None).await.unwrap();
            let wrapped = keyring.wrap(&KEY, &context(1)).await.unwrap();
            assert_eq!(keyring.unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY, "{place}");
        });
    }
}

#[test]
fn processes_that_start_at_once_end_with_one_keyring() {
    if let Ok(path) = std::env::var(PATH) {
        let key_ref = block_on(async {
            let local = open(Path::new(&path), None).await.unwrap();
            local.wrap(&KEY, &context(1)).await.unwrap();
            local.key_ref()
        });
        println!("key={key_ref};");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keyring.json");
    let children: Vec<_> =
        (0..6).map(|_| child("processes_that_start_at_once_end_with_one_keyring", &path, None)).collect();
    let mut keys = std::collections::BTreeSet::new();
    for child in children {
        let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        keys.extend(printed(&output, "key=").into_iter().map(str::to_owned));
    }
    assert_eq!(keys.len(), 1, "{keys:?}");
}

#[test]
fn sixteen_processes_that_rotate_at_once_lose_no_key() {
    const ROTATIONS: usize = 5;
    if let Ok(path) = std::env::var(PATH) {
        block_on(async {
            let path = Path::new(&path);
            let keyring = open(path, None).await.unwrap();
            for _ in 0..ROTATIONS {
                let key = keyring.rotate().await.unwrap();
                let pinned = Local::open_pinned("office", path, None, &key).await.unwrap();
                for local in [&keyring, &pinned] {
                    let wrapped = local.wrap(&KEY, &context(1)).await.unwrap();
                    println!("wrap={};", const_hex::encode(wrapped.blob));
                }
                println!("key={key};");
            }
        });
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keyring.json");
    block_on(async {
        let first = open(&path, None).await.unwrap();
        let mut example = first.wrap(&KEY, &context(1)).await.unwrap();
        let children: Vec<_> =
            (0..16).map(|_| child("sixteen_processes_that_rotate_at_once_lose_no_key", &path, None)).collect();
        let last = open(&path, None).await.unwrap();
        let (mut keys, mut wraps) = (Vec::new(), 0);
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success());
            let output = String::from_utf8(output.stdout).unwrap();
            keys.extend(printed(&output, "key=").into_iter().map(str::to_owned));
            for blob in printed(&output, "wrap=") {
                example.blob = const_hex::decode(blob).unwrap();
                assert_eq!(last.unwrap(&example, &context(1)).await.unwrap().expose(), &KEY);
                wraps += 1;
            }
        }
        assert_eq!((keys.len(), wraps), (16 * ROTATIONS, 2 * 16 * ROTATIONS));
        let versions = last.versions().await.unwrap();
        assert_eq!(versions.len(), 1 + 16 * ROTATIONS);
        assert!(keys.iter().all(|key| versions.iter().any(|version| version.id == *key)));
        assert_eq!(versions.iter().filter(|version| version.is_primary).count(), 1);
        assert!(versions[0].is_primary, "the newest");
    });
}
