//! Statements over given tables, made from choices: whatever meets a sealed column contains
//! [`SECRET`], and nothing else does.

use super::random::Choices;

/// In every literal that is compared with, or stored in, a sealed column.
pub const SECRET: &str = "secret";

/// A statement.
pub struct Made {
    pub text: String,
    /// Names a protected table.
    pub protected: bool,
    /// Parameters (`$1` is 1) that meet sealed columns.
    pub sealed_params: Vec<usize>,
}

/// A column that can be named: how, and is it sealed?
#[derive(Clone)]
struct Column {
    name: String,
    sealed: bool,
}

/// Name in FROM, columns; `!` marks sealed ones.
pub type Table = (&'static str, &'static str);

/// The golden catalog's.
pub const GOLDEN: [Table; 9] = [
    ("people", "id name !email !ssn !birth !salary !notes city"),
    ("public.people", "id name !email !ssn !birth !salary !notes city"),
    ("\"people\"", "id name !email !ssn !birth !salary !notes city"),
    ("contacts", "id person_id !mail !phone"),
    ("archive.people_2019", "id !ssn"),
    ("\"OddName\"", "id !\"Secret x\" !\"Email\""),
    ("orders", "id person_id total note email tags"),
    ("cities", "id name"),
    ("other.people", "id name email"),
];

struct Maker<'a, 'c> {
    tables: &'c [Table],
    tame: bool,
    choices: &'c mut Choices<'a>,
    /// For names that occur once.
    count: usize,
    protected: bool,
    sealed_params: Vec<usize>,
    depth: usize,
    /// Common table expressions in sight.
    ctes: Vec<(String, Vec<Column>)>,
}

/// Makes a statement over these tables. A tame one mostly runs, and gives the same wherever it does.
pub fn statement(tables: &[Table], tame: bool, choices: &mut Choices<'_>) -> Made {
    let mut maker = Maker {
        tables,
        tame,
        choices,
        count: 0,
        protected: false,
        sealed_params: Vec::new(),
        depth: 0,
        ctes: Vec::new(),
    };
    let explain = if !tame && maker.choices.one_in(8) { "EXPLAIN " } else { "" };
    let with = maker.with();
    let body = match maker.choices.below(5) {
        0 => maker.insert(),
        1 => maker.update(),
        2 => maker.delete(),
        _ => maker.select(&[]).0,
    };
    let text = format!("{explain}{with}{body}");
    // Some values were made and left out.
    maker.sealed_params.retain(|param| {
        let name = format!("${param}");
        let mut places = text.match_indices(&name);
        places.any(|(at, _)| !text[at + name.len()..].starts_with(|next: char| next.is_ascii_digit()))
    });
    Made { text, protected: maker.protected, sealed_params: maker.sealed_params }
}

fn columns(of: &str, qualifier: &str) -> Vec<Column> {
    // A blank inside quotes belongs to the name.
    let mut parts: Vec<String> = Vec::new();
    for part in of.split(' ') {
        match parts.last_mut() {
            Some(last) if last.matches('"').count() == 1 => *last = format!("{last} {part}"),
            _ => parts.push(part.to_owned()),
        }
    }
    let column = |part: String| Column {
        sealed: part.starts_with('!'),
        name: format!("{qualifier}{}", part.trim_start_matches('!')),
    };
    parts.into_iter().map(column).collect()
}

