//! What a pass has left: values that the primary DEK has not sealed, less those that are known not to open.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;
use tokio_postgres::Client;

use crate::sweep::{
    Job, SweepError,
    error::during,
    journal::{self, Count, NewShard, Problem},
    names::{qualified, quoted, some},
    proof::Counted,
    survey::Stored,
};

/// Problems are looked at so many at a time.
const PAGE: u32 = 1000;
/// Blocks with problems get a shard each up to so many in one relation.
const RANGES: usize = 64;

/// Problems whose row version is still there: how many values of each column of each relation, and where.
#[derive(Default)]
pub(super) struct Known {
    values: HashMap<(u32, String), u64>,
    blocks: BTreeMap<u32, BTreeSet<i64>>,
}

impl Known {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// The code of a row that the server refused to have written: it stands for all its values.
const REFUSED: &str = "sweep/refused";

/// Looks at a job's problems again; those whose row version is gone, or whose table is, are taken off the list.
pub(super) async fn known(client: &Client, job: &Job, relations: &[Stored], primary: u32) -> Result<Known, SweepError> {
    let (mut known, mut after) = (Known::default(), 0);
    // Several problems can be of one value.
    let mut counted = BTreeSet::new();
    loop {
        let page = journal::problems(client, job.id, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(known) };
        after = last.id;
        let mut by_relation: BTreeMap<u32, Vec<&Problem>> = BTreeMap::new();
        for problem in &page {
            by_relation.entry(problem.relation).or_default().push(problem);
        }
        for (oid, problems) in by_relation {
            let relation = relations.iter().find(|relation| relation.oid == oid);
            let versions = match relation {
                Some(relation) => versions(client, relation, &problems).await?,
                None => BTreeMap::new(),
            };
            for problem in problems {
                let version = versions.get(&(problem.place.clone(), problem.version.clone()));
                let (Some(relation), Some(headers)) = (relation, version) else {
                    journal::forget_problem(client, problem.id).await?;
                    continue;
                };
                let mut stands = problem.reason == REFUSED;
                for (column, header) in relation.columns.iter().zip(headers) {
                    let about = problem.reason == REFUSED || problem.column == column.name;
                    let is_left = header.as_deref().is_some_and(|header| concerns(job, primary, dek(header)));
                    stands |= about && is_left;
                    if about && is_left && counted.insert((oid, problem.place.clone(), column.name.clone())) {
                        let count = known.values.entry((oid, column.name.clone())).or_default();
                        *count = count.saturating_add(1);
                    }
                }
                if stands {
                    known.blocks.entry(oid).or_default().extend(block(&problem.place));
                } else {
                    // VACUUM FULL has put another row there, which the same transaction had made.
                    journal::forget_problem(client, problem.id).await?;
                }
            }
        }
    }
}

/// Is a job about values under this DEK (None: what is no envelope)?
pub(super) fn concerns(job: &Job, primary: u32, dek: Option<u32>) -> bool {
    dek.is_none_or(|dek| dek != primary && job.deks.as_ref().is_none_or(|deks| deks.contains(&dek)))
}

/// The DEK that the first eight bytes of a value name, in hex: see docs/envelope.md.
fn dek(header: &str) -> Option<u32> {
    let id = header.strip_prefix("ff7076").and_then(|rest| rest.get(2..10))?;
    u32::from_str_radix(id, 16).ok()
}

/// Of a row version, by column, the first eight bytes of its value in hex.
type Headers = Vec<Option<String>>;

/// Which of the row versions that problems name are there: `ctid` and `xmin`.
async fn versions(
    client: &Client,
    relation: &Stored,
    problems: &[&Problem],
) -> Result<BTreeMap<(String, String), Headers>, SweepError> {
    let what = "looking at what did not open";
    let places: Vec<&str> =
        problems.iter().map(|problem| problem.place.as_str()).filter(|place| block(place).is_some()).collect();
    let header = |column: &str| {
        format!("pg_catalog.encode(pg_catalog.substring({}::pg_catalog.bytea, 1, 8), 'hex')", quoted(column))
    };
    let headers: Vec<String> = relation.columns.iter().map(|column| header(&column.name)).collect();
    let sql = format!(
        "SELECT ctid::pg_catalog.text, xmin::pg_catalog.text, ARRAY[{}]::pg_catalog.text[] FROM ONLY {} \
         WHERE ctid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.text[]::pg_catalog.tid[])",
        headers.join(", "),
        qualified(&relation.schema, &relation.name)
    );
    let rows = client.query(&sql, &[&places]).await.map_err(during(what))?;
    let version = |row: &tokio_postgres::Row| Ok(((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?));
    rows.iter().map(version).collect::<Result<_, _>>().map_err(during(what))
}

/// The block of a `ctid` as text.
fn block(place: &str) -> Option<i64> {
    let (block, row) = place.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
    row.parse::<u16>().ok()?;
    block.parse::<u32>().ok().map(i64::from)
}

/// What is left and not known; a known problem accounts for one value of its column.
pub(super) fn unknown<'l>(left: &'l [Counted], known: &Known) -> Vec<&'l Counted> {
    let mut totals: HashMap<(u32, &str), u64> = HashMap::new();
    for left in left {
        let total = totals.entry((left.relation, &left.column)).or_default();
        *total = total.saturating_add(left.rows);
    }
    let is_known = |left: &&Counted| {
        let total = totals.get(&(left.relation, left.column.as_str())).copied().unwrap_or_default();
        total <= known.values.get(&(left.relation, left.column.clone())).copied().unwrap_or_default()
    };
    left.iter().filter(|left| left.rows > 0 && !is_known(left)).collect()
}

