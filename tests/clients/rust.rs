//! tokio-postgres over protected tables, and over their plaintext twins. It speaks the extended
//! protocol in binary throughout and checks the types that Describe gives.

use std::{error::Error, fmt::Write as _, future::Future, time::Duration};

use futures_util::{SinkExt, StreamExt, TryStreamExt, future::join_all};
use serde_json::json;
use tokio_postgres::{
    Client, NoTls, Row, SimpleColumn, SimpleQueryMessage,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};

use crate::support::{World, connect};

type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A value in its binary form, of whatever type the server asks for.
#[derive(Debug, Clone)]
struct Raw(Vec<u8>);

impl ToSql for Raw {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Raw {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.to_vec()))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

/// The protected database through pgveil, and its twin.
struct Pair {
    through: Client,
    twin: Client,
}

fn shown(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        for i in 0..row.len() {
            let value: Option<Raw> = row.get(i);
            write!(text, "{value:?} ").unwrap();
        }
        text.push('\n');
    }
    text
}

fn failure(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} {} at {:?}", db.code().code(), db.message(), db.position()),
        None => format!("{error:?}"),
    }
}

/// Everything that a driver learns of a prepared statement and its run.
async fn outcome(client: &Client, sql: &str, types: &[Type], params: Params<'_>) -> String {
    let statement = match client.prepare_typed(sql, types).await {
        Ok(statement) => statement,
        Err(error) => return format!("prepare: {}", failure(&error)),
    };
    let columns: Vec<_> = statement.columns().iter().map(|c| (c.name(), c.type_(), c.type_modifier())).collect();
    let mut text = format!("{:?} {columns:?}\n", statement.params());
    // Twice, since what is prepared is there to be run again.
    for _ in 0..2 {
        match client.query(&statement, params).await {
            Ok(rows) => text.push_str(&shown(&rows)),
            Err(error) => text.push_str(&failure(&error)),
        }
    }
    text
}

impl Pair {
    async fn new(world: &World) -> Self {
        Self { through: connect(&world.through()).await, twin: connect(&world.twin()).await }
    }

    /// Runs a statement on both sides and compares; gives what came of it.
    #[track_caller]
    fn same<'a>(&'a self, sql: &'a str, params: Params<'a>) -> impl Future<Output = String> + 'a {
        self.same_typed(sql, &[], params)
    }

    #[track_caller]
    fn same_typed<'a>(
        &'a self,
        sql: &'a str,
        types: &'a [Type],
        params: Params<'a>,
    ) -> impl Future<Output = String> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let twin = outcome(&self.twin, sql, types, params).await;
            let through = outcome(&self.through, sql, types, params).await;
            assert!(through == twin, "{caller}: {sql}\n{}", first_difference(&through, &twin));
            twin
        }
    }

    /// Runs something else on both sides and compares what it says.
    async fn both<'a, F>(&'a self, name: &str, run: impl Fn(&'a Client) -> F)
    where
        F: Future<Output = String> + 'a,
    {
        let (through, twin) = (run(&self.through).await, run(&self.twin).await);
        assert!(through == twin, "{name}\n{}", first_difference(&through, &twin));
    }

    async fn simple(&self, sql: &str) {
        self.both(sql, |client| simple(client, sql.to_owned())).await;
    }
}

fn first_difference(through: &str, twin: &str) -> String {
    let (a, b): (Vec<_>, Vec<_>) = (through.lines().collect(), twin.lines().collect());
    let at = (0..a.len().max(b.len())).find(|&i| a.get(i) != b.get(i)).unwrap_or(0);
    let line =
        |lines: &[&str]| lines.get(at).map_or("nothing", |l| l.get(..l.len().min(900)).unwrap_or("…")).to_owned();
    format!("line {at}\n  through {}\n  twin    {}", line(&a), line(&b))
}

async fn simple(client: &Client, sql: String) -> String {
    let mut text = String::new();
    match client.simple_query(&sql).await {
        Err(error) => text.push_str(&failure(&error)),
        Ok(messages) => {
            for message in messages {
                match message {
                    SimpleQueryMessage::Row(row) => {
                        let row: Vec<_> = (0..row.len()).map(|i| row.get(i)).collect();
                        writeln!(text, "{row:?}").unwrap();
                    }
                    SimpleQueryMessage::CommandComplete(rows) => writeln!(text, "{rows} rows").unwrap(),
                    SimpleQueryMessage::RowDescription(columns) => {
                        let names: Vec<_> = columns.iter().map(SimpleColumn::name).collect();
                        writeln!(text, "{names:?}").unwrap();
                    }
                    _ => text.push('?'),
                }
            }
        }
    }
    text
}