impl Maker<'_, '_> {
    fn fresh(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}{}", self.count)
    }

    fn table(&mut self) -> (&'static str, &'static str) {
        let (name, of) = self.choices.pick(self.tables);
        self.protected |= of.contains('!');
        (name, of)
    }

    fn with(&mut self) -> String {
        if !self.choices.one_in(4) {
            return String::new();
        }
        let (name, (query, columns)) = (self.fresh("w"), self.query(&[]));
        self.ctes.push((name.clone(), columns));
        format!("WITH {name} AS ({query}) ")
    }

    /// A SELECT, or a statement with RETURNING (only at the top of a CTE, which is what this is for).
    fn query(&mut self, outer: &[Column]) -> (String, Vec<Column>) {
        self.depth += 1;
        let made = self.select(outer);
        self.depth -= 1;
        made
    }

    /// Items of FROM and the columns that they give.
    fn from(&mut self, outer: &[Column]) -> (String, Vec<Column>) {
        let (mut text, mut all) = self.item(outer);
        for _ in 0..self.choices.below(3).min(2) {
            let (item, more) = self.item(outer);
            match self.choices.below(3) {
                0 => {
                    text = format!("{text}, {item}");
                    all.extend(more);
                }
                1 => {
                    all.extend(more);
                    let on = self.condition(&all.clone());
                    text = format!("{text} JOIN {item} ON {on}");
                }
                _ => {
                    all.extend(more);
                    let on = self.condition(&all.clone());
                    text = format!("{text} LEFT JOIN {item} ON {on}");
                }
            }
        }
        (text, all)
    }

    fn item(&mut self, outer: &[Column]) -> (String, Vec<Column>) {
        let alias = self.fresh("t");
        let qualifier = format!("{alias}.");
        match self.choices.below(8) {
            0 if self.depth < 3 => {
                let (query, out) = self.query(&[]);
                (format!("({query}) AS {alias}"), requalified(&out, &qualifier))
            }
            1 if self.depth < 3 => {
                let (query, out) = self.query(outer);
                (format!("LATERAL ({query}) {alias}"), requalified(&out, &qualifier))
            }
            2 => match self.ctes.last().cloned() {
                Some((name, out)) => (format!("{name} {alias}"), requalified(&out, &qualifier)),
                None if self.tame => (format!("unnest(ARRAY['plain1', NULL]) AS {alias}(n)"), columns("n", &qualifier)),
                None => (format!("generate_series(1, 2) AS {alias}(n)"), columns("n", &qualifier)),
            },
            3 => (
                format!("(VALUES ('plain1', 'plain'), ('plain2', NULL)) AS {alias}(id, v)"),
                columns("id v", &qualifier),
            ),
            _ => {
                let (name, of) = self.table();
                (format!("{name} AS {alias}"), columns(of, &qualifier))
            }
        }
    }

    fn select(&mut self, outer: &[Column]) -> (String, Vec<Column>) {
        let (from, mut scope) = self.from(outer);
        let own = scope.clone();
        scope.extend_from_slice(outer);
        let (mut targets, mut out) = (Vec::new(), Vec::new());
        for _ in 0..=self.choices.below(3) {
            let name = self.fresh("c");
            if self.choices.one_in(4) {
                targets.push(format!("({}) AS {name}", self.condition(&scope)));
                out.push(Column { name, sealed: false });
            } else {
                let column = &own[self.choices.below(own.len())];
                targets.push(format!("{} AS {name}", column.name));
                out.push(Column { name, sealed: column.sealed });
            }
        }
        let mut text = format!("SELECT {} FROM {from}", targets.join(", "));
        if !self.choices.one_in(3) {
            text = format!("{text} WHERE {}", self.condition(&scope));
        }
        match self.choices.below(6) {
            0 if !self.tame => text.push_str(" LIMIT 3"),
            1 => text = format!("{text} ORDER BY {}", self.condition(&scope)),
            2 => text.push_str(" FOR UPDATE"),
            _ => {}
        }
        (text, out)
    }

    /// Something boolean.
    fn condition(&mut self, scope: &[Column]) -> String {
        self.depth += 1;
        let text = match self.choices.below(9) {
            0 if self.depth < 5 => format!("({} AND {})", self.condition(scope), self.condition(scope)),
            1 if self.depth < 5 => format!("({} OR NOT {})", self.condition(scope), self.condition(scope)),
            2 if self.depth < 4 => format!("EXISTS ({})", self.query(scope).0),
            3 if self.depth < 4 => {
                let (query, out) = self.query(scope);
                let column = &scope[self.choices.below(scope.len())];
                match out.as_slice() {
                    [_] => format!("{} IN ({query})", column.name),
                    _ => format!("EXISTS ({query})"),
                }
            }
            4 => {
                let column = &scope[self.choices.below(scope.len())];
                format!("{} IS {}NULL", column.name, self.choices.pick(&["", "NOT "]))
            }
            5 => {
                let (a, b) = (self.choices.below(scope.len()), self.choices.below(scope.len()));
                if self.tame && scope[a].sealed != scope[b].sealed {
                    self.depth -= 1;
                    return format!("{} IS NULL", scope[a].name);
                }
                format!("{} {} {}", scope[a].name, self.operator(), scope[b].name)
            }
            _ => {
                let at = self.choices.below(scope.len());
                let column = scope[at].clone();
                self.comparison(&column)
            }
        };
        self.depth -= 1;
        text
    }

    fn operator(&mut self) -> &'static str {
        if self.tame && !self.choices.one_in(6) {
            return self.choices.pick(&["=", "<>", "=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]);
        }
        self.choices.pick(&[
            "=",
            "<>",
            "=",
            "IS DISTINCT FROM",
            "IS NOT DISTINCT FROM",
            "<",
            "LIKE",
            "OPERATOR(pg_catalog.=)",
            "!~~",
            if self.tame { ">=" } else { "||" },
        ])
    }

    fn comparison(&mut self, column: &Column) -> String {
        let name = &column.name;
        let operator = self.operator();
        let mut value = || self.value(column.sealed);
        let (a, b) = (value(), value());
        let form = match self.choices.below(14) {
            4..=8 | 11 | 12 if self.tame && !self.choices.one_in(12) => 13,
            form => form,
        };
        match form {
            0 => format!("{name} IN ({a}, {b})"),
            1 => format!("{name} NOT IN ({a})"),
            2 => format!("{name} = ANY (ARRAY[{a}, {b}])"),
            3 => format!("{name} <> ALL (ARRAY[{a}]::text[])"),
            4 => format!("{name} BETWEEN {a} AND {b}"),
            5 => format!("({name}, 1) = ({a}, 1)"),
            6 => format!("CASE WHEN {name} = {a} THEN true ELSE {b} = {name} END"),
            7 => format!("CASE {name} WHEN {a} THEN true END"),
            8 => format!("COALESCE({name}, {a}) = {b}"),
            9 => format!("{a} {operator} {name}"),
            10 => format!("({name} = {a}) = ({b} = {name})"),
            11 => format!("ROW({name}) IS NOT DISTINCT FROM ROW({a})"),
            12 => format!("EXISTS (SELECT 1 FROM (VALUES ({a})) v(x) WHERE v.x = {name})"),
            _ => format!("{name} {operator} {a}"),
        }
    }

    /// A value in some spelling, secret if it meets a sealed column.
    fn value(&mut self, sealed: bool) -> String {
        let word = if sealed { SECRET } else { "plain" };
        let n = self.choices.below(10);
        // A parameter that meets both kinds of columns is refused; mostly it meets one.
        let param = if sealed || n == 9 { 2 * n + 1 } else { 2 * n + 2 };
        let choice = match self.choices.below(24) {
            9..=17 if self.tame && !self.choices.one_in(12) => 23,
            choice => choice,
        };
        if sealed && matches!(choice, 19 | 20) {
            self.sealed_params.push(param);
        }
        match choice {
            0 => format!("E'{word}\\t{n}'"),
            1 => format!("$${word}{n}$$"),
            2 => format!("U&'{word}{n}'"),
            3 => format!("'{word}{n}'::text"),
            4 => format!("CAST('{word}{n}' AS varchar(9))"),
            5 => format!("varchar '{word}'"),
            6 => format!("('{word}{n}'::text)::varchar"),
            7 => format!("N'{word}'"),
            8 => format!("('{word}' COLLATE \"C\")"),
            9 => format!("lower('{word}')"),
            10 => format!("('{word}' || '{n}')"),
            11 => format!("COALESCE(NULL, '{word}')"),
            12 => format!("(SELECT '{word}')"),
            13 => format!("(VALUES ('{word}'))"),
            14 => format!("CASE WHEN true THEN '{word}' END"),
            15 => format!("'{word}'::unheard_of"),
            16 => format!("(ARRAY['{word}'])[1]"),
            17 => format!("NULLIF('{word}', '')"),
            18 => "NULL".to_owned(),
            19 => format!("${param}"),
            20 => format!("${param}::text"),
            21 => format!("'{word}'\n'{n}'"),
            22 => format!("(('{word}'))"),
            _ => format!("'{word}{n}'"),
        }
    }

    /// Values for the columns of a table, in order.
    fn assignments(&mut self, of: &str) -> Vec<(String, String)> {
        let all = columns(of, "");
        (0..=self.choices.below(3))
            .map(|_| {
                let column = all[self.choices.below(all.len())].clone();
                let value = if self.choices.one_in(6) { "DEFAULT".to_owned() } else { self.value(column.sealed) };
                (column.name, value)
            })
            .collect()
    }

    fn insert(&mut self) -> String {
        let (name, of) = self.table();
        let (columns, values): (Vec<_>, Vec<_>) = self.assignments(of).into_iter().unzip();
        let list = columns.join(", ");
        let source = match self.choices.below(5) {
            0 => format!("SELECT {}", values.join(", ").replace("DEFAULT", "NULL")),
            1 => format!("VALUES ({}), ({})", values.join(", "), values.join(", ")),
            _ => format!("VALUES ({})", values.join(", ")),
        };
        let conflict = match self.choices.below(4) {
            0 => " ON CONFLICT DO NOTHING".to_owned(),
            1 => format!(" ON CONFLICT (id) DO UPDATE SET {}", self.set(of)),
            _ => String::new(),
        };
        format!("INSERT INTO {name} AS u ({list}) {source}{conflict}{}", self.returning(of))
    }

    fn set(&mut self, of: &str) -> String {
        let assignments = self.assignments(of);
        match self.choices.below(4) {
            0 => {
                let (columns, values): (Vec<_>, Vec<_>) = assignments.into_iter().unzip();
                format!("({}) = ROW ({})", columns.join(", "), values.join(", "))
            }
            1 => {
                let (columns, values): (Vec<_>, Vec<_>) = assignments.into_iter().unzip();
                format!("({}) = (SELECT {})", columns.join(", "), values.join(", ").replace("DEFAULT", "NULL"))
            }
            _ => {
                let items: Vec<_> = assignments.iter().map(|(column, value)| format!("{column} = {value}")).collect();
                items.join(", ")
            }
        }
    }

    fn update(&mut self) -> String {
        let (name, of) = self.table();
        let mut scope = columns(of, "u.");
        let set = self.set(of);
        let mut text = format!("UPDATE {name} AS u SET {set}");
        if self.choices.one_in(3) {
            let (from, more) = self.from(&[]);
            scope.extend(more);
            text = format!("{text} FROM {from}");
        }
        let condition = self.condition(&scope);
        format!("{text} WHERE {condition}{}", self.returning(of))
    }

    fn delete(&mut self) -> String {
        let (name, of) = self.table();
        let condition = self.condition(&columns(of, "u."));
        format!("DELETE FROM {name} AS u WHERE {condition}{}", self.returning(of))
    }

    fn returning(&mut self, of: &str) -> String {
        match self.choices.below(4) {
            0 => " RETURNING *".to_owned(),
            1 => format!(" RETURNING {} AS r", self.condition(&columns(of, "u."))),
            _ => String::new(),
        }
    }
}

/// The output columns of a query as another sees them.
fn requalified(out: &[Column], qualifier: &str) -> Vec<Column> {
    out.iter().map(|c| Column { name: format!("{qualifier}{}", c.name), sealed: c.sealed }).collect()
}
