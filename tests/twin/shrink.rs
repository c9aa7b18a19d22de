//! Makes a failing session smaller.

use std::time::{Duration, Instant};

use crate::{
    bench::{Bench, Counts},
    compare::Failure,
    make::{Exchange, How, Part},
};

/// How long one failure may be worked on.
const PATIENCE: Duration = Duration::from_secs(40);

/// The smallest session found that fails in the same way.
pub fn shrink(bench: &mut Bench, session: &[Exchange], failure: &Failure) -> (Vec<Exchange>, Failure) {
    let deadline = Instant::now() + PATIENCE;
    let mut best = (session.to_vec(), failure.clone());
    best.0.truncate(failure.at + 1);
    let mut fails = |candidate: &[Exchange]| {
        let found = bench.hold(candidate, &mut Counts::default());
        found.into_iter().find(|found| found.kind == failure.kind && found.signature == failure.signature)
    };
    if let Some(found) = fails(&best.0) {
        best.1 = found;
    } else {
        best.0 = session.to_vec();
    }
    'again: while Instant::now() < deadline {
        for candidate in candidates(&best.0) {
            if Instant::now() > deadline {
                break 'again;
            }
            if let Some(found) = fails(&candidate) {
                best = (candidate, found);
                continue 'again;
            }
        }
        break;
    }
    best
}

fn candidates(session: &[Exchange]) -> Vec<Vec<Exchange>> {
    let mut out = Vec::new();
    let last = session.len().saturating_sub(1);
    // Most statements have nothing to do with it.
    if last > 0 {
        out.push(session[last..].to_vec());
        out.push([&session[..last / 2], &session[last..]].concat());
        out.push(session[last / 2..].to_vec());
    }
    for i in 0..session.len() {
        if session.len() > 1 {
            let mut fewer = session.to_vec();
            fewer.remove(i);
            out.push(fewer);
        }
    }
    for (i, exchange) in session.iter().enumerate().rev() {
        for simpler in of_exchange(exchange) {
            let mut changed = session.to_vec();
            changed[i] = simpler;
            out.push(changed);
        }
    }
    out
}

fn of_exchange(exchange: &Exchange) -> Vec<Exchange> {
    let mut out = Vec::new();
    if exchange.parts.len() > 1 {
        for i in 0..exchange.parts.len() {
            let mut parts = exchange.parts.clone();
            parts.remove(i);
            out.push(Exchange { parts, how: exchange.how });
        }
    }
    if exchange.how == How::Extended && !exchange.parts.iter().any(|part| part.doc.shares()) {
        out.push(Exchange { how: How::Simple, ..exchange.clone() });
    }
    for (i, part) in exchange.parts.iter().enumerate() {
        for simpler in of_part(part) {
            let mut parts = exchange.parts.clone();
            parts[i] = simpler;
            out.push(Exchange { parts, how: exchange.how });
        }
    }
    out
}

fn of_part(part: &Part) -> Vec<Part> {
    let mut out: Vec<Part> = part.doc.simpler().into_iter().map(|doc| Part { doc, ..part.clone() }).collect();
    if part.twice {
        out.push(Part { twice: false, ..part.clone() });
    }
    if part.limit != 0 {
        out.push(Part { limit: 0, rest: false, ..part.clone() });
    }
    if part.rest {
        out.push(Part { rest: false, ..part.clone() });
    }
    if part.again {
        out.push(Part { again: false, ..part.clone() });
        // Its text is that of another part.
        return out.split_off(out.len() - 1);
    }
    if !part.name.is_empty() {
        out.push(Part { name: String::new(), ..part.clone() });
    }
    if part.describe_statement {
        out.push(Part { describe_statement: false, ..part.clone() });
    }
    if part.describe_portal && part.describe_statement {
        out.push(Part { describe_portal: false, ..part.clone() });
    }
    if part.binary {
        out.push(Part { binary: false, ..part.clone() });
    }
    out
}