/// Binary `numeric`: number of digits, weight, sign, scale, digits to the base 10000.
fn numeric(words: &[u16]) -> Raw {
    Raw(words.iter().flat_map(|word| word.to_be_bytes()).collect())
}

fn long(value: i64) -> Raw {
    Raw(value.to_be_bytes().to_vec())
}

pub async fn sees_the_same(world: &World) {
    let pair = Pair::new(world).await;
    for table in ["kinds", "keyed"] {
        every_type(&pair, table).await;
    }
    comparisons(&pair).await;
    crud(&pair).await;
    pair.both("portals", portals).await;
    pair.both("statements at once", at_once).await;
    pair.both("a failure among statements at once", failing_at_once).await;
    pair.both("COPY of a plain table", copies).await;
    for sql in [
        "SELECT email, notes FROM members ORDER BY id; UPDATE members SET notes = 's' WHERE email = 'p1@x' RETURNING notes; SELECT 1",
        "SELECT email FROM members WHERE email = 'it''s'; SELECT nosuch FROM members",
        "",
        "BEGIN; DELETE FROM members; SELECT count(*) FROM members; ROLLBACK; SELECT count(*) FROM members",
    ] {
        pair.simple(sql).await;
    }
    cancels(world).await;
    refusals(world).await;
}

async fn every_type(pair: &Pair, table: &str) {
    pair.simple(&format!("TRUNCATE {table}")).await;
    let insert = format!(
        "INSERT INTO {table} (id, txt, vc, ch, flag, i2, i4, i8, num, free, day, at, uid, raw, doc) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (id) DO NOTHING RETURNING *"
    );
    let long_text = "long ✓ ".repeat(150_000);
    let long_bytes = vec![0xfe_u8; 400_000];
    pair.same(
        &insert,
        &[
            &1,
            &"text",
            &"varchar",
            &"char",
            &true,
            &-2_i16,
            &3_i32,
            &4_i64,
            &numeric(&[2, 0, 0, 1, 12, 5000]),
            &numeric(&[0, 0, 0xc000, 0]),
            &Raw(8_825_i32.to_be_bytes().to_vec()),
            &long(762_523_815_123_456),
            &Raw((0..16).collect()),
            &vec![0_u8, 255, 92],
            &json!({"b": [1.50, null], "a": "ü"}),
        ],
    )
    .await;
    pair.same(
        &insert,
        &[
            &2,
            &long_text,
            &"",
            &"",
            &false,
            &i16::MIN,
            &i32::MAX,
            &i64::MIN,
            &numeric(&[1, 0, 0x4000, 3, 7]),
            &numeric(&[0, 0, 0xd000, 32]),
            &Raw(i32::MAX.to_be_bytes().to_vec()),
            &long(i64::MIN),
            &Raw(vec![0; 16]),
            &long_bytes,
            &json!([]),
        ],
    )
    .await;
    let none: Option<&str> = None;
    pair.same(
        &insert,
        &[
            &3,
            &none,
            &none,
            &none,
            &None::<bool>,
            &None::<i16>,
            &None::<i32>,
            &None::<i64>,
            &None::<Raw>,
            &None::<Raw>,
            &None::<Raw>,
            &None::<Raw>,
            &None::<Raw>,
            &None::<Vec<u8>>,
            &None::<serde_json::Value>,
        ],
    )
    .await;
    let seen = pair.same(&format!("SELECT * FROM {table} ORDER BY id"), &[]).await;
    assert!(seen.len() > 1_000_000, "the long values are there");
    pair.simple(&format!("SELECT * FROM {table} ORDER BY id")).await;
    // Values that the type does not have.
    for (column, value) in [
        ("i2", Raw(vec![1])),
        ("i4", Raw(vec![0; 5])),
        ("flag", Raw(vec![])),
        ("vc", Raw(vec![b'x'; 41])),
        ("txt", Raw(vec![0xff, 0xfe])),
        ("txt", Raw(vec![b'a', 0])),
        ("num", numeric(&[1, 3, 0, 0, 1])),
        ("num", numeric(&[1, 0, 1, 0, 1])),
        ("day", Raw(i32::MIN.wrapping_add(5).to_be_bytes().to_vec())),
        ("at", long(i64::MAX - 1)),
        ("uid", Raw(vec![0; 15])),
        ("doc", Raw(b"\x01{".to_vec())),
        ("doc", Raw(b"\x02{}".to_vec())),
    ] {
        pair.same(&format!("INSERT INTO {table} (id, {column}) VALUES (9, $1)"), &[&value]).await;
        if table == "keyed" {
            pair.same(&format!("SELECT id FROM {table} WHERE {column} = $1"), &[&value]).await;
        }
    }
}

