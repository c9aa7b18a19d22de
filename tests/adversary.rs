//! Adversarial SQL, end to end: what has got past other proxies, and confusing forms of all kinds.
//!
//! Every case runs through the real program against a real server, and beside it on a plaintext
//! twin. Each gives what the twin gives, or is refused with the construct named; in the end no
//! plaintext of a sealed column is in the server's log (which has every statement and parameter), and
//! no envelope in anything a client received.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod adversary {
    pub mod cases;
    pub mod client;
    pub mod confusing;
    pub mod flows;
    #[path = "../fuzz/maker.rs"]
    #[allow(dead_code)]
    pub mod maker;
    pub mod messages;
    #[allow(dead_code)]
    #[path = "../fuzz/random.rs"]
    pub mod random;
}
mod support;

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use adversary::{
    cases::{AROUND, Case, Error, Expect, KNOWN_HOLES, MARKERS, POLICY, Plan, ROWS, Refused, SCHEMA, Same},
    client::{Client, Said, bind, execute_portal, message, parse, query, set_config, sync},
    confusing::{ASKED_ABOUT, MOVING, NAMES, PARAMETERS, ROWS_AND_FUNCTIONS, SPELLINGS},
    flows::FLOWS,
    maker,
    messages::{FLOWING_PARAMETERS, SESSIONS},
    random,
};
use pgveil::cli::demo::cluster::ClusterAuth;
use support::{World, psql};

/// Everything that a server can be told to write down.
const TALKATIVE: [&str; 5] = [
    "log_line_prefix = '<<%d>> '",
    "log_statement = 'all'",
    "log_parameter_max_length = -1",
    "log_parameter_max_length_on_error = -1",
    "log_error_verbosity = 'verbose'",
];

struct Arena {
    world: World,
    wrong: String,
    received: Vec<u8>,
}

impl Arena {
    fn new() -> Self {
        let mut world = World::builder()
            .schema(SCHEMA)
            .tables(POLICY)
            .own_server(ClusterAuth::Trust, &TALKATIVE)
            .not_running()
            .start();
        for database in [world.direct(), world.twin()] {
            psql(&database, AROUND);
        }
        world.run(&[]);
        Self { world, wrong: String::new(), received: Vec::new() }
    }

    fn through(&self) -> Client {
        Client::connect(self.world.proxy().address().port(), self.world.database(), &[])
    }

    fn twin(&self) -> Client {
        let twin = self.world.twin();
        let name = twin.rsplit('=').next().unwrap();
        Client::connect(self.world.server_port(), name, &[])
    }

    fn complain(&mut self, case: &Case, what: &str) {
        writeln!(self.wrong, "{}\n  {:?}\n  {what}", case.0.join("\n"), case.1).unwrap();
    }

    fn run(&mut self, case: &Case) {
        self.run_with(case, |client, text| client.query(text.as_bytes(), COPY_DATA));
        if let [text] = case.0
            && !text.contains(';')
            && !text.starts_with("COPY")
        {
            self.run_with(case, |client, text| client.prepared(text.as_bytes(), &[]));
        }
    }

    fn run_with(&mut self, case: &Case, send: impl Fn(&mut Client, &str) -> Vec<Said>) {
        let mut through = self.through();
        let (last, before) = case.0.split_last().unwrap();
        let mut twin = (!before.is_empty() || matches!(case.1, Same)).then(|| self.twin());
        for text in before {
            let (here, there) = (send(&mut through, text), send(twin.as_mut().unwrap(), text));
            if !alike(&here, &there) {
                self.complain(case, &format!("{text}\n  gives {here:?}\n  not   {there:?}"));
            }
        }
        let here = send(&mut through, last);
        match case.1 {
            Same => {
                let there = send(twin.as_mut().unwrap(), last);
                if !alike(&here, &there) {
                    self.complain(case, &format!("gives {here:?}\n  not   {there:?}"));
                }
            }
            Refused(words) => {
                let refused = matches!(error(&here), Some(("0A000", message)) if message.contains(words));
                if !refused {
                    self.complain(case, &format!("gives {here:?}"));
                }
            }
            Plan => {
                if error(&here).is_some() || !here.iter().any(|said| matches!(said, Said::Row(_))) {
                    self.complain(case, &format!("gives {here:?}"));
                }
            }
            Error(expected) => {
                if error(&here).is_none_or(|(sqlstate, _)| sqlstate != expected) {
                    self.complain(case, &format!("gives {here:?}"));
                }
            }
        }
        // The session lives.
        through.query(b"ROLLBACK", "");
        let alive = through.query(b"SELECT 1", "");
        if !alive.contains(&Said::Row(vec![Some("1".to_owned())])) {
            self.complain(case, &format!("then SELECT 1 gives {alive:?}"));
        }
        self.look_for_envelopes(case, &through);
    }

