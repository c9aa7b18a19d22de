//! What `pgveil check` says about a policy and the live catalog.

use super::{
    Catalog, Column, Relation,
    bodies::{Matcher, Spelling},
    survey::{Expression, Index, Stats, Survey, Table},
};
use crate::config::{Mode, ProtectedColumn};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Wrong results, lost protection or refused statements: must be dealt with.
    Error,
    /// Works, but not as well or as safely as it could.
    Warning,
    /// Good to know.
    Info,
}

/// One finding about a policy and the live catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Stable code with an anchor in docs/errors.md, e.g. `catalog/missing-index`.
    pub code: &'static str,
    /// Schema and table that it is about, if it is about one.
    pub table: Option<(String, String)>,
    /// Column that it is about, if it is about one.
    pub column: Option<String>,
    /// What is found.
    pub message: String,
    /// What to do, with the exact statement where there is one.
    pub hint: Option<String>,
}

/// Below this many distinct values equality tokens give most of them away by their frequencies.
const FEW: f64 = 100.0;

/// Everything worth saying, errors first, then by table and column.
pub fn findings(catalog: &Catalog, survey: &Survey) -> Vec<Finding> {
    let mut list = Vec::new();
    list.extend(catalog.mismatches.iter().map(|m| Finding {
        severity: Severity::Error,
        code: m.code,
        table: Some(m.table.clone()),
        column: m.column.clone(),
        message: m.message.clone(),
        hint: Some(m.hint.clone()),
    }));
    around(catalog, survey, &mut list);
    for (oid, table) in &survey.tables {
        let Some(relation) = catalog.relations.get(oid) else { continue };
        of_table(relation, table, &mut list);
        for column in relation.columns.iter().filter(|c| c.sealed.is_some()) {
            let protected = column.sealed.and_then(|ordinal| catalog.columns.get(ordinal));
            let Some(protected) = protected else { continue };
            let about = About { relation, table, column, protected };
            about.triggers(&mut list);
            about.policies(&mut list);
            about.constraints(&mut list);
            about.expressions(&mut list);
            about.indexes(&mut list);
        }
    }
    list.sort_by(|a, b| (a.severity, &a.table, &a.column, a.code).cmp(&(b.severity, &b.table, &b.column, b.code)));
    list
}

/// What stands around protected tables: relations and functions that reach them.
fn around(catalog: &Catalog, survey: &Survey, list: &mut Vec<Finding>) {
    let sealed = catalog.sealed_domain;
    for relation in catalog.relations.values() {
        let named = catalog.columns.iter().any(|c| c.schema == relation.schema && c.table == relation.name);
        if let (Some(reason), false) = (&relation.refused, named) {
            let hint = "statements that name it are refused; query the protected table itself";
            list.push(about(relation, Severity::Warning, "catalog/reaches", reason.clone(), hint));
        }
        if let Some(reason) = catalog.firing.get(&relation.oid) {
            let message = format!("writing to \"{}\" may call a function: {reason}", relation.display());
            let hint = "what the function does happens in the server, on sealed values: make sure that it does not compare or change them";
            list.push(about(relation, Severity::Warning, "catalog/firing", message, hint));
        }
        let strays = relation.columns.iter().filter(|c| {
            c.sealed.is_none()
                && sealed == Some(c.type_oid)
                && matches!(relation.kind, 'r' | 'p')
                && relation.refused.is_none()
        });
        for column in strays {
            let message = format!(
                "column \"{}.{}\" has type pgveil.sealed but the policy does not name it",
                relation.display(),
                column.name
            );
            let hint =
                "name it in the policy, with the `identity:` under which its values were sealed if that is another";
            let mut finding = about(relation, Severity::Warning, "catalog/unlisted-column", message, hint);
            finding.column = Some(column.name.clone());
            list.push(finding);
        }
    }
    for (name, reason) in &catalog.tainted_functions {
        list.push(Finding {
            severity: Severity::Warning,
            code: "catalog/function",
            table: None,
            column: None,
            message: reason.clone(),
            hint: Some(format!(
                "calls are refused; if it does not compare, change or return sealed values, list it in the table's `allow_functions: [{name}]`"
            )),
        });
    }
    if survey.public_usage == Some(false) {
        list.push(Finding {
            severity: Severity::Warning,
            code: "catalog/privilege",
            table: None,
            column: None,
            message: "not everyone may use the schema pgveil".to_owned(),
            hint: Some("GRANT USAGE ON SCHEMA pgveil TO PUBLIC".to_owned()),
        });
    }
}