async fn comparisons(pair: &Pair) {
    let by = |condition: &str| format!("SELECT id FROM keyed WHERE {condition} ORDER BY id");
    pair.same(&by("txt = $1"), &[&"text"]).await;
    pair.same(&by("vc = $1"), &[&"varchar"]).await;
    pair.same(&by("ch = $1"), &[&"char"]).await;
    pair.same(&by("flag = $1"), &[&false]).await;
    pair.same(&by("i2 = $1"), &[&-2_i16]).await;
    pair.same(&by("i4 = $1 OR i8 = $2"), &[&i32::MAX, &4_i64]).await;
    pair.same(&by("num = $1"), &[&numeric(&[2, 0, 0, 5, 12, 5000])]).await;
    pair.same(&by("free = $1"), &[&numeric(&[0, 0, 0xc000, 0])]).await;
    pair.same(&by("day <> $1"), &[&Raw(i32::MAX.to_be_bytes().to_vec())]).await;
    pair.same(&by("at = $1"), &[&long(i64::MIN)]).await;
    pair.same(&by("uid = $1"), &[&Raw((0..16).collect())]).await;
    pair.same(&by("raw = $1"), &[&vec![0_u8, 255, 92]]).await;
    pair.same(&by("doc = $1"), &[&json!({"a": "ü", "b": [1.5, null]})]).await;
    pair.same(&by("txt = ANY($1)"), &[&vec!["text", "other"]]).await;
    pair.same(&by("vc = ANY($1)"), &[&vec![Some("varchar"), None]]).await;
    pair.same(&by("ch = ANY($1)"), &[&vec!["char   ", ""]]).await;
    pair.same(&by("i2 = ANY($1)"), &[&vec![-2_i16]]).await;
    pair.same(&by("i4 <> ALL($1)"), &[&vec![3_i32, 5]]).await;
    pair.same(&by("i8 = ANY($1)"), &[&Vec::<i64>::new()]).await;
    pair.same(&by("raw = ANY($1)"), &[&vec![&[0_u8, 255, 92][..]]]).await;
    pair.same(&by("doc = ANY($1)"), &[&vec![json!([])]]).await;
    pair.same(&by("i4 IN ($1, $2)"), &[&3_i32, &4_i32]).await;
    pair.same(&by("vc IN ($1)"), &[&"varchar"]).await;
    pair.same(&by("i8 = $1::int4"), &[&4_i32]).await;
    pair.same(&by("txt IS NOT DISTINCT FROM $1"), &[&None::<&str>]).await;
    pair.same_typed(&by("i4 = $1"), &[Type::INT8], &[&3_i64]).await;
    pair.same_typed(&by("i8 = $1"), &[Type::INT2], &[&4_i16]).await;
    pair.same_typed(&by("vc = $1"), &[Type::VARCHAR], &[&"varchar"]).await;
    pair.same_typed(&by("ch = $1"), &[Type::TEXT], &[&"char"]).await;
    pair.same_typed(&by("num = $1"), &[Type::INT4], &[&12_i32]).await;
    pair.same_typed("INSERT INTO kinds (id, num, txt) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET num = EXCLUDED.num RETURNING num, txt",
        &[Type::INT4, Type::FLOAT8, Type::INT4], &[&77, &1.25_f64, &5_i32]).await;
}

