//! Runs a target on its seeds and on what becomes of them.
//!
//! There is no instrumentation. Instead a target says what it saw (which error, which construct …),
//! and an input that shows something new joins the corpus: much of what coverage gives, on stable and
//! in plain `cargo test`.

use std::{
    cell::Cell,
    collections::HashSet,
    fmt::{Debug, Write as _},
    fs,
    hash::{DefaultHasher, Hash, Hasher as _},
    panic::{AssertUnwindSafe, catch_unwind, panic_any, set_hook, take_hook},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, Once},
    thread,
    time::{Duration, Instant},
};

use super::{memory, mutate::mutated, random::Random};

/// What is fuzzed.
pub struct Target {
    pub name: &'static str,
    pub seeds: Vec<Vec<u8>>,
    pub dictionary: Vec<&'static [u8]>,
    /// Inputs are cut off here.
    pub longest: usize,
    /// Runs of the short form.
    pub runs: usize,
    /// Says what it saw; panics where an invariant does not hold.
    pub run: fn(&[u8]) -> u64,
}

/// How long one input may take, in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes that may be allocated for an input of no length, and for each byte of it.
const MEMORY: usize = 16 << 20;
const MEMORY_PER_BYTE: usize = 4096;

/// Inputs that are kept.
const CORPUS: usize = 4000;

/// What a target saw, as one number.
pub fn saw(what: impl Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{what:?}").hash(&mut hasher);
    hasher.finish()
}

thread_local! {
    static LAST_PANIC: Cell<String> = const { Cell::new(String::new()) };
}

/// Panics are noted, not printed: there are some that are caught, thousands of times.
pub fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |info| {
            if info.payload().downcast_ref::<Finding>().is_some() {
                print(info);
            }
            LAST_PANIC.set(info.to_string());
        }));
    });
}

/// What the thread's last panic said.
pub fn last_panic() -> String {
    LAST_PANIC.take()
}

/// What a failed target panics with.
struct Finding;

/// Runs a target: `runs` times, or for PGVEIL_FUZZ_SECONDS from a random seed.
pub fn fuzz(target: &Target) {
    if let Ok(path) = std::env::var("PGVEIL_FUZZ_INPUT") {
        (target.run)(&fs::read(path).expect("the input"));
        return;
    }
    note_panics();
    let seconds = std::env::var("PGVEIL_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let seed = match end {
        Some(_) => std::process::id().into(),
        None => 7,
    };
    let mut fuzzing = Fuzzing::new(target);
    for input in &target.seeds {
        fuzzing.once(input.clone());
    }
    let mut random = Random::new(seed);
    let mut runs = 0;
    while end.map_or(runs < target.runs, |end| Instant::now() < end) {
        let input = mutated(&fuzzing.corpus, &target.dictionary, target.longest, &mut random);
        fuzzing.once(input);
        runs += 1;
    }
    println!("{}: {runs} runs, {} inputs of interest", target.name, fuzzing.corpus.len());
}

struct Fuzzing<'a> {
    target: &'a Target,
    corpus: Vec<Vec<u8>>,
    seen: HashSet<u64>,
    folder: PathBuf,
    watch: Watch,
}

impl<'a> Fuzzing<'a> {
    fn new(target: &'a Target) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuzz").join(target.name);
        fs::create_dir_all(&folder).expect("a folder for findings");
        let watch = Watch::new(target.name, &folder);
        Self { target, corpus: target.seeds.clone(), seen: HashSet::new(), folder, watch }
    }

    fn once(&mut self, input: Vec<u8>) {
        let run = self.target.run;
        self.watch.begins(&input);
        let (outcome, bytes) = memory::peak(|| catch_unwind(AssertUnwindSafe(|| run(&input))));
        self.watch.ends();
        let Ok(saw) = outcome else {
            let said = LAST_PANIC.take();
            self.fail(&input, &format!("fails: {said}"))
        };
        if bytes > MEMORY + MEMORY_PER_BYTE * input.len() {
            self.fail(&input, &format!("allocates {bytes} bytes for {}", input.len()));
        }
        if self.seen.insert(saw) && self.corpus.len() < CORPUS {
            self.corpus.push(input);
        }
    }

    fn fail(&self, input: &[u8], what: &str) -> ! {
        let path = self.folder.join(format!("{:016x}", saw(input)));
        fs::write(&path, input).expect("the finding");
        eprintln!(
            "target {} {what}\nrerun with PGVEIL_FUZZ_INPUT={} cargo test --test fuzz {}\n{}",
            self.target.name,
            path.display(),
            self.target.name,
            shown(input)
        );
        panic_any(Finding)
    }
}

fn shown(input: &[u8]) -> String {
    let mut out = String::new();
    for byte in input.iter().take(2000) {
        write!(out, "{}", byte.escape_ascii()).expect("a string");
    }
    out
}

/// The input that runs now, and since when.
type Present = Arc<Mutex<Option<(Instant, Vec<u8>)>>>;

/// Ends the process if an input takes too long: a loop without end cannot be caught otherwise.
struct Watch {
    present: Present,
    path: PathBuf,
}

impl Watch {
    fn new(name: &'static str, folder: &Path) -> Self {
        let present = Present::default();
        let theirs = Arc::downgrade(&present);
        let path = folder.join("present");
        let file = path.clone();
        thread::spawn(move || {
            while let Some(present) = theirs.upgrade() {
                if let Some((began, input)) = &*present.lock().expect("no panic while it is held")
                    && began.elapsed() > PATIENCE
                {
                    fs::write(&file, input).expect("the present input");
                    eprintln!("target {name} takes too long with {}\n{}", file.display(), shown(input));
                    std::process::abort();
                }
                drop(present);
                thread::sleep(Duration::from_millis(500));
            }
        });
        Self { present, path }
    }

    fn begins(&self, input: &[u8]) {
        // What overflows the stack ends the process, and is long.
        if input.len() > 2000 {
            fs::write(&self.path, input).expect("the present input");
        }
        *self.present.lock().expect("no panic while it is held") = Some((Instant::now(), input.to_vec()));
    }

    fn ends(&self) {
        *self.present.lock().expect("no panic while it is held") = None;
    }
}
