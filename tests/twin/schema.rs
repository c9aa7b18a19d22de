//! Random schemas: tables with sealed and plain columns, their policy, their rows.

use std::fmt::Write as _;

use crate::{
    doc::{Doc, Operand, Value, text},
    matrix::Mode,
    pool, seq,
    shim::Random,
    ty::Ty,
};

/// A column of a table, or of anything else that can stand in FROM.
#[derive(Clone, Debug)]
pub struct Column {
    /// As it is in the catalog.
    pub name: String,
    pub ty: Ty,
    pub mode: Mode,
    /// Columns of one domain compare; of one identity they hold each other's values.
    pub domain: String,
    pub identity: String,
    pub not_null: bool,
    pub unique: bool,
    pub default: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    /// Another schema than `public`.
    pub schema: Option<&'static str>,
    /// `id integer PRIMARY KEY` and `k integer` come first.
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Option<String>>>,
}

#[derive(Clone, Debug)]
pub struct View {
    pub name: String,
    pub columns: Vec<Column>,
    pub query: String,
}

#[derive(Clone, Debug)]
pub struct Schema {
    pub tables: Vec<Table>,
    pub views: Vec<View>,
}

/// A name as SQL writes it.
pub fn ident(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name != "select";
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

impl Table {
    /// As statements name it.
    pub fn path(&self) -> String {
        self.schema.map_or_else(|| ident(&self.name), |schema| format!("{schema}.{}", ident(&self.name)))
    }
}

impl Column {
    pub fn plain(name: &str, ty: Ty) -> Self {
        Self {
            name: name.to_owned(),
            ty,
            mode: Mode::Plain,
            domain: String::new(),
            identity: String::new(),
            not_null: false,
            unique: false,
            default: None,
        }
    }

    pub fn sealed(&self) -> bool {
        self.mode != Mode::Plain
    }

    /// Values that it can take.
    pub fn pool(&self) -> Vec<String> {
        if self.sealed() { pool::sealed(self.ty) } else { pool::plain(self.ty) }
    }
}

impl Schema {
    pub fn random(random: &mut Random) -> Self {
        // What columns of several tables have in common: they can be joined, and some copied.
        let shared: Vec<Ty> = (0..2).map(|_| searchable(random)).collect();
        let copied = (Ty::ALL[random.below(Ty::ALL.len())], random.below(2) == 0);
        let odd_names = ["Secret x", "select", "größe", "Mixed", "a\"b"];
        let mut tables: Vec<Table> = Vec::new();
        for t in 0..2 + random.below(3) {
            let name = if random.below(5) == 0 { format!("Odd T{t}") } else { format!("t{t}") };
            let mut columns = vec![
                Column { not_null: true, unique: true, ..Column::plain("id", Ty::Int4) },
                Column { default: (random.below(2) == 0).then(|| "3".to_owned()), ..Column::plain("k", Ty::Int4) },
            ];
            let mut add = |mut column: Column, random: &mut Random| {
                if column.ty.element().is_some() && column.mode == Mode::Equality {
                    column.mode = Mode::Randomized;
                    column.unique = false;
                }
                let n = columns.len();
                let odd = random.below(5) == 0;
                let name_of = odd_names.get(n - 2).filter(|_| odd);
                column.name = name_of.map_or_else(|| format!("c{n}"), |name| (*name).to_owned());
                column.not_null = random.below(5) == 0;
                if column.identity.is_empty() {
                    column.identity = format!("{name}.{}", column.name);
                }
                if column.domain.is_empty() {
                    column.domain = column.identity.clone();
                }
                columns.push(column);
            };
            for (i, ty) in shared.iter().enumerate() {
                if t < 2 || random.below(2) == 0 {
                    let kin = ty.kin();
                    // char(n) and text compare otherwise than equal tokens do, see `Ty::kin`.
                    let ty = if random.below(3) == 0 { kin[random.below(kin.len())] } else { *ty };
                    let unique = random.below(4) == 0 && ty != Ty::Bool;
                    let column = Column { mode: Mode::Equality, unique, ..Column::plain("", ty) };
                    add(Column { domain: format!("shared{i}"), ..column }, random);
                }
            }
            if t < 2 || random.below(2) == 0 {
                let mode = if copied.1 { Mode::Equality } else { Mode::Randomized };
                let column = Column { mode, identity: "copied".to_owned(), ..Column::plain("", copied.0) };
                add(column, random);
            }
            for _ in 0..1 + random.below(4) {
                let ty = Ty::ALL[random.below(Ty::ALL.len())];
                let mode = [Mode::Plain, Mode::Randomized, Mode::Equality][random.below(3)];
                let unique = mode == Mode::Equality && random.below(3) == 0 && ty != Ty::Bool;
                let default = (mode == Mode::Plain && random.below(3) == 0)
                    .then(|| format!("'{}'", pool::plain(ty)[0].replace('\'', "''")));
                add(Column { mode, unique, default, ..Column::plain("", ty) }, random);
            }
            tables.push(Table { name, schema: None, columns, rows: Vec::new() });
        }
        if random.below(2) == 0 {
            // The same name elsewhere, in plaintext.
            let first = &tables[0];
            let plain =
                |column: &Column| Column { unique: column.name == "id", ..Column::plain(&column.name, column.ty) };
            let columns = first.columns.iter().map(plain).collect();
            tables.push(Table { name: first.name.clone(), schema: Some("side"), columns, rows: Vec::new() });
        }
        for table in &mut tables {
            table.rows = rows(table, random);
        }
        let mut schema = Self { tables, views: Vec::new() };
        for v in 0..1 + random.below(2) {
            let view = schema.view(v, random);
            schema.views.push(view);
        }
        schema
    }

    fn view(&self, number: usize, random: &mut Random) -> View {
        let table = &self.tables[random.below(self.tables.len())];
        let mut columns = Vec::new();
        let mut outputs = Vec::new();
        for (i, column) in table.columns.iter().enumerate() {
            if i > 0 && random.below(4) == 0 {
                continue;
            }
            let renamed = random.below(3) == 0 && i > 1;
            let name = if renamed { format!("r{i}") } else { column.name.clone() };
            outputs.push(if renamed { format!("{} AS {name}", ident(&column.name)) } else { ident(&name) });
            columns.push(Column { name, not_null: false, unique: i == 0, default: None, ..column.clone() });
        }
        let mut query = format!("SELECT {} FROM {}", outputs.join(", "), table.path());
        if random.below(2) == 0 {
            query.push_str(" WHERE k IS NOT NULL");
        }
        View { name: format!("v{number}"), columns, query }
    }

    /// Definitions of the tables.
    pub fn ddl(&self) -> String {
        let mut labels = pool::plain(Ty::Feeling);
        labels.extend(pool::sealed(Ty::Feeling));
        let labels: Vec<String> = labels.iter().map(|label| format!("'{}'", label.replace('\'', "''"))).collect();
        let mut out = format!("CREATE SCHEMA side;\nCREATE TYPE feeling AS ENUM ({});\n", labels.join(", "));
        for table in &self.tables {
            let mut parts = Vec::new();
            for column in &table.columns {
                let mut part = format!("{} {}", ident(&column.name), column.ty.name());
                if column.name == "id" {
                    part.push_str(" PRIMARY KEY");
                } else if column.unique {
                    part.push_str(" UNIQUE");
                }
                if column.not_null {
                    part.push_str(" NOT NULL");
                }
                if let Some(default) = &column.default {
                    let _ = write!(part, " DEFAULT {default}");
                }
                parts.push(part);
            }
            let _ = writeln!(out, "CREATE TABLE {} ({});", table.path(), parts.join(", "));
        }
        out
    }

    /// Definitions of the views; they are made when the columns are sealed.
    pub fn views_ddl(&self) -> String {
        self.views.iter().map(|view| format!("CREATE VIEW {} AS {};\n", ident(&view.name), view.query)).collect()
    }

    /// The policy's `tables:`.
    pub fn policy(&self) -> String {
        let quoted = |name: &str| format!("'{}'", name.replace('\'', "''"));
        let mut out = String::new();
        for table in &self.tables {
            if !table.columns.iter().any(Column::sealed) {
                continue;
            }
            let name =
                if table.name.contains(' ') { quoted(&format!("public.{}", table.name)) } else { table.name.clone() };
            let _ = writeln!(out, "{name}:\n  columns:");
            for column in table.columns.iter().filter(|column| column.sealed()) {
                let _ = write!(out, "    {}: {{ type: '{}'", quoted(&column.name), column.ty.name());
                if column.mode == Mode::Equality {
                    let _ = write!(
                        out,
                        ", mode: equality, domain: '{}', allow_low_cardinality: true",
                        column.domain.replace('\'', "''")
                    );
                }
                if column.identity == "copied" {
                    out.push_str(", identity: copied");
                }
                out.push_str(" }\n");
            }
        }
        out
    }

    /// Statements that make the tables' contents what they are at the start of each session.
    pub fn reset(&self) -> Vec<String> {
        let mut out: Vec<String> = self.tables.iter().map(|table| format!("DELETE FROM {}", table.path())).collect();
        for table in &self.tables {
            let heads = table.columns.iter().map(|column| text(ident(&column.name))).collect();
            let rows = table.rows.iter().map(|row| {
                row.iter()
                    .zip(&table.columns)
                    .map(|(value, column)| {
                        Doc::Operand(Operand::plain(value.clone().map_or(Value::Null, Value::One), column.ty))
                    })
                    .collect()
            });
            let grid = Doc::Grid { heads, between: " VALUES ", rows: rows.collect() };
            out.push(seq!["INSERT INTO ", table.path(), " ", grid].render(false).sql);
        }
        out
    }

    /// Sealed plaintexts that are long or odd enough to be looked for in what travels upstream.
    pub fn secrets(&self) -> Vec<Vec<u8>> {
        let mut out = vec![pool::MARK.as_bytes().to_vec(), const_hex::encode(pool::MARK).into_bytes()];
        for column in self.tables.iter().flat_map(|table| &table.columns).filter(|column| column.sealed()) {
            for value in pool::sealed(column.ty) {
                let odd = value.len() >= 10 && value.contains(|c: char| !c.is_ascii_hexdigit());
                let digits = value.trim_start_matches("\\x");
                if odd || digits.len() >= 15 {
                    out.push(digits.as_bytes().to_vec());
                }
                // What is small or even looks like lengths and NULLs of messages.
                let different = |bytes: &[u8]| bytes.iter().collect::<std::collections::HashSet<_>>().len();
                if let Some(bytes) = column.ty.binary(&value).filter(|bytes| bytes.len() >= 8 && different(bytes) >= 6)
                {
                    out.push(const_hex::encode(&bytes).into_bytes());
                    out.push(bytes);
                }
            }
        }
        out.retain(|secret| !secret.iter().all(|byte| matches!(byte, b'0' | b'-')));
        out.sort();
        out.dedup();
        out
    }
}

fn searchable(random: &mut Random) -> Ty {
    let types: Vec<Ty> = Ty::ALL.into_iter().filter(|ty| *ty != Ty::Bool && ty.element().is_none()).collect();
    types[random.below(types.len())]
}

fn rows(table: &Table, random: &mut Random) -> Vec<Vec<Option<String>>> {
    let mut rows: Vec<Vec<Option<String>>> = Vec::new();
    for id in 1..=4 + random.below(5) {
        let mut row = Vec::new();
        for (c, column) in table.columns.iter().enumerate() {
            let pool = column.pool();
            let value = match c {
                0 => Some(id.to_string()),
                1 => (random.below(6) > 0).then(|| random.below(6).to_string()),
                _ if !column.not_null && random.below(5) == 0 => None,
                _ => Some(pool[random.below(pool.len())].clone()),
            };
            row.push(value);
        }
        rows.push(row);
    }
    // Unique columns: each value of the pool that is surely not equal to another once.
    for (c, column) in table.columns.iter().enumerate().skip(2).filter(|(_, column)| column.unique) {
        let distinct = distinct(column);
        rows.truncate(distinct.len());
        for (row, value) in rows.iter_mut().zip(distinct) {
            row[c] = Some(value);
        }
    }
    rows
}

/// Values of a column's pool no two of which are equal, whatever the type makes of them.
fn distinct(column: &Column) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let fold = |value: &String| -> String {
        let value = match value.as_str() {
            // A month is 30 days to an interval, and ff:fe is put into a macaddr.
            "1 mon" => "30 days",
            "08002b010203" => "08:00:2b:ff:fe:01:02:03",
            value => value,
        };
        let kept = value.chars().filter(|c| !c.is_whitespace() && !matches!(c, '.' | '0' | '-' | '{' | '}'));
        let mut kept: Vec<char> = kept.flat_map(char::to_lowercase).collect();
        // The keys of an object have no order.
        kept.sort_unstable();
        kept.into_iter().collect()
    };
    column.pool().into_iter().filter(|value| seen.insert(fold(value))).collect()
}