async fn crud(pair: &Pair) {
    pair.simple("TRUNCATE members, visits RESTART IDENTITY").await;
    let upsert = "INSERT INTO members (code, name, email, notes) VALUES ($1, $2, $3, $4) \
                  ON CONFLICT (email) DO UPDATE SET notes = EXCLUDED.notes RETURNING id, email, notes";
    pair.same(upsert, &[&1, &"A", &"a@x", &"first"]).await;
    pair.same(upsert, &[&2, &"B", &"b@x", &None::<&str>]).await;
    pair.same(upsert, &[&3, &"A", &"a@x", &""]).await;
    pair.same("INSERT INTO members (name, email) VALUES ($1, $2)", &[&"A", &"a@x"]).await;
    pair.same("INSERT INTO members (name, email) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id", &[&"A", &"a@x"])
        .await;
    pair.same(
        "UPDATE members SET balance = $1 WHERE email = $2 RETURNING balance, email",
        &[&numeric(&[1, 0, 0, 2, 9]), &"b@x"],
    )
    .await;
    pair.same(
        "WITH v AS (INSERT INTO visits (email, paid) VALUES ($1, $2) RETURNING email, paid) SELECT * FROM v",
        &[&"a@x", &numeric(&[1, 0, 0, 0, 3])],
    )
    .await;
    pair.same("SELECT m.*, v.* FROM members m JOIN visits v USING (id)", &[]).await;
    pair.same("SELECT m.email, v.paid FROM members m JOIN visits v ON v.email = m.email WHERE v.email = $1 ORDER BY v.id LIMIT $2", &[&"a@x", &1_i64]).await;
    pair.same("SELECT $1::text AS given, email FROM members WHERE id = $2", &[&"plain", &1]).await;
    pair.same("DELETE FROM members WHERE email IN ($1, $2) RETURNING id, notes", &[&"b@x", &"nobody"]).await;
    pair.same("SELECT nosuch FROM members WHERE email = $1", &[&"x"]).await;
    pair.same("SELECT email FROM members WHERE id = $1 AND 1/(id - id) = 1", &[&1]).await;
    pair.same("TRUNCATE members, visits RESTART IDENTITY", &[]).await;
}

/// Rows fetched some at a time, two portals in turn.
async fn portals(client: &Client) -> String {
    let mut text = String::new();
    // A Client gives transactions to its only owner, so this is one by hand.
    client.batch_execute("BEGIN; TRUNCATE members RESTART IDENTITY").await.unwrap();
    let insert = client.prepare("INSERT INTO members (name, email, notes) VALUES ($1, $2, $3)").await.unwrap();
    for i in 0..20 {
        client.execute(&insert, &[&"P", &format!("p{i}@x"), &format!("note {i}")]).await.unwrap();
    }
    client.batch_execute("COMMIT").await.unwrap();
    let rows =
        client.query_raw("SELECT id, email, notes FROM members WHERE id > $1 ORDER BY id", [3_i32]).await.unwrap();
    let rows: Vec<Row> = rows.try_collect().await.unwrap();
    text.push_str(&shown(&rows));
    text
}

/// As [`portals`], with row limits.
pub async fn limited_portals(world: &World) {
    let mut seen = Vec::new();
    for conninfo in [world.through(), world.twin()] {
        let mut client = connect(&conninfo).await;
        let insert = "INSERT INTO visits (email, note, place) VALUES ($1, $2, $3)";
        client.batch_execute("TRUNCATE visits RESTART IDENTITY").await.unwrap();
        for i in 0..25 {
            client.execute(insert, &[&format!("{}@x", i % 3), &format!("note {i}"), &"place"]).await.unwrap();
        }
        let mut text = String::new();
        let transaction = client.transaction().await.unwrap();
        let one = transaction
            .bind("SELECT id, email, note FROM visits WHERE email = $1 ORDER BY id", &[&"1@x"])
            .await
            .unwrap();
        let two = transaction.bind("SELECT note, place FROM visits ORDER BY id DESC", &[]).await.unwrap();
        for limit in [3, 1, 4, 0] {
            text.push_str(&shown(&transaction.query_portal(&one, limit).await.unwrap()));
            text.push_str(&shown(&transaction.query_portal(&two, limit * 2).await.unwrap()));
        }
        let gone = transaction.query_portal(&one, 1).await;
        text.push_str(&gone.map_or_else(|error| failure(&error), |rows| shown(&rows)));
        transaction.rollback().await.unwrap();
        seen.push(text);
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].lines().count() > 30, "{}", seen[0]);
}

/// Statements sent without waiting for each other's answers.
async fn at_once(client: &Client) -> String {
    let insert =
        client.prepare("INSERT INTO visits (email, note) VALUES ($1, $2) RETURNING email, note").await.unwrap();
    let select = client.prepare("SELECT note FROM visits WHERE email = $1 ORDER BY id").await.unwrap();
    let work = (0..60).map(|i| {
        let (insert, select) = (&insert, &select);
        async move {
            let email = format!("{}@at.once", i % 4);
            let written = client.query(insert, &[&email, &format!("n{i}")]).await.unwrap();
            let read = client.query(select, &[&email]).await.unwrap();
            let plain = client.query_one("SELECT $1::int4 + 1", &[&i]).await.unwrap();
            // How many there are already depends on the order; that there is one at least does not.
            format!("{} {} {}", shown(&written), !read.is_empty(), shown(&[plain]))
        }
    });
    join_all(work).await.join("\n")
}