    /// Runs messages in a transaction of their own; each gives what the twin gives, or is refused, which
    /// ends it.
    fn right_or_refused(
        &mut self,
        texts: &'static [&'static str],
        send: impl Fn(&mut Client, &str) -> Vec<Said>,
    ) -> bool {
        let case: Case = (texts, Same);
        let (mut through, mut twin) = (self.through(), self.twin());
        let mut right = true;
        for client in [&mut through, &mut twin] {
            client.query(b"BEGIN", "");
        }
        for text in texts {
            let here = send(&mut through, text);
            if matches!(error(&here), Some(("0A000", message)) if !message.is_empty()) {
                right = false;
                break;
            }
            let there = send(&mut twin, text);
            if !alike(&in_order(here.clone()), &in_order(there.clone())) {
                self.complain(&case, &format!("{text}\n  gives {here:?}\n  not   {there:?}"));
            }
        }
        through.query(b"ROLLBACK", "");
        self.look_for_envelopes(&case, &through);
        right
    }

    /// Clients whose letters are other bytes.
    fn in_other_encodings(&mut self) {
        let port = self.world.proxy().address().port();
        // The second bytes of some letters are a backslash, a quote's neighbour or a letter of ASCII.
        let letters: [(&str, &[u8]); 8] = [
            ("LATIN1", b"gr\xf6\xdfe"),
            ("WIN1252", b"\x91quoted\x92"),
            ("KOI8R", b"\xe9\xcd\xd1"),
            ("SJIS", b"\x83\x5c"),
            ("BIG5", b"\xa5\x5c"),
            ("GBK", b"\x81\x5c"),
            ("GB18030", b"\x81\x30\x81\x30"),
            ("UHC", b"\x81\x41"),
        ];
        for (encoding, name) in letters {
            let mut client = Client::connect(port, self.world.database(), &[("client_encoding", encoding)]);
            // A trailing byte of SJIS is a backslash: names and strings end elsewhere than they seem to.
            for text in [
                [b"INSERT INTO people (notes) VALUES ('sekret ", name, b"')"].concat(),
                [b"SELECT '", name, b"', email FROM people"].concat(),
                [b"SELECT \"", name, b"\" FROM \"people\""].concat(),
                [b"SELECT '", name, b"'' FROM people WHERE email = 'sekret"].concat(),
                [b"SELECT E'", name, b"\\', email FROM people -- '"].concat(),
                [b"DO 'BEGIN INSERT INTO people (email) VALUES (''sekret ", name, b"''); END'"].concat(),
                [b"CREATE FUNCTION f() RETURNS void AS E'INSERT INTO p\\x65ople VALUES (''sekret", name, b"'')'"]
                    .concat(),
                [name, b" SELECT email FROM people"].concat(),
                [b"SELECT 1 AS ", name, b"people; SELECT email FROM people"].concat(),
                [b"/* ", name, b" */ INSERT INTO/**/people (email) VALUES ('sekret')"].concat(),
            ] {
                let said = client.query(&text, "");
                if !matches!(error(&said), Some(("0A000", message)) if message.contains("UTF8")) {
                    writeln!(self.wrong, "{encoding}: {}\n  gives {said:?}", text.escape_ascii()).unwrap();
                }
            }
            let said = client.query(&[b"SELECT 1 AS one -- ", name].concat(), "");
            assert!(said.contains(&Said::Row(vec![Some("1".to_owned())])), "{said:?}");
        }
    }

    /// What takes more than one statement's messages. `stages` are written one after the other, each
    /// with the number of ReadyForQuery that end its answer.
    fn stages(&mut self, name: &'static str, stages: &[(Vec<Vec<u8>>, usize)], expect: Expect) {
        let case: Case = (Box::leak(Box::new([name])), expect);
        let (mut through, mut twin) = (self.through(), self.twin());
        for (i, (messages, ready)) in stages.iter().enumerate() {
            let here = through.pipeline(messages, *ready);
            let last = i + 1 == stages.len();
            match expect {
                Refused(words) if last => {
                    if !matches!(error(&here), Some(("0A000", message)) if message.contains(words)) {
                        self.complain(&case, &format!("gives {here:?}"));
                    }
                }
                _ => {
                    let there = twin.pipeline(messages, *ready);
                    if !alike(&here, &there) {
                        self.complain(&case, &format!("stage {i} gives {here:?}\n  not   {there:?}"));
                    }
                }
            }
        }
        self.look_for_envelopes(&case, &through);
    }

    fn over_the_protocol(&mut self) {
        let insert = || vec![parse("s1", b"INSERT INTO people (id, email) VALUES ($1, $2) RETURNING email"), sync()];
        for (name, text, expect) in [
            ("EXECUTE", "EXECUTE s1 (80, 'sekret')", Same),
            ("EXECUTE in another spelling", "/* */eXeCuTe--\n\"s1\"(84, 'sekret')", Same),
            ("EXECUTE in Unicode escapes", "EXECUTE U&\"s\\0031\" (85, 'sekret')", Same),
            ("EXPLAIN ANALYZE EXECUTE", "EXPLAIN ANALYZE EXECUTE s1 (80, 'sekret')", Same),
            ("CREATE TABLE AS EXECUTE", "CREATE TEMP TABLE x AS EXECUTE s1 (86, 'sekret')", Refused("CREATE TABLE AS")),
            ("EXECUTE behind another statement", "SELECT 1; EXECUTE s1 (87, 'sekret')", Same),
            ("EXECUTE behind a protected one", "SELECT count(*) FROM people; EXECUTE s1 (88, 'sekret')", Same),
            ("EXECUTE in DO", "DO $$BEGIN EXECUTE 'EXECUTE s1 (89, ''sekret'')'; END$$", Refused("EXECUTE")),
            ("EXECUTE by a function", "SELECT runs('EXECUTE \"s1\" (89, ''sekret'')')", Refused("EXECUTE")),
            (
                "EXECUTE in a function",
                "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'EXECUTE s1 (89, ''sekret'')'",
                Refused("EXECUTE"),
            ),
        ] {
            self.stages(name, &[(insert(), 1), (vec![query(text)], 1)], expect);
        }
        let execute = b"EXECUTE s1 (90, 'sekret')";
        let messages = [insert(), vec![parse("", execute), bind("", &[]), execute_portal(""), sync()]].concat();
        self.stages("EXECUTE in the same breath", &[(messages, 2)], Same);
        let plain = vec![parse("s2", b"SELECT note FROM orders WHERE id = $1"), sync()];
        self.stages("EXECUTE of a plain one", &[(plain, 1), (vec![query("EXECUTE s2 (1)")], 1)], Same);

        let select = || parse("s", b"SELECT email FROM people WHERE id = 1");
        let run = || vec![bind("s", &[]), message(b'D', b"Ps\0"), execute_portal("s"), sync()];
        let path = || parse("", b"SET search_path = other");
        let moved = vec![(vec![select(), sync()], 1), (vec![query("SET search_path = other")], 1), (run(), 1)];
        self.stages("search_path between Parse and Bind", &moved, Same);
        let at_once = [vec![select(), path(), bind("", &[]), execute_portal("")], run()].concat();
        self.stages("search_path between Parse and Bind, at once", &[(at_once, 1)], Same);
        let by_function = vec![(vec![select(), sync()], 1), (vec![query("SELECT moves_path()")], 1), (run(), 1)];
        self.stages("search_path by a function between Parse and Bind", &by_function, Same);
        let temp = "CREATE TEMP TABLE people AS SELECT 1 AS id, 'plain'::varchar(120) AS email";
        let shadowed = vec![(vec![select(), sync()], 1), (vec![query(temp)], 1), (run(), 1)];
        self.stages("a temporary table after Parse", &shadowed, Same);
        let search = || parse("s", b"SELECT id FROM people WHERE email = 'sekret.ann@x'::text");
        for (name, shadow, words) in [
            (
                "an operator before pg_catalog's after Parse",
                "SET search_path = evil, pg_catalog, public",
                "the operator =",
            ),
            ("a temporary type after Parse", "CREATE DOMAIN pg_temp.text AS pg_catalog.text", "the type text"),
        ] {
            let shadowed = vec![(vec![search(), sync()], 1), (vec![query(shadow)], 1), (run(), 1)];
            self.stages(name, &shadowed, Refused(words));
        }
        let by_fast_path = vec![(vec![set_config("search_path", "other")], 1), ([vec![select()], run()].concat(), 1)];
        self.stages("search_path by the fast path", &by_fast_path, Same);

        let replaced = "CREATE OR REPLACE FUNCTION public.quiet() RETURNS int LANGUAGE sql \
                        AS 'SELECT set_config(''search_path'', ''public'', false); SELECT 1'";
        let insert =
            || vec![parse("", b"INSERT INTO people (id, email) VALUES (82, 'sekret.replaced@x') RETURNING email")];
        let by_replaced = vec![
            (vec![query("SET search_path = other, public"), parse("s", b"SELECT quiet()"), sync()], 2),
            (vec![query(replaced), query("SELECT count(*) FROM public.people")], 2),
            (run(), 1),
            ([insert(), vec![bind("", &[]), execute_portal(""), sync()]].concat(), 1),
        ];
        self.stages("search_path by a function replaced after Parse", &by_replaced, Same);

        let values = [Some("81"), Some("sekret.null@x")];
        let broken = vec![
            parse("", b"INSERT INTO people (id, name, email) VALUES ($1, NULL, $2)"),
            bind("", &values),
            execute_portal(""),
            sync(),
        ];
        self.stages("a constraint's error", &[(broken, 1)], Same);
    }

    fn look_for_envelopes(&mut self, case: &Case, client: &Client) {
        for envelope in [&b"\xff\x70\x76"[..], b"xff7076", b"377pv"] {
            if memchr::memmem::find(&client.received, envelope).is_some() {
                self.complain(case, "an envelope reaches the client");
            }
        }
        self.received.extend_from_slice(&client.received);
    }

    /// Complains of each line of the server's log that has plaintext in it.
    fn no_plaintext(&mut self) {
        let log = self.log();
        for line in log.lines().filter(|line| MARKERS.iter().any(|marker| line.contains(marker))) {
            writeln!(self.wrong, "plaintext in the server's log: {line}").unwrap();
        }
        assert!(log.contains("public"), "the log is not where it is looked for");
    }

    /// The part of the server's log that is about the protected database.
    fn log(&self) -> String {
        let prefix = format!("<<{}>>", self.world.database());
        let mut ours = false;
        let log = self.world.server_log();
        let mine = log.lines().filter(|line| {
            if line.starts_with("<<") {
                ours = line.starts_with(&prefix);
            }
            ours
        });
        mine.collect::<Vec<_>>().join("\n")
    }
}