/// The blocks in which something is left.
pub(super) fn ranges(relations: &[Stored], left: &[&Counted]) -> Vec<NewShard> {
    let mut shards = Vec::new();
    for relation in relations {
        let its = left.iter().filter(|left| left.relation == relation.oid);
        let range = its.fold(None, |range: Option<(i64, i64)>, left| {
            let (first, last) = range.unwrap_or((left.first_block, left.last_block));
            Some((first.min(left.first_block), last.max(left.last_block)))
        });
        if let Some((first, last)) = range {
            shards.extend(relation.shards(first, last.saturating_add(1)));
        }
    }
    shards
}

/// The blocks in which problems are.
pub(super) fn around(relations: &[Stored], known: &Known) -> Vec<NewShard> {
    let mut shards = Vec::new();
    for relation in relations {
        let Some(blocks) = known.blocks.get(&relation.oid) else { continue };
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { continue };
        if blocks.len() > RANGES {
            shards.extend(relation.shards(*first, last.saturating_add(1)));
        } else {
            shards.extend(blocks.iter().flat_map(|block| relation.shards(*block, block.saturating_add(1))));
        }
    }
    shards
}

/// For people.
pub(super) fn shown(left: &[&Counted], relations: &[Stored]) -> String {
    let each = |left: &&Counted| {
        let relation = relations.iter().find(|relation| relation.oid == left.relation);
        let table = relation.map_or_else(String::new, |relation| format!("{}.{}.", relation.schema, relation.name));
        let dek = left.dek.map_or_else(|| "no envelopes".to_owned(), |dek| format!("DEK {dek:#010x}"));
        format!("{} value(s) of {table}{} ({dek})", left.rows, left.column)
    };
    format!("left: {}", some(&left.iter().map(each).collect::<Vec<_>>()))
}

/// How many of the last passes in a row, after this one, have rewritten nothing.
pub(super) async fn stalled(client: &Client, job: i64, after: i32) -> Result<u32, SweepError> {
    let what = "looking at earlier passes";
    let sql = "SELECT pg_catalog.sum(rows_done)::pg_catalog.int8 FROM pgveil_keys.sweep_shard \
               WHERE job OPERATOR(pg_catalog.=) $1 AND pass OPERATOR(pg_catalog.>) $2 \
               GROUP BY pass ORDER BY pass DESC LIMIT 1000";
    let mut passes = 0;
    for row in client.query(sql, &[&job, &after]).await.map_err(during(what))? {
        if row.try_get::<_, i64>(0).map_err(during(what))? > 0 {
            break;
        }
        passes += 1;
    }
    Ok(passes)
}

/// What is noted in a job's row at the end of each pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Noted {
    /// Passes up to this one do not count any more: the job has failed after it, and was resumed.
    pub(super) given_up_after: i32,
    /// Values that were left, but for those that are known.
    pub(super) rest: Option<u64>,
    /// Passes in a row after which no fewer were left than before, whatever they have rewritten: something puts
    /// the old values back.
    pub(super) fruitless: u32,
}

impl Noted {
    pub(super) async fn read(client: &Client, job: i64) -> Result<Self, SweepError> {
        // Whatever else stands there is for people.
        let value = journal::left_over(client, job).await?;
        let number = |key: &str| value.as_ref().and_then(|value| value.get(key));
        let pass = number("given_up_after").and_then(serde_json::Value::as_i64);
        let fruitless = number("fruitless").and_then(serde_json::Value::as_u64);
        Ok(Self {
            given_up_after: pass.and_then(|pass| i32::try_from(pass).ok()).unwrap_or_default(),
            rest: number("rest").and_then(serde_json::Value::as_u64),
            fruitless: fruitless.and_then(|passes| u32::try_from(passes).ok()).unwrap_or_default(),
        })
    }

    /// After another pass, which has left this.
    pub(super) fn next(self, rest: &[&Counted]) -> Self {
        let rest = rest.iter().fold(0, |sum: u64, left| sum.saturating_add(left.rows));
        let fruitless =
            if self.rest.is_some_and(|before| rest >= before) { self.fruitless.saturating_add(1) } else { 0 };
        Self { rest: Some(rest), fruitless, ..self }
    }

