//! Worlds one after the other, or several at once.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use crate::{
    bench::{Bench, Counts},
    make::{Exchange, Maker, session},
    report,
    schema::Schema,
    shim::Random,
    shrink,
};

/// So many statements are held in one world, then there is another schema.
const A_WORLD: usize = 2000;
/// A session has about so many.
const A_SESSION: usize = 16;
/// More kinds of failures than this are not told.
const MOST: usize = 40;

pub struct Plan {
    pub statements: usize,
    pub seed: u64,
    pub jobs: usize,
    /// This session alone, of the first world.
    pub session: Option<u64>,
}

/// What was seen, and a report for each kind of failure.
pub fn run(plan: &Plan) -> (Counts, Vec<String>) {
    let (total, found) = (Mutex::new(Counts::default()), Mutex::new(Vec::<(String, String, usize)>::new()));
    let (next, left) = (AtomicU64::new(plan.seed), AtomicUsize::new(plan.statements));
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs {
            scope.spawn(|| {
                loop {
                    // Small runs see several schemas, too.
                    let share = A_WORLD.min(plan.statements.div_ceil(2)).max(1);
                    let mine =
                        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_sub(share)));
                    let mine = mine.unwrap().min(share);
                    if mine == 0 {
                        return;
                    }
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let counts = world(seed, mine, plan.session, &found);
                    total.lock().unwrap().add(counts);
                }
            });
        }
    });
    let failures = found.into_inner().unwrap();
    let failures = failures.into_iter().map(|(_, report, times)| format!("{report}(seen {times} times)\n")).collect();
    (total.into_inner().unwrap(), failures)
}

fn world(seed: u64, statements: usize, only: Option<u64>, found: &Mutex<Vec<(String, String, usize)>>) -> Counts {
    let mut counts = Counts::default();
    let schema = Schema::random(&mut Random::new(seed));
    let mut bench = Bench::start(&schema);
    let mut number = 0;
    while counts.statements < statements {
        number += 1;
        if only.is_some_and(|only| only != number) {
            if number > only.unwrap_or_default() {
                break;
            }
            continue;
        }
        let mut maker = Maker::new(&schema, Random::new(seed.wrapping_mul(1_000_003).wrapping_add(number)));
        let exchanges: Vec<Exchange> = session(&mut maker, A_SESSION);
        for failure in bench.hold(&exchanges, &mut counts) {
            let signature = format!("{:?} {}", failure.kind, failure.signature);
            {
                let mut found = found.lock().unwrap();
                if let Some(same) = found.iter_mut().find(|(known, ..)| *known == signature) {
                    same.2 += 1;
                    continue;
                }
                if found.len() >= MOST {
                    return counts;
                }
                found.push((signature.clone(), String::new(), 1));
            }
            let (small, failure) = shrink::shrink(&mut bench, &exchanges, &failure);
            let told = report::failure(seed, number, &schema, &small, &failure);
            let mut found = found.lock().unwrap();
            found.iter_mut().find(|(known, ..)| *known == signature).unwrap().1 = told;
        }
    }
    counts
}