const COPY_DATA: &str = "700\tplain\n";

fn error(said: &[Said]) -> Option<(&str, &str)> {
    said.iter().find_map(|said| match said {
        Said::Error { sqlstate, message } => Some((sqlstate.as_str(), message.as_str())),
        _ => None,
    })
}

/// With the rows sorted: where ORDER BY does not say, they come as their hashes fall.
fn in_order(mut said: Vec<Said>) -> Vec<Said> {
    let place = |said: &Said| matches!(said, Said::Row(_));
    if let (Some(first), Some(last)) = (said.iter().position(place), said.iter().rposition(place)) {
        said[first..=last].sort_by_key(|said| format!("{said:?}"));
    }
    said
}

/// Equal but for the words of errors, and for when notices come: a statement that writes and returns
/// sealed columns is described first.
fn alike(here: &[Said], there: &[Said]) -> bool {
    let comparable = |said: &[Said]| -> Vec<Said> {
        said.iter()
            .filter(|said| **said != Said::Other('N'))
            .map(|said| match said {
                Said::Error { sqlstate, .. } => Said::Error { sqlstate: sqlstate.clone(), message: String::new() },
                other => other.clone(),
            })
            .collect()
    };
    comparable(here) == comparable(there)
}

#[test]
fn no_statement_gets_plaintext_to_the_server_or_ciphertext_to_the_client() {
    let mut arena = Arena::new();
    for case in [ROWS, KNOWN_HOLES, SPELLINGS, ASKED_ABOUT, ROWS_AND_FUNCTIONS, NAMES, MOVING].into_iter().flatten() {
        arena.run(case);
    }
    for (text, params, expect) in PARAMETERS {
        let case: Case = (Box::leak(Box::new([*text])), *expect);
        arena.run_with(&case, |client, text| client.prepared(text.as_bytes(), params));
    }
    arena.over_the_protocol();
    arena.in_other_encodings();
    arena.no_plaintext();
    assert!(arena.wrong.is_empty(), "\n{}", arena.wrong);
}

