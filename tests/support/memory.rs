//! Memory of a process: how much there is while something runs, and what is in it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
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

/// How often each needle stands in a process's writable memory. None if this user may not read it.
pub fn found_in(pid: u32, needles: &[[u8; 32]]) -> Option<Vec<usize>> {
    let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let finders: Vec<_> = needles.iter().map(memchr::memmem::Finder::new).collect();
    let mut counts = vec![0; needles.len()];
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let (start, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        let mut bytes = vec![0; (end - start) as usize];
        // Guard pages and what was unmapped meanwhile cannot be read.
        if memory.read_exact_at(&mut bytes, start).is_err() {
            continue;
        }
        for (count, finder) in counts.iter_mut().zip(&finders) {
            *count += finder.find_iter(&bytes).count();
        }
    }
    Some(counts)
}
