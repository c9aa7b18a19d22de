//! Sessions: statements in transactions, in both protocols, kept for later or sent at once.

use super::Maker;
use crate::{
    doc::{Doc, Operand, Value, either, text},
    matrix::{Construct as C, Mode},
    seq,
};

/// How the messages of an exchange are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    /// One Query with all parts.
    Simple,
    /// Parse, Bind, Execute of each part, one Sync.
    Extended,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Part {
    pub doc: Doc,
    /// Is the order of rows determined?
    pub ordered: bool,
    /// May equal values that look different stand for each other?
    pub loose: bool,
    /// What it tells is not compared (EXPLAIN): only how.
    pub opaque: bool,
    /// Name of the prepared statement; "" is the unnamed one.
    pub name: String,
    pub describe_statement: bool,
    pub describe_portal: bool,
    /// Binary results.
    pub binary: bool,
    /// Row limit of Execute.
    pub limit: i32,
    /// Execute again, for the rest.
    pub rest: bool,
    /// Bind and Execute once more.
    pub twice: bool,
    /// It was prepared before, under its name.
    pub again: bool,
    /// What is sent behind it: rows of a COPY.
    pub data: Option<Vec<u8>>,
}

/// What is sent before an answer is waited for.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub parts: Vec<Part>,
    pub how: How,
}

impl Part {
    pub fn new(doc: Doc) -> Self {
        Self {
            doc,
            ordered: false,
            loose: false,
            opaque: false,
            name: String::new(),
            describe_statement: false,
            describe_portal: true,
            binary: false,
            limit: 0,
            rest: false,
            twice: false,
            again: false,
            data: None,
        }
    }
}

impl Exchange {
    /// In both protocols; in the extended one if there are operands that must be parameters.
    fn of(parts: Vec<Part>, maker: &mut Maker<'_>) -> Self {
        let how = *maker.pick(&[How::Simple, How::Extended, How::Extended]);
        Self { how: if parts.iter().any(|part| part.doc.shares()) { How::Extended } else { how }, parts }
    }

    pub fn rollback() -> Self {
        Self::simple("ROLLBACK")
    }

    /// Does it name the view that sessions make?
    pub fn names_view(&self) -> bool {
        self.parts.iter().any(|part| part.doc.render(false).sql.contains(" made"))
    }

    /// Does it begin or end a transaction, or part of one?
    pub fn is_control(&self) -> bool {
        let words = ["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"];
        self.parts.iter().any(|part| {
            let sql = part.doc.render(false).sql;
            words.iter().any(|word| sql.starts_with(word))
        })
    }

    pub fn simple(sql: impl Into<String>) -> Self {
        Self { parts: vec![Part::new(text(sql))], how: How::Simple }
    }
}

