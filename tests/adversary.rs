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
}
mod support;

use std::fmt::Write as _;

use adversary::{
    cases::{AROUND, Case, Error, Expect, KNOWN_HOLES, MARKERS, POLICY, Plan, ROWS, Refused, SCHEMA, Same},
    client::{Client, Said, bind, execute_portal, message, parse, query, set_config, sync},
    confusing::{MOVING, NAMES, PARAMETERS, ROWS_AND_FUNCTIONS, SPELLINGS},
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
        for (name, text) in [
            ("EXECUTE", "EXECUTE s1 (80, 'sekret')"),
            ("EXECUTE in another spelling", "/* */eXeCuTe--\n\"s1\"(80, 'sekret')"),
            ("EXECUTE in Unicode escapes", "EXECUTE U&\"s\\0031\" (80, 'sekret')"),
            ("EXPLAIN ANALYZE EXECUTE", "EXPLAIN ANALYZE EXECUTE s1 (80, 'sekret')"),
            ("CREATE TABLE AS EXECUTE", "CREATE TEMP TABLE x AS EXECUTE s1 (80, 'sekret')"),
            ("EXECUTE behind another statement", "SELECT 1; EXECUTE s1 (80, 'sekret')"),
            ("EXECUTE behind a protected one", "SELECT count(*) FROM people; EXECUTE s1 (80, 'sekret')"),
            ("EXECUTE in DO", "DO $$BEGIN EXECUTE 'EXECUTE s1 (80, ''sekret'')'; END$$"),
        ] {
            self.stages(name, &[(insert(), 1), (vec![query(text)], 1)], Refused("EXECUTE"));
        }
        let execute = b"EXECUTE s1 (80, 'sekret')";
        let messages = [insert(), vec![parse("", execute), bind("", &[]), sync()]].concat();
        self.stages("EXECUTE in the same breath", &[(messages, 2)], Refused("EXECUTE"));
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
    for case in [ROWS, KNOWN_HOLES, SPELLINGS, ROWS_AND_FUNCTIONS, NAMES, MOVING].into_iter().flatten() {
        arena.run(case);
    }
    for (text, params, expect) in PARAMETERS {
        let case: Case = (Box::leak(Box::new([*text])), *expect);
        arena.run_with(&case, |client, text| client.prepared(text.as_bytes(), params));
    }
    arena.over_the_protocol();
    let log = arena.log();
    for line in log.lines().filter(|line| MARKERS.iter().any(|marker| line.contains(marker))) {
        writeln!(arena.wrong, "plaintext in the server's log: {line}").unwrap();
    }
    assert!(log.contains("public"), "the log is not where it is looked for");
    assert!(arena.wrong.is_empty(), "\n{}", arena.wrong);
}
