//! Memory of a process, watched while something runs.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// KiB of a process, of a line of its status.
pub fn memory(pid: u32, name: &str) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Watches a process's memory while something runs; gives the growth in KiB over the start.
pub fn growth<T>(pid: u32, work: impl FnOnce() -> T) -> (T, usize) {
    let before = memory(pid, "VmRSS:");
    let (peak, stop) = (Arc::new(AtomicUsize::new(before)), Arc::new(AtomicBool::new(false)));
    let watch = {
        let (peak, stop) = (Arc::clone(&peak), Arc::clone(&stop));
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                peak.fetch_max(memory(pid, "VmRSS:"), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(2));
            }
        })
    };
    let done = work();
    stop.store(true, Ordering::Relaxed);
    watch.join().unwrap();
    (done, peak.load(Ordering::Relaxed) - before)
}