#[test]
fn values_on_their_way_arrive_or_the_statement_is_refused() {
    let mut arena = Arena::new();
    for case in ROWS {
        arena.run_with(case, |client, text| client.query(text.as_bytes(), ""));
    }
    let (mut right, mut refused) = (0, Vec::new());
    let mut count = |texts, is_right: bool| {
        right += usize::from(is_right);
        if !is_right {
            refused.push(texts);
        }
    };
    for text in FLOWS {
        let texts: &'static [&'static str] = Box::leak(Box::new([*text]));
        let is_right = arena.right_or_refused(texts, |client, text| client.query(text.as_bytes(), ""));
        let prepared = arena.right_or_refused(texts, |client, text| client.prepared(text.as_bytes(), &[]));
        assert_eq!(is_right, prepared, "the protocols differ: {text}");
        count(texts, is_right);
    }
    for (text, params) in FLOWING_PARAMETERS {
        let texts: &'static [&'static str] = Box::leak(Box::new([*text]));
        let is_right = arena.right_or_refused(texts, |client, text| client.prepared(text.as_bytes(), params));
        count(texts, is_right);
    }
    for texts in SESSIONS {
        let is_right = arena.right_or_refused(texts, |client, text| client.query(text.as_bytes(), ""));
        count(*texts, is_right);
    }
    for texts in &refused {
        println!("refused: {}", texts.join("; "));
    }
    println!("{right} right, {} refused", refused.len());
    arena.no_plaintext();
    assert!(right > 100, "only {right} are not refused");
    assert!(arena.wrong.is_empty(), "\n{}", arena.wrong);
}

