//! Millions of statements: mutations of the golden corpus and of what ORMs sent, planned on all cores.
//!
//! `PGVEIL_FUZZ_STATEMENTS=10000000 cargo test --test fuzz many_statements -- --nocapture`, or
//! `make fuzz-sql`. Without it some thousands, always the same.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    memory,
    mutate::mutated,
    plans::{Kind, sealing},
    random::Random,
    run::{last_panic, note_panics},
    seeds,
    splice::{marked, pieces, spliced},
    texts::WORDS,
};

/// Statements of the short form.
const FEW: usize = 8_000;

/// How long one statement may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Statements that changes start from, and the most tokens that one of them has.
const CORPUS: usize = 6000;
const LONGEST: usize = 120;

/// What became of the statements.
#[derive(Default)]
struct Tally {
    statements: usize,
    unparsed: usize,
    passed: usize,
    refused: usize,
    rewritten: usize,
    slowest: Duration,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.statements += other.statements;
        self.unparsed += other.unparsed;
        self.passed += other.passed;
        self.refused += other.refused;
        self.rewritten += other.rewritten;
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// Plans the statements; panics at the first finding, which is written to a file.
pub fn many_statements() {
    let asked = std::env::var("PGVEIL_FUZZ_STATEMENTS").ok().and_then(|n| n.replace('_', "").parse().ok());
    let (statements, seed) = match asked {
        Some(statements) => (statements, std::process::id().into()),
        None => (FEW, 7),
    };
    note_panics();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let found = AtomicBool::new(false);
    let began = Instant::now();
    let mut total = Tally::default();
    thread::scope(|scope| {
        let work: Vec<_> = (0..cores)
            .map(|core| {
                let found = &found;
                let share = statements / cores + usize::from(core < statements % cores);
                scope.spawn(move || some(share, Random::new((seed + 1) * 7919 * (core as u64 + 1)), found))
            })
            .collect();
        for thread in work {
            total.add(&thread.join().expect("a thread that catches panics"));
        }
    });
    println!(
        "many_statements: {} in {:.0?}: {} do not parse, {} pass, {} are refused, {} rewritten; the slowest took {:.0?}",
        total.statements,
        began.elapsed(),
        total.unparsed,
        total.passed,
        total.refused,
        total.rewritten,
        total.slowest
    );
    assert!(!found.load(Ordering::Relaxed), "see above");
    assert!(total.rewritten > 0 && total.refused > 0 && total.passed > 0);
}

fn some(statements: usize, mut random: Random, found: &AtomicBool) -> Tally {
    let mut texts = seeds::statements();
    texts.extend(seeds::recorded());
    let mut corpus: Vec<_> = texts.iter().map(|text| pieces(text)).collect();
    let mut tally = Tally::default();
    while tally.statements < statements && !found.load(Ordering::Relaxed) {
        let made = spliced(&corpus, &mut random);
        let text = if random.below(16) == 0 {
            String::from_utf8_lossy(&mutated(&texts, &WORDS, 4096, &mut random)).replace('\0', "")
        } else {
            marked(&made)
        };
        tally.statements += 1;
        let began = Instant::now();
        let (outcome, bytes) = memory::peak(|| catch_unwind(AssertUnwindSafe(|| sealing(&text))));
        let took = began.elapsed();
        tally.slowest = tally.slowest.max(took);
        match &outcome {
            Ok(Kind::Unparsed) => tally.unparsed += 1,
            Ok(Kind::Passed) => tally.passed += 1,
            Ok(Kind::Refused) => tally.refused += 1,
            Ok(Kind::Rewritten) => tally.rewritten += 1,
            Err(_) => report(&text, &last_panic(), found),
        }
        // The next changes start from here; most from what was rewritten.
        let rarity = match outcome {
            Ok(Kind::Rewritten) => 1,
            Ok(Kind::Refused) => 12,
            Ok(Kind::Passed) => 96,
            _ => usize::MAX,
        };
        if made.len() < LONGEST && random.below(rarity) == 0 && rarity < usize::MAX {
            if corpus.len() < CORPUS {
                corpus.push(made);
            } else {
                let slot = texts.len() + random.below(CORPUS - texts.len());
                corpus[slot] = made;
            }
        }
        if took > PATIENCE {
            report(&text, &format!("takes {took:.0?}"), found);
        }
        if bytes > (16 << 20) + 4096 * text.len() {
            report(&text, &format!("allocates {bytes} bytes"), found);
        }
    }
    tally
}

fn report(text: &str, what: &str, found: &AtomicBool) {
    if found.swap(true, Ordering::Relaxed) {
        return;
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuzz/many_statements");
    fs::create_dir_all(&folder).expect("a folder for findings");
    let path = folder.join("finding");
    fs::write(&path, text).expect("the finding");
    eprintln!("{text}\n{what}\nrerun with PGVEIL_FUZZ_INPUT={} cargo test --test fuzz golden_plans", path.display());
}
