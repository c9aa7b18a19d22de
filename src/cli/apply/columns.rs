//! One protected table: types, storage and indexes of its columns.

use super::{
    live::{Column, DependentKind, Live, Table},
    plan::{How, Obstacle, Plan, Step},
    registered::Registered,
};
use crate::{
    cli::sql_text::{ident, qualified, quoted},
    config::{Mode, ProtectedColumn, ProtectedTable},
    sql::catalog,
    values::LogicalType,
};

/// NAMEDATALEN - 1: longer names are cut by the server.
const MAX_NAME: usize = 63;

/// Sealed values that fit a row in any case: 18 bytes stay in it of each that the server moves out of line
/// (`TOAST_POINTER_SIZE`), and a row has 8160 bytes (`MaxHeapTupleSize`), less a header with a bitmap of
/// up to 1,600 columns.
const MOST_IN_A_ROW: usize = 440;

/// Adds what one table needs. `index` is its place in the policy.
pub(super) fn plan(
    index: usize,
    table: &ProtectedTable,
    (live, database): (Option<&Table>, &Live),
    registered: &Registered,
    plan: &mut Plan,
) {
    let path = format!("{}.{}", table.schema, table.name);
    let Some(live) = live else {
        plan.obstacles.push(Obstacle {
            code: "catalog/missing-table",
            object: path,
            message: "the table does not exist".to_owned(),
            hint: "create it, or correct its name in the policy (names are matched verbatim), then apply again"
                .to_owned(),
        });
        return;
    };
    if !matches!(live.kind, 'r' | 'p') {
        plan.obstacles.push(Obstacle {
            code: "catalog/not-a-table",
            object: path,
            message: "only ordinary and partitioned tables can be protected; this is a view or a foreign table"
                .to_owned(),
            hint: "name the table that it reads from".to_owned(),
        });
        return;
    }
    if let Some(obstacle) = registered.other_table(table, live) {
        return plan.obstacles.push(obstacle);
    }
    let unsealed = live.columns.iter().flatten().any(|found| !found.sealed);
    if unsealed && table.columns.len() > MOST_IN_A_ROW {
        plan.notes.push(format!(
            "{path}: {} columns are sealed; a row in which more than about {MOST_IN_A_ROW} of them are not NULL does not fit \
             a page of the server, which refuses it (54000, row is too big)",
            table.columns.len()
        ));
    }
    for (column, found) in table.columns.iter().zip(&live.columns) {
        if let Some(wrong) = catalog::enum_mismatch(column, &database.named_types) {
            plan.obstacles.push(Obstacle {
                code: wrong.code,
                object: column.path(),
                message: wrong.message,
                hint: wrong.hint,
            });
            continue;
        }
        let Some(found) = found else {
            plan.obstacles.push(Obstacle {
                code: "catalog/missing-column",
                object: column.path(),
                message: "the column does not exist".to_owned(),
                hint: format!(
                    "add it: ALTER TABLE {} ADD COLUMN {} pgveil.sealed; or correct its name in the policy",
                    qualified(&table.schema, &table.name),
                    ident(&column.name)
                ),
            });
            continue;
        };
        if let Some(obstacle) = registered.other_column(column, found) {
            plan.obstacles.push(obstacle);
            continue;
        }
        let before = plan.obstacles.len();
        Work { index, login: &database.role, table, live, column, found }.plan(plan);
        // What is in the way of sealing is in the way of registering, too.
        if found.sealed || plan.obstacles.len() == before {
            plan.registrations.extend(registered.pending(column, live, found));
        }
    }
}

/// One column.
struct Work<'a> {
    index: usize,
    /// pgveil's own role.
    login: &'a str,
    table: &'a ProtectedTable,
    live: &'a Table,
    column: &'a ProtectedColumn,
    found: &'a Column,
}

