//! Conversations nobody would think of: random messages in random order, sent at once or in parts,
//! must be answered as the plaintext twin answers them.
//!
//! `PGVEIL_TEST_CONVERSATIONS` sets how many; a failure names the seed and lists what was sent.

use std::fmt::Write as _;

use crate::{
    raw::{
        Message, Raw, Value, bind, close_portal, close_statement, copy_data, copy_done, describe_portal,
        describe_statement, execute, flush, listed, parse, query, shown, sync,
    },
    shared::{Turn, turn},
    shim::Random,
};

/// Of `people` (sealed columns), of `plain`, and of both; `$n` are the parameters.
const STATEMENTS: [(&str, usize); 28] = [
    ("SELECT id, email, birth FROM people ORDER BY id", 0),
    ("SELECT * FROM people WHERE id = $1", 1),
    ("SELECT email FROM people WHERE email = $1", 1),
    ("SELECT id FROM people WHERE ssn = $1 OR id = $2", 2),
    ("UPDATE people SET notes = $1 WHERE id = $2", 2),
    ("UPDATE people SET notes = 'literal', salary = 12.5 WHERE id = $1", 1),
    ("UPDATE people SET email = $1 WHERE id = $2 RETURNING id, email, notes", 2),
    ("INSERT INTO people (id, name, email) VALUES ($1, 'n', $2)", 2),
    (
        "INSERT INTO people (id, name, email) VALUES ($1, 'five', $2) ON CONFLICT (id) DO UPDATE SET email = excluded.email RETURNING email",
        2,
    ),
    ("DELETE FROM people WHERE id = $1 RETURNING name, ssn", 1),
    ("SELECT p.email, plain.t FROM people p JOIN plain USING (id) ORDER BY id", 0),
    ("SELECT id, t FROM plain ORDER BY id", 0),
    ("SELECT t FROM plain WHERE id = $1", 1),
    ("UPDATE plain SET t = $1 WHERE id = $2 RETURNING *", 2),
    ("INSERT INTO plain (id, t) VALUES ($1, $2)", 2),
    ("INSERT INTO late VALUES ($1, $2)", 2),
    ("SELECT 1 / $1::int", 1),
    ("SELECT nosuch FROM people", 0),
    ("SELECT FROM WHERE", 0),
    ("", 0),
    ("BEGIN", 0),
    ("COMMIT", 0),
    ("SHOW server_encoding", 0),
    ("PREPARE q1 AS SELECT id, email FROM public.people WHERE email = $1", 0),
    ("DEALLOCATE q1", 0),
    ("DECLARE c1 CURSOR FOR SELECT id, email, birth FROM public.people WHERE id <> $1 ORDER BY id", 1),
    ("DECLARE c1 CURSOR WITH HOLD FOR SELECT id, t FROM plain ORDER BY id", 0),
    ("CLOSE c1", 0),
];

const QUERIES: [&str; 49] = [
    "SELECT id, email, birth FROM people ORDER BY id",
    "SELECT * FROM people WHERE email = 'Ann@x.org'",
    "SELECT email FROM people WHERE id = 2; SELECT t FROM plain WHERE id = 2",
    "UPDATE people SET notes = 'q' WHERE id = 1; SELECT notes FROM people WHERE id = 1",
    "UPDATE people SET notes = 'r' WHERE id < 3 RETURNING notes, id",
    "INSERT INTO people (id, name, email) VALUES (6, 'six', 'six@x')",
    "INSERT INTO people (id, name, email) VALUES (1, 'dup', 'dup@x'), (7, 'n', 'x')",
    "DELETE FROM people WHERE id > 4",
    "SELECT 1/0",
    "SELECT email FROM people WHERE id = 1; SELECT 1/0; SELECT 3",
    "SELECT nosuch FROM people",
    "SELEC",
    "",
    "SELECT 1; SELECT 2",
    "BEGIN",
    "BEGIN; SELECT email FROM people WHERE id = 1",
    "COMMIT",
    "ROLLBACK",
    "COMMIT; BEGIN",
    "SAVEPOINT a",
    "ROLLBACK TO a",
    "RELEASE a",
    "SET search_path = side, public",
    "SET search_path = public",
    "RESET search_path",
    "SET LOCAL search_path = side",
    "SET DateStyle = 'German'",
    "RESET DateStyle",
    "DEALLOCATE ALL",
    "DEALLOCATE s1",
    "COPY plain (id, t) TO STDOUT",
    "SELECT noisy(2)",
    "INSERT INTO late VALUES (1, 77)",
    "PREPARE q1 AS SELECT id, email FROM public.people WHERE email = $1",
    "PREPARE q1 (text) AS SELECT id, t FROM plain WHERE t = $1",
    "PREPARE q2 (int) AS UPDATE public.people SET notes = NULL WHERE id = $1 RETURNING id, ssn",
    "PREPARE q2 AS SELECT notes FROM public.people WHERE id = $1; EXECUTE q2(1)",
    "EXECUTE q1('Ann@x.org')",
    "EXECUTE q1('two'); SELECT 1/0; EXECUTE q1('x')",
    "EXECUTE q2(2)",
    "EXPLAIN (COSTS OFF) EXECUTE q3('x')",
    "DEALLOCATE q1",
    "DEALLOCATE q2",
    "DECLARE c1 SCROLL CURSOR FOR SELECT id, email FROM public.people ORDER BY id",
    "DECLARE c1 BINARY CURSOR WITH HOLD FOR SELECT id, birth, notes FROM public.people ORDER BY id; FETCH c1",
    "FETCH ALL FROM c1",
    "FETCH 1 FROM p1",
    "CLOSE c1",
    "CLOSE ALL",
];