fn of_table(relation: &Relation, table: &Table, list: &mut Vec<Finding>) {
    let shown = relation.display();
    for rule in &table.rules {
        let message = format!("table \"{shown}\" has the rule \"{rule}\", which rewrites statements in the server");
        let hint = "make sure that it does not compare or change sealed values; a trigger is easier to reason about";
        list.push(about(relation, Severity::Warning, "catalog/rule", message, hint));
    }
    let mut grants = Vec::new();
    if table.missing_usage {
        grants.push(format!("GRANT USAGE ON SCHEMA {} TO {}", schema_of(&table.quoted), table.role));
    }
    if !table.missing_privileges.is_empty() {
        grants.push(format!("GRANT {} ON {} TO {}", table.missing_privileges.join(", "), table.quoted, table.role));
    }
    if !grants.is_empty() {
        let message = format!("the service role {} may not read and write table \"{shown}\"", table.role);
        let hint = format!("`pgveil check` writes its probe row with these rights: {}", grants.join("; "));
        list.push(about(relation, Severity::Warning, "catalog/privilege", message, hint));
    }
    if table.rows_hidden {
        let message = format!("row security of table \"{shown}\" may hide rows from the service role {}", table.role);
        let hint = format!("sweeps need to see every row: ALTER ROLE {} BYPASSRLS", table.role);
        list.push(about(relation, Severity::Warning, "catalog/row-security", message, hint));
    }
}

/// The schema of a quoted `schema.table`: everything before the last dot outside quotes.
fn schema_of(quoted: &str) -> &str {
    let mut inside = false;
    let dot = quoted.bytes().position(|b| {
        inside ^= b == b'"';
        b == b'.' && !inside
    });
    dot.and_then(|at| quoted.get(..at)).unwrap_or(quoted)
}

fn about(
    relation: &Relation,
    severity: Severity,
    code: &'static str,
    message: String,
    hint: impl Into<String>,
) -> Finding {
    Finding {
        severity,
        code,
        table: Some((relation.schema.clone(), relation.name.clone())),
        column: None,
        message,
        hint: Some(hint.into()),
    }
}

/// One sealed column and what is around it.
struct About<'a> {
    relation: &'a Relation,
    table: &'a Table,
    column: &'a Column,
    protected: &'a ProtectedColumn,
}