impl Work<'_> {
    fn plan(&self, plan: &mut Plan) {
        if self.found.inherited && !self.found.sealed {
            return plan.obstacles.push(self.obstacle(
                "apply/inherited-column",
                "the column belongs to a parent table",
                "name the parent (the partitioned table itself) in the policy: what is done to it reaches this table too",
            ));
        }
        // Names that a dropped index gives back, with its uniqueness.
        let mut replaced = None;
        if !self.found.sealed {
            if self.live.has_rows != Some(false) {
                return plan.obstacles.push(self.rows());
            }
            match self.dependents(plan) {
                Ok(found) => replaced = found,
                Err(()) => return,
            }
            self.change_type(plan);
        }
        if !self.found.external {
            self.step(
                plan,
                format!("ALTER TABLE {} ALTER COLUMN {} SET STORAGE EXTERNAL", self.table(), ident(&self.column.name)),
                "ciphertext does not compress: do not try",
                self.how(),
            );
        }
        if self.column.mode == Mode::Equality && self.found.token_index.is_none() {
            self.create_index(plan, replaced);
        }
    }

    fn change_type(&self, plan: &mut Plan) {
        let column = ident(&self.column.name);
        let same = match self.column.ty {
            LogicalType::Enum(ty) => ty.oid() == self.found.type_oid,
            ty => LogicalType::from_oid(self.found.type_oid, self.found.typmod) == Some(ty),
        };
        if !same {
            plan.notes.push(format!(
                "{}: the column is {} now; the policy says {}, which is what clients will see",
                self.column.path(),
                self.found.type_name,
                self.column.ty
            ));
        }
        // Should rows come in between, or somebody run this by hand over rows: text in UTF-8 never
        // begins with the byte FF, so the domain's check stops it before anything is lost.
        self.step(
            plan,
            format!(
                "ALTER TABLE {} ALTER COLUMN {column} TYPE pgveil.sealed\n  USING pg_catalog.convert_to({column}::pg_catalog.text, 'UTF8')::pgveil.sealed",
                self.table()
            ),
            &format!("{} becomes sealed; the table is empty", self.found.type_name),
            How::IfEmpty { table: self.index },
        );
    }

    /// Drops what the token index replaces; everything else that hangs on the column is an obstacle.
    fn dependents(&self, plan: &mut Plan) -> Result<Option<(String, bool)>, ()> {
        let (mut replaced, mut stuck) = (None, false);
        let searchable = self.column.mode == Mode::Equality;
        for dependent in &self.found.dependents {
            match &dependent.kind {
                DependentKind::Constraint { name, unique_alone: true } if searchable => {
                    self.step(
                        plan,
                        format!("ALTER TABLE {} DROP CONSTRAINT {}", self.table(), ident(name)),
                        "replaced by the unique index over the tokens below (which ON CONFLICT ON CONSTRAINT cannot name)",
                        How::IfEmpty { table: self.index },
                    );
                    replaced = Some((name.clone(), true));
                }
                DependentKind::Index { schema, name, unique, alone: true } if searchable => {
                    self.step(
                        plan,
                        format!("DROP INDEX {}", qualified(schema, name)),
                        "replaced by the index over the tokens below",
                        How::IfEmpty { table: self.index },
                    );
                    let unique = *unique || replaced.as_ref().is_some_and(|(_, unique)| *unique);
                    replaced = Some((name.clone(), unique));
                }
                kind => {
                    stuck = true;
                    plan.obstacles.push(self.stuck(kind, &dependent.description));
                }
            }
        }
        if stuck { Err(()) } else { Ok(replaced) }
    }

    fn stuck(&self, kind: &DependentKind, description: &str) -> Obstacle {
        let (table, column) = (self.table(), ident(&self.column.name));
        match kind {
            DependentKind::Default => self.obstacle(
                "apply/default",
                format!("{description}: the server would compute it, in plaintext"),
                format!("ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT (or DROP EXPRESSION); let the application send the value"),
            ),
            DependentKind::Constraint { name, unique_alone } => self.obstacle(
                "apply/constraint",
                format!("{description}: the server cannot check it over ciphertext"),
                if *unique_alone {
                    "uniqueness needs `mode: equality`; or drop the constraint".to_owned()
                } else {
                    format!("drop it: ALTER TABLE {table} DROP CONSTRAINT {}", ident(name))
                },
            ),
            DependentKind::Index { schema, name, alone, .. } => self.obstacle(
                "apply/index",
                format!("{description}: an index over ciphertext finds nothing"),
                if *alone {
                    format!("look-ups need `mode: equality`; or drop it: DROP INDEX {}", qualified(schema, name))
                } else {
                    format!("drop it: DROP INDEX {}; look-ups by this column alone use the index of `mode: equality`", qualified(schema, name))
                },
            ),
            DependentKind::Other => self.obstacle(
                "apply/dependent",
                format!("{description} depends on the column, so that its type cannot change"),
                "drop it, apply, and create it again through pgveil",
            ),
        }
    }

    fn create_index(&self, plan: &mut Plan, replaced: Option<(String, bool)>) {
        let (name, unique) = match replaced {
            // Applications look for the constraint's name in the error of a duplicate.
            Some((name, unique)) => (name, unique),
            None => (self.index_name(), false),
        };
        // Over rows an index is built without blocking writers; a partitioned table has no such way.
        let alone = self.found.sealed && self.live.has_rows != Some(false) && self.live.kind == 'r';
        let sql = format!(
            "CREATE {}INDEX {}{} ON {} (pg_catalog.substring({}, 9, 16))",
            if unique { "UNIQUE " } else { "" },
            if alone { "CONCURRENTLY " } else { "" },
            ident(&name),
            self.table(),
            ident(&self.column.name)
        );
        let why = if unique { "look-ups by equality, and uniqueness" } else { "look-ups by equality" };
        self.step(plan, sql, why, if alone { How::Alone } else { self.how() });
    }

    /// `people_email_eq`, or the next free one.
    fn index_name(&self) -> String {
        let mut base = format!("{}_{}", self.table.name, self.column.name);
        let mut cut = MAX_NAME - "_eq99".len();
        while !base.is_char_boundary(cut.min(base.len())) {
            cut -= 1;
        }
        base.truncate(cut);
        (1..100)
            .map(|n| if n == 1 { format!("{base}_eq") } else { format!("{base}_eq{n}") })
            .find(|name| !self.live.taken_names.contains(name))
            .unwrap_or_else(|| format!("{base}_eq"))
    }

    /// A column that was sealed before may have rows; one that becomes sealed now must not.
    fn how(&self) -> How {
        if self.found.sealed { How::InTransaction } else { How::IfEmpty { table: self.index } }
    }

    fn step(&self, plan: &mut Plan, sql: String, why: &str, how: How) {
        let as_role = (!self.live.owned).then(|| self.live.owner.clone());
        plan.steps.push(Step { sql, why: format!("{}: {why}", self.column.path()), as_role, how });
    }

    fn rows(&self) -> Obstacle {
        if self.live.has_rows.is_none() {
            return self.obstacle(
                "apply/cannot-look",
                format!("the service login may not read {}, so it cannot tell whether it is empty", self.table()),
                format!("as {}: GRANT SELECT ON {} TO {}", quoted(&self.live.owner), self.table(), quoted(self.login)),
            );
        }
        self.obstacle(
            "apply/has-rows",
            "the table has rows in plaintext, which a change of the column's type would not encrypt",
            format!(
                "rows of {} are not encrypted in place, not by `pgveil sweep` either: create an empty table of the same shape, apply, and copy the rows through pgveil",
                self.column.path()
            ),
        )
    }

    fn obstacle(&self, code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Obstacle {
        Obstacle { code, object: self.column.path(), message: message.into(), hint: hint.into() }
    }

    fn table(&self) -> String {
        qualified(&self.table.schema, &self.table.name)
    }
}