/// The server crashes if what these read is replaced by something of other types between Bind and Execute.
/// (EXECUTE is left to Query: its arguments are refused at Parse, while the server does so later.)
const AT_ONCE: [&str; 3] = ["FETCH 2 FROM c1", "MOVE 1 FROM c1", "FETCH 1 FROM p1"];

struct Speaker {
    random: Random,
    /// How many parameters each name was last prepared with, as far as is known here.
    counts: [usize; 5],
}

impl Speaker {
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random.below(of.len())]
    }

    /// Messages that belong together, in words and in bytes.
    fn say(&mut self) -> (String, Vec<u8>) {
        let names = ["", "s1", "s2", "q1", "q2"];
        let portals = ["", "", "p1", "c1"];
        let which = self.random.below(5);
        let (name, portal) = (names[which], self.one(&portals));
        match self.random.below(25) {
            0..=3 | 20..=23 => {
                let sql = self.one(&QUERIES);
                (format!("Query {sql:?}"), query(sql))
            }
            4..=6 => {
                // q1 and q2 are prepared by SQL.
                let (which, name) = (which % 3, names[which % 3]);
                let (sql, count) = self.one(&STATEMENTS);
                // At the front of a segment: a client that sends ahead cannot know what of it is skipped.
                let mut bytes = sync();
                // A name is mostly free before it is used again.
                let closes = self.random.below(5) > 0;
                if closes {
                    bytes.extend(close_statement(name));
                }
                let freed = if closes { "Sync, Close, " } else { "Sync, " };
                self.counts[which] = count;
                bytes.extend(parse(name, sql, &[]));
                bytes.extend(describe_statement(name));
                (format!("{freed}Parse {name:?} {sql:?}, Describe"), bytes)
            }
            7..=11 => {
                let (text, bytes) = self.bind(portal, name, self.counts[which]);
                let limit = self.one(&[0, 0, 0, 1, 2]);
                let described = self.random.below(2) == 0;
                let describe = if described { describe_portal(portal) } else { Vec::new() };
                let all = [bytes, describe, execute(portal, limit)].concat();
                (format!("{text}, {}Execute {limit}", if described { "Describe, " } else { "" }), all)
            }
            12 => {
                let limit = self.one(&[0, 1]);
                (format!("Execute {portal:?} {limit}"), execute(portal, limit))
            }
            13 => (format!("Describe portal {portal:?}"), describe_portal(portal)),
            14 => (format!("Describe statement {name:?}"), describe_statement(name)),
            15 => (format!("Close portal {portal:?}"), close_portal(portal)),
            16 => ("Flush".to_owned(), flush()),
            17 => {
                let id = 20 + self.random.below(5);
                let data = format!("{id}\tcopied\n");
                let sql = "COPY plain (id, t) FROM STDIN";
                (format!("Query {sql:?} with {data:?}"), [query(sql), copy_data(data.as_bytes()), copy_done()].concat())
            }
            24 => {
                let sql = self.one(&AT_ONCE);
                let formats = self.one(&[&[][..], &[0], &[1]]);
                let bytes = [parse("", sql, &[]), bind("", "", &[], &[], formats), execute("", 0)];
                let other = [sync(), parse("", "SHOW server_encoding", &[])].concat();
                (format!("Parse, Bind {formats:?}, Execute {sql:?}, Sync, Parse"), [bytes.concat(), other].concat())
            }
            _ => ("Sync".to_owned(), sync()),
        }
    }

    fn bind(&mut self, portal: &str, name: &str, count: usize) -> (String, Vec<u8>) {
        let pool = ["1", "2", "5", "8", "Ann@x.org", "bob@x.org", "111-11-1111", "0", ""];
        let count = if self.random.below(12) == 0 { self.random.below(4) } else { count };
        let texts: Vec<Option<&str>> =
            (0..count).map(|_| if self.random.below(10) == 0 { None } else { Some(self.one(&pool)) }).collect();
        let values: Vec<Value<'_>> = texts.iter().map(|text| text.map(str::as_bytes)).collect();
        let results = self.one(&[&[][..], &[0], &[1]]);
        (format!("Bind {portal:?} {name:?} {texts:?} {results:?}"), bind(portal, name, &[], &values, results))
    }
}