/// What the maker makes statements over. Everything is text, so that most of them run.
const MADE_TABLES: [maker::Table; 4] = [
    ("people", "id name !email !ssn !notes"),
    // Without those that nothing can be done with.
    ("public.people", "id name !email !ssn"),
    ("contacts", "id !mail"),
    ("orders", "id note email"),
];

const MADE_SCHEMA: &str = "
CREATE TABLE people (id text PRIMARY KEY, name text, email text, ssn text, notes text);
CREATE TABLE contacts (id text PRIMARY KEY, mail text, phone text);
CREATE TABLE orders (id text PRIMARY KEY, note text, email text)";

const MADE_POLICY: &str = "
people:
  columns:
    email: { type: text, mode: equality, domain: mail }
    ssn: { type: text, mode: equality }
    notes: { type: text }
contacts:
  columns:
    mail: { type: text, mode: equality, domain: mail }
    phone: { type: text }";

#[test]
fn made_statements_give_what_the_twin_gives() {
    let world = World::builder().schema(MADE_SCHEMA).tables(MADE_POLICY).start();
    let twin = world.twin();
    let mut here = Client::connect(world.proxy().address().port(), world.database(), &[]);
    let mut there = Client::connect(world.server_port(), twin.rsplit('=').next().unwrap(), &[]);
    for i in 0..10 {
        let (j, k) = (9 - i, i * 2 % 10);
        let rows = format!(
            "INSERT INTO people VALUES ('plain{i}', 'plain{j}', 'secret{i}', 'secret{j}', 'secret');
             INSERT INTO contacts VALUES ('plain{i}', 'secret{k}', NULL);
             INSERT INTO orders VALUES ('plain{i}', 'plain{k}', 'plain{j}')"
        );
        assert_eq!(here.query(rows.as_bytes(), ""), there.query(rows.as_bytes(), ""));
    }
    let mut random = random::Random::new(11);
    let (mut compared, mut refused, mut wrong) = (0, 0, String::new());
    let end = std::env::var("PGVEIL_FUZZ_SECONDS").ok().map(|seconds| {
        random = random::Random::new(std::process::id().into());
        Instant::now() + Duration::from_secs(seconds.parse().unwrap())
    });
    let mut runs = 0;
    while end.map_or(runs < 400, |end| Instant::now() < end) {
        runs += 1;
        let bytes: Vec<u8> = (0..140).map(|_| random.next().to_le_bytes()[0]).collect();
        let text = maker::statement(&MADE_TABLES, true, &mut random::Choices::new(&bytes)).text;
        let run = |client: &mut Client| {
            let values: Vec<String> = (0..highest_parameter(&text)).map(|n| value_of_parameter(n + 1)).collect();
            let values: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
            let describe = message(b'D', b"P\0");
            let extended = [parse("", text.as_bytes()), bind("", &values), describe, execute_portal(""), sync()];
            sorted(client.pipeline(&[&[query("BEGIN")], &extended[..], &[query("ROLLBACK")]].concat(), 3))
        };
        let got = run(&mut here);
        if matches!(error(&got), Some(("0A000", _))) {
            refused += 1;
            continue;
        }
        let expected = run(&mut there);
        // Of several mistakes in a statement another may be found first.
        if error(&got).is_some() && error(&expected).is_some() {
            continue;
        }
        compared += 1;
        if !alike(&got, &expected) {
            writeln!(wrong, "{text}\n  gives {got:?}\n  not   {expected:?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    println!("{compared} statements compared, {refused} refused");
    assert!(compared > 80 && refused > 50, "{compared} were compared, {refused} refused");
}

fn highest_parameter(text: &str) -> usize {
    let numbers = text.split('$').skip(1).map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap());
    numbers.filter_map(|digits| digits.parse().ok()).max().unwrap_or(0)
}

/// The maker gives odd numbers to parameters that meet sealed columns.
fn value_of_parameter(number: usize) -> String {
    let word = if number % 2 == 1 { maker::SECRET } else { "plain" };
    format!("{word}{}", number / 2)
}

/// Rows come in any order.
fn sorted(said: Vec<Said>) -> Vec<Said> {
    let (mut rows, mut others): (Vec<_>, Vec<_>) = said.into_iter().partition(|said| matches!(said, Said::Row(_)));
    rows.sort_by_key(|row| format!("{row:?}"));
    others.append(&mut rows);
    others
}