impl About<'_> {
    fn path(&self) -> String {
        format!("{}.{}", self.relation.display(), self.column.name)
    }

    /// The column's name as SQL has it.
    fn quoted(&self) -> &str {
        self.table.columns.get(&self.column.number).unwrap_or(&self.column.name)
    }

    fn reads(&self, columns: Option<&Vec<i16>>) -> bool {
        columns.is_some_and(|list| list.contains(&self.column.number))
    }

    fn add(
        &self,
        list: &mut Vec<Finding>,
        severity: Severity,
        code: &'static str,
        message: String,
        hint: impl Into<String>,
    ) {
        let mut finding = about(self.relation, severity, code, message, hint);
        finding.column = Some(self.column.name.clone());
        list.push(finding);
    }

    fn triggers(&self, list: &mut Vec<Finding>) {
        let name = Matcher::new([(Spelling::Word(&self.column.name), ())]);
        for trigger in self.table.triggers.iter().filter(|t| t.row) {
            let in_body = name.first(&trigger.body).is_some();
            if !in_body && !self.reads(trigger.when.as_ref()) {
                continue;
            }
            let severity = if trigger.before && in_body { Severity::Error } else { Severity::Warning };
            let place = if in_body { format!("function {}", trigger.function) } else { "WHEN".to_owned() };
            let message = format!(
                "the {} of trigger \"{}\" names column \"{}\"; it sees sealed bytes there",
                place,
                trigger.name,
                self.path()
            );
            let hint = if trigger.before {
                "do what it does to the value in the application or with `normalize:`; a changed value no longer opens"
            } else {
                "copies of the value keep this column's identity; comparisons of it are never true (values are sealed anew on every write)"
            };
            self.add(list, severity, "catalog/trigger", message, hint);
        }
    }

    fn policies(&self, list: &mut Vec<Finding>) {
        for policy in self.table.policies.iter().filter(|p| self.reads(p.columns.as_ref())) {
            let message =
                format!("row security policy \"{}\" compares column \"{}\" as sealed bytes", policy.name, self.path());
            self.add(
                list,
                Severity::Error,
                "catalog/policy",
                message,
                "base the policy on columns that are not protected",
            );
        }
    }

    fn constraints(&self, list: &mut Vec<Finding>) {
        for constraint in self.table.constraints.iter().filter(|c| self.reads(c.columns.as_ref())) {
            let what = match constraint.kind {
                'c' if is_not_null(&constraint.definition, self.quoted()) => continue,
                'c' => {
                    let message = format!(
                        "CHECK constraint \"{}\" reads column \"{}\", where it sees sealed bytes",
                        constraint.name,
                        self.path()
                    );
                    let hint = "check the value in the application; only IS NOT NULL can be checked on sealed values";
                    self.add(list, Severity::Error, "catalog/check", message, hint);
                    continue;
                }
                'p' => "primary key",
                'f' => "foreign key",
                'x' => "EXCLUDE constraint",
                _ => "UNIQUE constraint",
            };
            let message = format!(
                "{what} \"{}\" stands on column \"{}\", whose stored values are never equal: it enforces nothing",
                constraint.name,
                self.path()
            );
            self.add(list, Severity::Error, "catalog/raw-constraint", message, self.unique_hint());
        }
    }

    fn unique_hint(&self) -> String {
        match self.protected.mode {
            Mode::Equality => format!("drop it; a unique index on the token does the same: {}", self.index_ddl(true)),
            Mode::Randomized => {
                "drop it, or give the column `mode: equality` and a unique index on its token".to_owned()
            }
        }
    }

    fn expressions(&self, list: &mut Vec<Finding>) {
        for Expression { column, generated, text, reads } in &self.table.expressions {
            if *column == self.column.number && !generated && !text.starts_with("NULL") {
                let message = format!("column \"{}\" has the default {text}", self.path());
                let hint = format!(
                    "the server cannot seal it: ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT, and let the application send the value",
                    self.table.quoted,
                    self.quoted()
                );
                self.add(list, Severity::Error, "catalog/default", message, hint);
            } else if *generated && self.reads(reads.as_ref()) && !self.is_token(text) {
                let other = self.relation.columns.iter().find(|c| c.number == *column).map_or("", |c| c.name.as_str());
                let message =
                    format!("generated column \"{other}\" is computed from sealed bytes of column \"{}\"", self.path());
                self.add(list, Severity::Error, "catalog/generated", message, "compute it in the application");
            }
        }
    }

    fn indexes(&self, list: &mut Vec<Finding>) {
        let mut token_index = None;
        for index in &self.table.indexes {
            if index.keys.first() == Some(&0) && self.is_token(&index.first) && self.protected.mode == Mode::Equality {
                let best = |i: &Index| (i.valid && i.method == "btree", !i.partial);
                if token_index.is_none_or(|t| best(index) > best(t)) {
                    token_index = Some(index);
                }
            } else if !index.constraint && self.reads(index.columns.as_ref()) {
                self.odd_index(index, list);
            }
        }
        if self.protected.mode == Mode::Equality {
            self.token_index(token_index, list);
            self.cardinality(token_index, list);
        }
    }

    /// An index that reads the column's bytes and is not its token index.
    fn odd_index(&self, index: &Index, list: &mut Vec<Finding>) {
        let raw = index.keys.contains(&self.column.number);
        if raw && index.unique {
            let message = format!(
                "unique index \"{}\" stands on column \"{}\", whose stored values are never equal: it enforces nothing",
                index.name,
                self.path()
            );
            self.add(list, Severity::Error, "catalog/raw-constraint", message, self.unique_hint());
            return;
        }
        let message =
            format!("index \"{}\" holds sealed bytes of column \"{}\"; no search can use it", index.name, self.path());
        let hint = "drop it; writing to it costs time, and values above some 2,700 bytes do not fit into it";
        self.add(list, Severity::Warning, "catalog/raw-index", message, hint);
    }

    fn token_index(&self, index: Option<&Index>, list: &mut Vec<Finding>) {
        let wrong = match index {
            None => "has no index on its token: every search reads the whole table".to_owned(),
            Some(i) if i.method != "btree" => format!("has a {} index on its token (\"{}\")", i.method, i.name),
            Some(i) if !i.valid => format!("has an invalid index on its token (\"{}\")", i.name),
            Some(i) if i.partial => format!("has a partial index on its token (\"{}\") only", i.name),
            Some(_) => return,
        };
        let message = format!("column \"{}\" {wrong}", self.path());
        self.add(list, Severity::Warning, "catalog/missing-index", message, self.index_ddl(false));
    }

    fn index_ddl(&self, unique: bool) -> String {
        format!(
            "CREATE {}INDEX {}ON {} (pg_catalog.substring({}, 9, 16))",
            if unique { "UNIQUE " } else { "" },
            // Not possible on partitioned tables.
            if self.relation.kind == 'p' { "" } else { "CONCURRENTLY " },
            self.table.quoted,
            self.quoted()
        )
    }

    fn cardinality(&self, index: Option<&Index>, list: &mut Vec<Finding>) {
        let Some(Stats { n_distinct, rows, most }) = index.and_then(|i| i.stats) else {
            let message = format!("the number of distinct values of column \"{}\" is not known", self.path());
            let hint = "statistics come with the index on its token and ANALYZE, and are shown to the table's owner";
            self.add(list, Severity::Info, "catalog/cardinality", message, hint);
            return;
        };
        let distinct = if n_distinct < 0.0 { -n_distinct * rows } else { n_distinct };
        let share = most.map_or(String::new(), |m| format!(", the most frequent in {:.1} % of the rows", m * 100.0));
        let message = format!("column \"{}\" has about {distinct:.0} distinct values{share}", self.path());
        // Where the number grows with the rows (negative) the table is just small.
        if n_distinct > 0.0 && distinct < FEW && !self.protected.allow_low_cardinality {
            let hint = "so few are told apart by how often their tokens occur; use `mode: randomized`, or accept it with `allow_low_cardinality: true`";
            self.add(list, Severity::Error, "catalog/low-cardinality", message, hint);
        } else {
            let hint = "whoever reads the database sees which rows have equal values, and how often each occurs";
            self.add(list, Severity::Info, "catalog/cardinality", message, hint);
        }
    }

    /// Is this `pg_catalog.substring(column, 9, 16)`, as the server spells it?
    fn is_token(&self, expression: &str) -> bool {
        // Called as a function or in SQL's own syntax; parentheses and the cast of the domain vary.
        let bare = |text: &str| text.replace(['(', ')', ' '], "").replace("::bytea", "");
        let column = bare(self.quoted());
        let found = bare(expression);
        found == format!("\"substring\"{column},9,16") || found == format!("SUBSTRING{column}FROM9FOR16")
    }
}

/// Is this `CHECK ((column IS NOT NULL))`?
fn is_not_null(definition: &str, column: &str) -> bool {
    let bare = definition.strip_prefix("CHECK ").unwrap_or(definition);
    bare.trim_start_matches('(').trim_end_matches(" NOT VALID").trim_end_matches(')') == format!("{column} IS NOT NULL")
}
