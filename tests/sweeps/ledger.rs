//! What the table must hold, by what was acknowledged: kept without looking at the table.

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt as _;
use tokio_postgres::Client;

/// What a row holds beside its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub plain: i32,
    pub email: Option<String>,
    pub amount: Option<i64>,
    pub note: Option<String>,
}

/// A table of three sealed columns, and one of counters that all clients share.
pub const SCHEMA: &str =
    "CREATE TABLE people (id bigint PRIMARY KEY, plain int NOT NULL, email text, amount bigint, note text);
CREATE TABLE counters (id int PRIMARY KEY, n bigint NOT NULL)";
pub const TABLES: &str = "
people:
  columns:
    email: { type: text, mode: equality }
    amount: { type: int8 }
    note: { type: text, padding: padme }
counters:
  columns:
    n: { type: int8 }";
/// The sealed columns.
pub const SEALED: &[(&str, &str)] = &[("people", "email"), ("people", "amount"), ("people", "note"), ("counters", "n")];
pub const COUNTERS: i32 = 20;

impl Row {
    /// As it was loaded.
    pub fn loaded(id: i64) -> Self {
        Self {
            plain: 0,
            email: Some(format!("person.{id}@example.org")),
            amount: (id % 23 != 0).then_some(id * 7919 % 1_000_003),
            note: (id % 17 != 0).then(|| "a note, and more ".repeat(1 + id as usize % 4) + &id.to_string()),
        }
    }

    /// Something else that nobody has written before.
    pub fn changed(id: i64, serial: u64, dice: usize) -> Self {
        Self {
            plain: serial as i32,
            email: (!dice.is_multiple_of(29)).then(|| format!("changed.{id}.{serial}@example.org")),
            amount: (!dice.is_multiple_of(13)).then_some(id * 31 + serial as i64),
            note: (!dice.is_multiple_of(11)).then(|| format!("changed {serial} ").repeat(1 + dice % 5)),
        }
    }
}

/// A transaction of which nobody knows whether it was committed: rows before and after.
pub type Doubt = Vec<Unsure>;
type Unsure = (i64, Option<Row>, Option<Row>);

/// The rows of one client: nobody else writes them.
#[derive(Default)]
pub struct Ledger {
    /// What differs from the load. None: deleted.
    pub changed: HashMap<i64, Option<Row>>,
    pub doubts: Vec<Doubt>,
    /// Acknowledged increments of each counter, and those in doubt.
    pub counted: BTreeMap<i32, (i64, i64)>,
    /// Acknowledged transactions and single statements that write.
    pub acknowledged: u64,
}

impl Ledger {
    /// What a row holds, if it is there.
    pub fn row(&self, id: i64, loaded: i64) -> Option<Row> {
        match self.changed.get(&id) {
            Some(row) => row.clone(),
            None => (id <= loaded).then(|| Row::loaded(id)),
        }
    }

    pub fn acknowledge(&mut self, changes: Vec<(i64, Option<Row>)>) {
        self.changed.extend(changes);
        self.acknowledged += 1;
    }

    pub fn doubt(&mut self, changes: Vec<(i64, Option<Row>)>, loaded: i64) {
        let mut last = BTreeMap::new();
        for (id, row) in changes {
            last.insert(id, row);
        }
        let doubt = last.into_iter().map(|(id, after)| (id, self.row(id, loaded), after));
        self.doubts.push(doubt.collect());
    }
}

/// What a check of the whole found.
#[derive(Debug)]
#[allow(dead_code, reason = "printed")]
pub struct Checked {
    pub rows: i64,
    pub acknowledged: u64,
    /// Transactions in doubt that turned out committed, and not.
    pub doubts: (usize, usize),
}

/// Reads everything and compares it with what was acknowledged. Panics at the first differences.
pub async fn check(client: &Client, loaded: i64, ledgers: &[Ledger]) -> Checked {
    let mut expected: HashMap<i64, Option<Row>> = HashMap::new();
    let (mut unsure, mut acknowledged) = (HashMap::new(), 0);
    for ledger in ledgers {
        expected.extend(ledger.changed.iter().map(|(id, row)| (*id, row.clone())));
        acknowledged += ledger.acknowledged;
        for doubt in &ledger.doubts {
            unsure.extend(doubt.iter().map(|(id, ..)| (*id, None::<Row>)));
        }
    }
    let mut faults: Vec<String> = Vec::new();
    let (mut rows, mut next_loaded, mut seen_new) = (0, 1, 0_usize);
    let sql = "SELECT id, plain, email, amount, note FROM people ORDER BY id";
    let none: [&str; 0] = [];
    let stream = client.query_raw(sql, none).await.expect("the table is read");
    let mut stream = std::pin::pin!(stream);
    let skipped = |from: i64, to: i64, unsure: &HashMap<i64, Option<Row>>, faults: &mut Vec<String>| {
        for id in from..to {
            if expected.get(&id) != Some(&None) && !unsure.contains_key(&id) {
                faults.push(format!("row {id} is gone"));
            }
        }
    };
    while let Some(row) = stream.try_next().await.expect("every value is readable") {
        rows += 1;
        let id: i64 = row.get(0);
        let there = Row { plain: row.get(1), email: row.get(2), amount: row.get(3), note: row.get(4) };
        if id <= loaded {
            skipped(next_loaded, id, &unsure, &mut faults);
            next_loaded = id + 1;
        }
        if let Some(slot) = unsure.get_mut(&id) {
            *slot = Some(there);
            continue;
        }
        seen_new += usize::from(id > loaded);
        let right = match expected.get(&id) {
            Some(row) => row.clone(),
            None => (id <= loaded).then(|| Row::loaded(id)),
        };
        if right.as_ref() != Some(&there) {
            faults.push(format!("row {id}: {there:?} instead of {right:?}"));
        }
        if faults.len() > 20 {
            break;
        }
    }
    skipped(next_loaded, loaded + 1, &unsure, &mut faults);
    let new = expected.iter().filter(|(id, row)| **id > loaded && row.is_some() && !unsure.contains_key(id));
    let new = new.count();
    if seen_new != new {
        faults.push(format!("{seen_new} new rows instead of {new}"));
    }
    let mut doubts = (0, 0);
    for doubt in ledgers.iter().flat_map(|ledger| &ledger.doubts) {
        let is =
            |side: fn(&Unsure) -> &Option<Row>| doubt.iter().all(|entry| unsure.get(&entry.0) == Some(side(entry)));
        if is(|entry| &entry.2) {
            doubts.0 += 1;
        } else if is(|entry| &entry.1) {
            doubts.1 += 1;
        } else {
            faults.push(format!("half of a transaction: {doubt:?}"));
        }
    }
    for (id, n) in counters(client).await {
        let all = || ledgers.iter().filter_map(|ledger| ledger.counted.get(&id));
        let (sure, unsure): (i64, i64) = (all().map(|one| one.0).sum(), all().map(|one| one.1).sum());
        if !(sure..=sure + unsure).contains(&n) {
            faults.push(format!("counter {id} is {n} after {sure} to {} increments", sure + unsure));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    Checked { rows, acknowledged, doubts }
}

async fn counters(client: &Client) -> Vec<(i32, i64)> {
    let rows = client.query("SELECT id, n FROM counters ORDER BY id", &[]).await.expect("the counters are read");
    assert_eq!(rows.len(), COUNTERS as usize);
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}