/// A session of about so many statements.
pub fn session(maker: &mut Maker<'_>, statements: usize) -> Vec<Exchange> {
    let mut out = Vec::new();
    if maker.one_in(4) {
        out.push(Exchange::simple(*maker.pick(&[
            "SET DateStyle = 'German'",
            "SET TimeZone = 'America/New_York'",
            "SET bytea_output = 'escape'",
            "SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kolkata'",
        ])));
    }
    let mut open = false;
    let mut savepoints = 0;
    // Statements that stay prepared.
    let mut kept: Vec<Part> = Vec::new();
    while out.len() < statements {
        match maker.random.below(24) {
            0 | 1 if !open => {
                out.push(Exchange::simple(
                    *maker.pick(&["BEGIN", "START TRANSACTION ISOLATION LEVEL REPEATABLE READ"]),
                ));
                (open, savepoints) = (true, 0);
            }
            0..=3 if open => {
                out.push(Exchange::simple(*maker.pick(&["COMMIT", "ROLLBACK", "END"])));
                open = false;
            }
            4 | 5 if open => {
                let sql = if savepoints == 0 || maker.one_in(2) {
                    savepoints += 1;
                    format!("SAVEPOINT s{savepoints}")
                } else if maker.one_in(4) {
                    format!("RELEASE s{savepoints}")
                } else {
                    format!("ROLLBACK TO s{savepoints}")
                };
                out.push(Exchange::simple(sql));
            }
            6 if open => cursor(maker, &mut out),
            7 => prepared(maker, &mut out),
            14 => super::copy::out(maker, &mut out),
            15 if maker.one_in(2) => super::copy::r#in(maker, &mut out),
            11 if !kept.is_empty() => {
                let part = maker.pick(&kept).clone();
                let mut choose = |operand: &Operand| other_value(maker, operand);
                let doc = part.doc.with_other_values(&mut choose);
                out.push(Exchange { parts: vec![Part { doc, again: true, ..part }], how: How::Extended });
            }
            12 if maker.one_in(3) => out.push(Exchange::simple(*maker.pick(&NOISE))),
            13 if maker.one_in(8) && !open => view(maker, &mut out),
            8 => {
                let mut part = statement(maker);
                let words = *maker.pick(&[
                    "EXPLAIN ",
                    "EXPLAIN (FORMAT json) ",
                    "EXPLAIN (VERBOSE, COSTS off) ",
                    "EXPLAIN ANALYZE ",
                    "EXPLAIN (ANALYZE, FORMAT yaml, TIMING off) ",
                ]);
                part.doc = either(seq![Maker::mark(C::Explain, Mode::Equality), words, part.doc.clone()], part.doc);
                (part.opaque, part.limit, part.rest) = (true, 0, false);
                out.push(Exchange::of(vec![part], maker));
            }
            9 | 10 => {
                let count = 2 + maker.random.below(3);
                let parts = (0..count).map(|_| statement(maker)).collect();
                out.push(Exchange::of(parts, maker));
            }
            _ => {
                let part = statement(maker);
                let exchange = Exchange::of(vec![part], maker);
                if !exchange.parts[0].name.is_empty() && exchange.how == How::Extended {
                    kept.push(exchange.parts[0].clone());
                }
                out.push(exchange);
            }
        }
    }
    if open {
        out.push(Exchange::simple(*maker.pick(&["COMMIT", "ROLLBACK"])));
    }
    // What was written is read again.
    for table in &maker.schema.tables {
        let sql = format!("SELECT * FROM {} ORDER BY id", table.path());
        let mut last = Exchange::simple(sql);
        last.parts[0].ordered = true;
        out.push(last);
    }
    out
}

/// What sessions have beside.
const NOISE: [&str; 8] = [
    "",
    "SELECT 1",
    "SHOW DateStyle",
    "SELEC",
    "SELECT * FROM nosuch",
    "DEALLOCATE ALL",
    "SELECT 1/0",
    "SET application_name = 'twin'; SELECT current_setting('application_name')",
];

/// A value as the operand's, that fits it.
fn other_value(maker: &mut Maker<'_>, operand: &Operand) -> Value {
    let pool = if operand.sealed { crate::pool::sealed(operand.ty) } else { crate::pool::plain(operand.ty) };
    match operand.value {
        Value::Many(_) => Value::Many((0..maker.random.below(4)).map(|_| Some(maker.pick(&pool).clone())).collect()),
        _ if maker.one_in(8) => Value::Null,
        _ => Value::One(maker.pick(&pool).clone()),
    }
}

/// A view that is made through pgveil, used and dropped.
fn view(maker: &mut Maker<'_>, out: &mut Vec<Exchange>) {
    let query = maker.select(1, true);
    if query.doc.shares() {
        return;
    }
    let name = "made";
    let mark = || Maker::mark(C::CreateView, Mode::Equality);
    let create = seq![mark(), format!("CREATE VIEW {name} AS "), query.doc];
    out.push(Exchange { parts: vec![Part::new(create)], how: How::Simple });
    let select = seq![mark(), format!("SELECT * FROM {name}")];
    out.push(Exchange { parts: vec![Part::new(select)], how: *maker.pick(&[How::Simple, How::Extended]) });
    out.push(Exchange::simple(format!("DROP VIEW IF EXISTS {name}")));
}