/// Speaks the same on both sides; the parts are sent one after the other without waiting.
fn converse(conn_string: &str, parts: &[Vec<u8>]) -> Vec<Message> {
    let mut raw = Raw::connect(conn_string);
    for part in parts {
        raw.send(part);
    }
    // Whatever state that was: a Sync, the end of a transaction, and a word that is waited for.
    raw.send(&[sync(), query("ROLLBACK"), query("SELECT 'the end'")].concat());
    let mut messages = Vec::new();
    loop {
        let Some(message) = raw.try_read().unwrap_or_else(|error| panic!("{error}; so far:\n{}", listed(&messages)))
        else {
            return messages;
        };
        let over = message.tag == b'Z' && messages.iter().any(|message| shown(message) == "D the end");
        messages.push(message);
        if over {
            return messages;
        }
    }
}

/// What is compared. An error is an error: where several reasons apply pgveil may tell another one. The two
/// sides may learn of a changed setting at different moments.
fn comparable(messages: &[Message]) -> Vec<String> {
    let told = messages.iter().filter(|message| message.tag != b'S');
    told.map(|message| if message.tag == b'E' { "E".to_owned() } else { shown(message) }).collect()
}

fn run(turn: &Turn, seed: u64) -> Result<(), String> {
    let mut speaker = Speaker { random: Random::new(seed), counts: [0, 0, 0, 1, 1] };
    let mut words = Vec::new();
    let mut parts = vec![Vec::new()];
    for _ in 0..5 + speaker.random.below(30) {
        let (text, bytes) = speaker.say();
        words.push(text);
        parts.last_mut().unwrap().extend(bytes);
        if speaker.random.below(6) == 0 {
            parts.push(Vec::new());
        }
    }
    let ours = comparable(&converse(&turn.through(), &parts));
    let theirs = comparable(&converse(&turn.twin(), &parts));
    if ours == theirs {
        return Ok(());
    }
    let mut report = format!("seed {seed}\n");
    for word in &words {
        writeln!(report, "  {word}").unwrap();
    }
    let same = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
    for line in &ours[..same] {
        writeln!(report, "       = {line}").unwrap();
    }
    for (side, lines) in [("pgveil", &ours), ("server", &theirs)] {
        for line in lines[same..].iter().take(6) {
            writeln!(report, "  {side} {line}").unwrap();
        }
    }
    Err(report)
}

#[test]
fn random_conversations_are_answered_as_by_the_server() {
    let number = |name: &str, default| std::env::var(name).map_or(default, |n| n.parse().expect("a number"));
    let (first, count) = (number("PGVEIL_TEST_SEED", 1), number("PGVEIL_TEST_CONVERSATIONS", 150));
    let mut failures = Vec::new();
    let mut turns: Option<Turn> = None;
    for seed in first..first + count {
        // Rows as at first, now and then.
        if turns.is_none() || seed % 10 == 0 {
            drop(turns.take());
            turns = Some(turn());
        }
        if let Err(report) = run(turns.as_ref().unwrap(), seed) {
            failures.push(report);
            turns = None;
        }
        if failures.len() == 3 {
            break;
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