    /// With it goes what is under which DEK, and what of it is left.
    pub(super) async fn write(
        &self,
        client: &Client,
        job: &Job,
        relations: &[Stored],
        (counted, left): (&[Counted], &[Counted]),
    ) -> Result<(), SweepError> {
        let values: Vec<_> = left
            .iter()
            .filter_map(|left| {
                let relation = relations.iter().find(|relation| relation.oid == left.relation)?;
                let table = format!("{}.{}", relation.schema, relation.name);
                Some(json!({ "table": table, "column": left.column, "dek": left.dek, "values": left.rows }))
            })
            .collect();
        let noted = json!({
            "given_up_after": self.given_up_after,
            "rest": self.rest,
            "fruitless": self.fruitless,
            "pass": job.pass,
            "values": values,
        });
        journal::set_left_over(client, job.id, &noted).await?;
        journal::record_counts(client, job.id, job.pass, &counts(relations, counted)).await
    }
}

/// By the policy's columns.
fn counts(relations: &[Stored], left: &[Counted]) -> Vec<Count> {
    let mut counts: Vec<Count> = Vec::new();
    for left in left {
        let relation = relations.iter().find(|relation| relation.oid == left.relation);
        let column = relation.and_then(|relation| relation.columns.iter().find(|column| column.name == left.column));
        let Some(column) = column.map(|column| &column.column) else { continue };
        let values = i64::try_from(left.rows).unwrap_or(i64::MAX);
        match counts.iter_mut().find(|count| &count.column == column && count.dek == left.dek) {
            Some(count) => count.values = count.values.saturating_add(values),
            None => counts.push(Count { column: column.clone(), dek: left.dek, values }),
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(relation: u32, column: &str, rows: u64, first_block: i64, last_block: i64) -> Counted {
        Counted { relation, column: column.into(), dek: Some(7), rows, first_block, last_block }
    }

    fn relation(oid: u32) -> Stored {
        Stored {
            oid,
            schema: "s".into(),
            name: format!("t{oid}"),
            blocks: 100,
            rows: 0,
            bytes: 819_200,
            columns: vec![],
        }
    }

    fn known(all: &[(u32, &str, &str)]) -> Known {
        let mut known = Known::default();
        for (oid, column, place) in all {
            *known.values.entry((*oid, (*column).to_owned())).or_default() += 1;
            known.blocks.entry(*oid).or_default().extend(block(place));
        }
        known
    }

    #[test]
    fn problems_account_for_as_many_values_of_their_own_column_and_no_more() {
        let all = [left(1, "a", 2, 0, 9), left(1, "b", 1, 3, 3), left(2, "a", 1, 5, 5)];
        assert_eq!(unknown(&all, &Known::default()).len(), 3);
        let some = known(&[(1, "a", "(0,1)"), (1, "a", "(9,1)"), (2, "b", "(5,1)")]);
        assert_eq!(unknown(&all, &some), [&all[1], &all[2]]);
        let fewer = known(&[(1, "a", "(0,1)")]);
        assert_eq!(unknown(&all[..1], &fewer), [&all[0]]);
        // Two DEKs in one column: either may be the unknown one.
        let two = [left(1, "a", 1, 0, 0), Counted { dek: None, ..left(1, "a", 1, 8, 8) }];
        assert_eq!(unknown(&two, &fewer).len(), 2);
    }

    #[test]
    fn another_pass_covers_what_is_left_in_each_relation() {
        let all = [left(1, "a", 2, 10, 19), left(1, "b", 1, 3, 12), left(2, "a", 1, 5, 5)];
        let shards = ranges(&[relation(1), relation(2), relation(3)], &all.iter().collect::<Vec<_>>());
        let ranges: Vec<_> = shards.iter().map(|shard| (shard.relation, shard.first_block, shard.end_block)).collect();
        assert_eq!(ranges, [(1, 3, 20), (2, 5, 6)]);
    }

    #[test]
    fn passes_count_as_fruitless_while_no_less_is_left() {
        let after = |noted: Noted, rows| noted.next(&[&left(1, "a", rows, 0, 0), &left(2, "a", 1, 0, 0)]);
        let first = after(Noted { given_up_after: 3, ..Noted::default() }, 7);
        assert_eq!(first, Noted { given_up_after: 3, rest: Some(8), fruitless: 0 });
        assert_eq!(after(after(first, 7), 8).fruitless, 2);
        assert_eq!(after(after(first, 7), 6), Noted { given_up_after: 3, rest: Some(7), fruitless: 0 });
    }

    #[test]
    fn headers_name_deks() {
        assert_eq!(dek("ff70760172f53feb"), Some(0x72f5_3feb));
        for no in ["", "ff7076", "ff70760172f53f", "fe70760172f53feb"] {
            assert_eq!(dek(no), None, "{no}");
        }
    }

    #[test]
    fn problems_are_looked_at_again_where_they_are() {
        let all = known(&[(1, "a", "(4,1)"), (1, "b", "(4,7)"), (1, "a", "(90,1)"), (9, "a", "(1,1)")]);
        let shards = around(&[relation(1)], &all);
        assert_eq!(
            shards.iter().map(|shard| (shard.first_block, shard.end_block)).collect::<Vec<_>>(),
            [(4, 5), (90, 91)]
        );
        assert_eq!(block("(4294967295,65535)"), Some(4_294_967_295));
        for no in ["(1)", "1,2", "(1,2); DROP", "(-1,2)", "(1,70000)"] {
            assert_eq!(block(no), None, "{no}");
        }
    }
}