async fn failing_at_once(client: &Client) -> String {
    let work = (0..40).map(|i| async move {
        let sql = match i % 4 {
            0 => "SELECT email FROM visits WHERE id = $1",
            1 => "SELECT 1/($1::int4 - $1::int4), email FROM visits",
            2 => "SELECT nosuch FROM visits WHERE id = $1",
            _ => "INSERT INTO visits (id, email) VALUES ($1, 'again@x')",
        };
        match client.query(sql, &[&1]).await {
            Ok(rows) => shown(&rows),
            Err(error) => failure(&error),
        }
    });
    join_all(work).await.join("\n")
}

async fn copies(client: &Client) -> String {
    client.batch_execute("TRUNCATE plain").await.unwrap();
    let sink = client.copy_in::<_, &[u8]>("COPY plain (id, label) FROM STDIN").await.unwrap();
    let mut sink = std::pin::pin!(sink);
    for chunk in ["1\ton", "e\n2\t\\N\n", "3\tdrei ü\n"] {
        sink.send(chunk.as_bytes()).await.unwrap();
    }
    let mut text = format!("{}\n", sink.as_mut().finish().await.unwrap());
    let out =
        client.copy_out("COPY (SELECT id, label FROM plain ORDER BY id) TO STDOUT (FORMAT csv, HEADER)").await.unwrap();
    let mut out = std::pin::pin!(out);
    while let Some(data) = out.next().await {
        text.push_str(std::str::from_utf8(&data.unwrap()).unwrap());
    }
    let sink = client.copy_in::<_, &[u8]>("COPY plain (id) FROM STDIN").await.unwrap();
    let mut sink = std::pin::pin!(sink);
    sink.send(&b"one\n"[..]).await.unwrap();
    text.push_str(&failure(&sink.as_mut().finish().await.unwrap_err()));
    // Given up by the client.
    drop(client.copy_in::<_, &[u8]>("COPY plain (id) FROM STDIN").await.unwrap());
    text + &simple(client, "SELECT count(*) FROM plain".to_owned()).await
}

/// Cancel requests reach the statement that runs.
async fn cancels(world: &World) {
    let client = connect(&world.through()).await;
    let token = client.cancel_token();
    let slow = tokio::spawn(async move {
        let error = client.query("SELECT pg_sleep(30), email FROM members", &[]).await.map(|rows| rows.len());
        (error, client)
    });
    client_waits(world).await;
    token.cancel_query(NoTls).await.unwrap();
    let (result, client) =
        tokio::time::timeout(Duration::from_secs(20), slow).await.expect("the cancel arrives").unwrap();
    assert_eq!(result.unwrap_err().code().unwrap().code(), "57014");
    assert_eq!(
        simple(&client, "SELECT count(*) FROM members WHERE email = 'x'".to_owned()).await,
        "[\"count\"]\n[Some(\"0\")]\n1 rows\n"
    );
}

/// Until the statement sleeps on the server.
async fn client_waits(world: &World) {
    let observer = connect(&world.superuser("postgres")).await;
    for _ in 0..200 {
        let sleeping =
            observer.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'", &[]).await.unwrap();
        if !sleeping.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the statement never started to sleep");
}

async fn refusals(world: &World) {
    let mut client = connect(&world.through()).await;
    for sql in ["SELECT id FROM members WHERE notes = $1", "SELECT id FROM members WHERE email LIKE $1"] {
        let error = client.query(sql, &[&"x"]).await.unwrap_err();
        let db = error.as_db_error().unwrap();
        assert_eq!(db.code().code(), "0A000", "{db:?}");
        assert!(db.message().contains("members"), "{db:?}");
        assert!(db.hint().is_some_and(|hint| hint.contains("pgveil: sql/")), "{db:?}");
    }
    let transaction = client.transaction().await.unwrap();
    transaction.execute("INSERT INTO visits (email) VALUES ($1)", &[&"lost@x"]).await.unwrap();
    transaction.query("SELECT id FROM members ORDER BY email", &[]).await.unwrap_err();
    let error = transaction.query("SELECT id FROM members", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "25P02");
    transaction.rollback().await.unwrap();
    let rows = client.query("SELECT id FROM visits WHERE email = $1", &[&"lost@x"]).await.unwrap();
    assert!(rows.is_empty());
}