/// One statement, and how it is sent.
fn statement(maker: &mut Maker<'_>) -> Part {
    maker.dare = maker.one_in(8);
    let mut part = if maker.random.below(5) < 3 {
        let query = maker.query(2);
        Part { ordered: query.ordered, loose: query.loose, ..Part::new(query.doc) }
    } else {
        Part::new(maker.write())
    };
    maker.dare = false;
    if maker.one_in(4) {
        part.name = maker.fresh("st");
    }
    part.describe_statement = maker.one_in(3);
    part.describe_portal = maker.one_in(2) || !part.describe_statement;
    part.binary = maker.one_in(2) && !part.loose;
    part.limit = if part.ordered && maker.one_in(5) { 1 + maker.random.below(3) as i32 } else { 0 };
    part.rest = part.limit > 0 && maker.one_in(2);
    part.twice = maker.one_in(8) && !part.rest;
    part
}

/// PREPARE and EXECUTE.
fn prepared(maker: &mut Maker<'_>, out: &mut Vec<Exchange>) {
    let part = statement(maker);
    let name = maker.fresh("q");
    let rendered = part.doc.render(true);
    let types: Vec<String> = rendered
        .parameters
        .iter()
        .map(|parameter| match &parameter.value {
            crate::doc::Value::Many(_) => format!("{}[]", parameter.ty.name()),
            _ => parameter.ty.name(),
        })
        .collect();
    let types = if types.is_empty() { String::new() } else { format!(" ({})", types.join(", ")) };
    let values: Vec<String> = rendered
        .parameters
        .iter()
        .map(|parameter| Operand::plain(parameter.value.clone(), parameter.ty).literal())
        .collect();
    let values = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
    let marks = rendered.marks.iter().map(|&(construct, mode)| Doc::Mark(construct, mode));
    let mut marks: Vec<Doc> = marks.collect();
    marks.push(Maker::mark(C::Prepare, Mode::Equality));
    let prepare = Doc::Seq(vec![Doc::Seq(marks.clone()), text(format!("PREPARE {name}{types} AS {}", rendered.sql))]);
    out.push(Exchange { parts: vec![Part::new(prepare)], how: How::Simple });
    for _ in 0..1 + maker.random.below(2) {
        let execute = Doc::Seq(vec![Doc::Seq(marks.clone()), text(format!("EXECUTE {name}{values}"))]);
        let run = Part { ordered: part.ordered, loose: part.loose, ..Part::new(execute) };
        out.push(Exchange { parts: vec![run], how: *maker.pick(&[How::Simple, How::Simple, How::Extended]) });
    }
}

/// DECLARE and FETCH, within a transaction.
fn cursor(maker: &mut Maker<'_>, out: &mut Vec<Exchange>) {
    let query = maker.select(1, false);
    if !query.ordered || query.doc.shares() {
        return;
    }
    let name = maker.fresh("cur");
    let scroll = *maker.pick(&["CURSOR", "SCROLL CURSOR", "NO SCROLL CURSOR", "CURSOR WITH HOLD"]);
    let mark = Maker::mark(C::Cursor, Mode::Equality);
    let declare = seq![mark, format!("DECLARE {name} {scroll} FOR "), query.doc.clone()];
    out.push(Exchange { parts: vec![Part::new(declare)], how: How::Simple });
    for _ in 0..1 + maker.random.below(3) {
        let fetch =
            *maker.pick(&["FETCH 2 FROM", "FETCH NEXT FROM", "FETCH ALL IN", "MOVE 1 IN", "FETCH FORWARD 1 FROM"]);
        let mut part = Part::new(seq![Maker::mark(C::Cursor, Mode::Equality), format!("{fetch} {name}")]);
        part.ordered = true;
        out.push(Exchange { parts: vec![part], how: *maker.pick(&[How::Simple, How::Extended]) });
    }
    out.push(Exchange { parts: vec![Part::new(text(format!("CLOSE {name}")))], how: How::Simple });
}
