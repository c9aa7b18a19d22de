//! INSERT, UPDATE, DELETE, in the manner of people and of ORMs.

use super::{Maker, Source};
use crate::{
    doc::{Cast, Doc, Form, Operand, Value, either, list, maybe, text},
    matrix::{Construct as C, Mode},
    pool,
    schema::{Column, Table, ident},
    seq,
    ty::{Family, Ty},
};

impl Maker<'_> {
    pub fn write(&mut self) -> Doc {
        match self.random.below(10) {
            0..=3 => self.insert(),
            4..=6 => self.update(),
            7 if self.one_in(3) => self.moved().unwrap_or_else(|| self.delete()),
            7 => self.delete(),
            8 => self.insert_flow(),
            _ => self.modifying_cte(),
        }
    }

    /// A value for a column; now and then one that it cannot take.
    fn stored(&mut self, column: &Column) -> Doc {
        if column.sealed() && self.one_in(60) {
            let value = self.pick(&pool::wrong(column.ty)).clone();
            let form = if self.one_in(2) { Form::Quoted } else { Form::Escape };
            let parameter = self.one_in(2).then_some((0, false));
            return Operand { form, parameter, sealed: true, ..Operand::plain(Value::One(value), column.ty) }.into();
        }
        if column.sealed() && self.one_in(40) {
            return self.foreign(column);
        }
        if self.dares() && column.sealed() {
            return self.computed(column);
        }
        let operand = self.operand(column);
        let operand = if operand.value == Value::Null && column.not_null && self.one_in(2) {
            let value = Value::One(column.pool()[0].clone());
            Operand { value, ..operand }
        } else {
            operand
        };
        if !column.sealed() || self.random.below(5) > 0 {
            return operand.into();
        }
        let simple: Doc = operand.clone().into();
        // CASE and COALESCE of untyped constants are text: other types need a cast.
        let (a, b) = (operand.cast_to(column.ty), self.operand(column).cast_to(column.ty));
        let full = match self.random.below(4) {
            0 => seq!["CASE WHEN true THEN ", a, " ELSE ", b, " END"],
            1 => seq!["(CASE WHEN 1 = 2 THEN ", a, " ELSE ", b, format!(" END)::{}", column.ty.name())],
            2 => seq!["COALESCE(", a, ", ", b, ")"],
            _ => seq!["CAST(COALESCE(", a, ", ", b, format!(") AS {})", column.ty.name())],
        };
        either(seq![Self::mark(C::Flow, column.mode), full], simple)
    }

    fn computed(&mut self, column: &Column) -> Doc {
        let mark = Self::mark(C::ComputedValue, column.mode);
        let operand = self.operand(column);
        match column.ty.family() {
            Family::Text => {
                seq![mark, *self.pick(&["lower(", "trim("]), Operand { cast: Cast::Colons(Ty::Text), ..operand }, ")"]
            }
            Family::Integer | Family::Numeric | Family::Float => {
                seq![mark, "1 + ", Operand { cast: Cast::Colons(column.ty), ..operand }]
            }
            Family::Date => seq![mark, "current_date"],
            Family::Timestamptz => seq![mark, "now()"],
            Family::Timestamp => seq![mark, "localtimestamp"],
            Family::Time => seq![mark, "localtime"],
            Family::Inet => seq![mark, operand, "::inet + 1"],
            Family::Macaddr => seq![mark, "trunc(", operand, "::macaddr)"],
            Family::Macaddr8 => seq![mark, "trunc(", operand, "::macaddr8)"],
            Family::Interval => seq![mark, "-", Operand { cast: Cast::Colons(Ty::Interval), ..operand }],
            Family::Timetz => seq![mark, "current_time"],
            Family::Uuid => seq![mark, "gen_random_uuid()"],
            Family::Bool => seq![mark, "NOT ", Operand { cast: Cast::Colons(Ty::Bool), ..operand }],
            Family::Bytea => seq![mark, operand, " || '\\x00'"],
            Family::Jsonb => seq![mark, "to_jsonb(1)"],
            Family::Feeling => seq![mark, "enum_first(", operand, "::feeling)"],
            Family::Texts => seq![mark, "string_to_array('a,b', ',')"],
            Family::Ints => seq![mark, "ARRAY[1::int8 + 1]"],
        }
    }

    /// Columns for INSERT: `id`, what must have a value, and some others.
    fn targets(&mut self, table: &Table) -> Vec<Column> {
        let mut columns: Vec<Column> = Vec::new();
        for (n, column) in table.columns.iter().enumerate() {
            let needed = n == 0 || (column.not_null && !self.one_in(30));
            if needed || self.random.below(3) > 0 {
                columns.push(column.clone());
            }
        }
        columns
    }

    fn new_id(&mut self) -> Doc {
        let id = if self.one_in(5) { 1 + self.random.below(4) } else { 20 + self.random.below(60) };
        let parameter = self.one_in(2).then_some((0, false));
        Operand { form: Form::Bare, parameter, ..Operand::plain(Value::One(id.to_string()), Ty::Int4) }.into()
    }

    fn row(&mut self, columns: &[Column]) -> Vec<Doc> {
        let mut row = vec![self.new_id()];
        for column in &columns[1..] {
            let plain_default = !column.not_null && self.one_in(20);
            row.push(if plain_default {
                seq![Self::mark(C::Default, column.mode), "DEFAULT"]
            } else {
                self.stored(column)
            });
        }
        row
    }

    fn insert(&mut self) -> Doc {
        let table = self.table();
        let columns = self.targets(table);
        let whole = columns.len() == table.columns.len() && self.one_in(3);
        let heads = if whole { Vec::new() } else { columns.iter().map(|column| text(ident(&column.name))).collect() };
        let rows = (0..1 + self.random.below(3)).map(|_| self.row(&columns)).collect();
        let alias = if self.one_in(4) { self.fresh("n") } else { String::new() };
        let source = Source {
            alias: if alias.is_empty() { table.name.clone() } else { alias.clone() },
            columns: table.columns.clone(),
            keyed: true,
        };
        let alias = if alias.is_empty() { alias } else { format!(" AS {alias}") };
        let conflict = if self.one_in(3) { self.on_conflict(&table.name, &source, &columns) } else { text("") };
        let returning = self.returning(std::slice::from_ref(&source));
        let mode = sealed_mode(&columns);
        seq![
            Self::mark(C::Seal, mode),
            format!("INSERT INTO {}{alias} ", table.path()),
            Doc::Grid { heads, between: " VALUES ", rows },
            maybe(conflict),
            returning,
        ]
    }

    fn on_conflict(&mut self, table: &str, source: &Source, columns: &[Column]) -> Doc {
        let sealed: Vec<&Column> = columns.iter().filter(|column| column.unique && column.sealed()).collect();
        let keys = |names: &str| format!("({names})");
        let (mark, target) = match sealed.first() {
            Some(column) if self.one_in(3) => {
                // As PostgreSQL names the constraint of a column that is UNIQUE.
                let name = format!("{table}_{}_key", column.name);
                (Self::mark(C::ConflictTarget, column.mode), format!("ON CONSTRAINT {}", ident(&name)))
            }
            Some(column) if self.one_in(2) => (Self::mark(C::ConflictTarget, column.mode), keys(&ident(&column.name))),
            _ => {
                let refused = columns.iter().find(|column| column.mode == Mode::Randomized);
                match refused {
                    Some(column) if self.dares() => {
                        (Self::mark(C::ConflictTarget, column.mode), keys(&ident(&column.name)))
                    }
                    _ => (text(""), keys("id")),
                }
            }
        };
        if self.one_in(3) {
            let target = if self.one_in(2) { format!(" {target}") } else { String::new() };
            let mark = if target.is_empty() { text("") } else { mark };
            return seq![mark, " ON CONFLICT", target, " DO NOTHING"];
        }
        let mut sets = Vec::new();
        for column in source.columns.iter().skip(1) {
            if self.random.below(2) == 0 {
                continue;
            }
            let name = ident(&column.name);
            sets.push(match self.random.below(4) {
                0 => seq![name, " = ", self.stored(column)],
                1 if column.sealed() => {
                    let own = format!("{}.{name}", ident(&source.alias));
                    seq![Self::mark(C::CopyIdentity, column.mode), name, " = ", own]
                }
                2 if column.sealed() => {
                    let own = format!("{}.{name}", ident(&source.alias));
                    let value = format!("COALESCE(EXCLUDED.{name}, {own})");
                    seq![
                        Self::mark(C::CopyIdentity, column.mode),
                        Self::mark(C::Coalesce, column.mode),
                        name,
                        " = ",
                        value
                    ]
                }
                _ => seq![Self::mark(C::Excluded, column.mode), format!("{name} = EXCLUDED.{name}")],
            });
        }
        if sets.is_empty() {
            sets.push(text("k = EXCLUDED.k"));
        }
        let excluded = Source { alias: "excluded".to_owned(), ..source.clone() };
        let condition = self.r#where(&[source.clone(), excluded], 0);
        seq![mark, format!(" ON CONFLICT {target} DO UPDATE SET "), list(", ", 1, sets), condition]
    }

    fn returning(&mut self, scope: &[Source]) -> Doc {
        if self.random.below(2) == 0 {
            return text("");
        }
        let mode = scope.iter().map(|source| sealed_mode(&source.columns)).max().unwrap_or(Mode::Plain);
        if self.one_in(3) {
            return maybe(seq![Self::mark(C::Returning, mode), " RETURNING *"]);
        }
        // Window functions are not allowed here.
        let scope: Vec<Source> = scope.iter().map(|source| Source { keyed: false, ..source.clone() }).collect();
        let items = (0..1 + self.random.below(3)).map(|_| self.output(&scope)).collect();
        maybe(seq![Self::mark(C::ReturningExpression, mode), " RETURNING ", list(", ", 1, items)])
    }

    /// Values that come by way of a query, as ORMs send them.
    fn insert_flow(&mut self) -> Doc {
        let table = self.table();
        let columns = self.targets(table);
        let heads: Vec<Doc> = columns.iter().map(|column| text(ident(&column.name))).collect();
        let names: Vec<String> = (0..columns.len()).map(|n| format!("p{n}")).collect();
        let mode = sealed_mode(&columns);
        let source = Source { alias: table.name.clone(), columns: table.columns.clone(), keyed: true };
        let head = seq![format!("INSERT INTO {} (", table.path()), list(", ", 1, heads), ") "];
        let count = 1 + self.random.below(3);
        let body = match self.random.below(4) {
            0 => {
                // SQLAlchemy 2's insertmanyvalues.
                let rows = (0..count).map(|n| {
                    let mut row: Vec<Doc> =
                        columns.iter().enumerate().map(|(c, column)| self.typed(c, column)).collect();
                    row.push(text(n.to_string()));
                    row
                });
                let rows = rows.collect();
                let casts: Vec<String> = names
                    .iter()
                    .zip(&columns)
                    .map(|(name, column)| format!("{name}::{}", column.ty.base_name()))
                    .collect();
                seq![
                    Self::mark(C::FlowValues, mode),
                    format!("SELECT {} FROM (", casts.join(", ")),
                    Doc::Grid { heads: Vec::new(), between: "VALUES ", rows },
                    format!(") AS imp_sen({}, sen_counter) ORDER BY sen_counter", names.join(", ")),
                ]
            }
            1 if columns.iter().all(|column| column.ty.element().is_none()) => {
                // Django's bulk_create on PostgreSQL: one array a column.
                let mut arrays = Vec::new();
                for (c, column) in columns.iter().enumerate() {
                    let values = (0..count).map(|_| match c {
                        0 => Some((20 + self.random.below(60)).to_string()),
                        _ => Some(self.pick(&column.pool()).clone()),
                    });
                    let value = Value::Many(values.collect());
                    let parameter = self.one_in(2).then_some((0, false));
                    let (cast, sealed) = (Cast::Colons(column.ty), column.sealed());
                    arrays.push(Doc::Operand(Operand { cast, parameter, sealed, ..Operand::plain(value, column.ty) }));
                }
                seq![Self::mark(C::FlowUnnest, mode), "SELECT * FROM unnest(", list(", ", 1, arrays), ")"]
            }
            2 => {
                let values: Vec<Doc> = columns.iter().enumerate().map(|(c, column)| self.typed(c, column)).collect();
                seq![Self::mark(C::FlowSelect, mode), "SELECT ", list(", ", 1, values)]
            }
            _ => self.copied(&columns),
        };
        let conflict = if self.one_in(4) { " ON CONFLICT DO NOTHING" } else { "" };
        seq![head, body, conflict, self.returning(&[source])]
    }

    fn typed(&mut self, c: usize, column: &Column) -> Doc {
        if c == 0 {
            return self.new_id();
        }
        self.operand(column).cast_to(column.ty).into()
    }

    /// SELECT from a table whose columns have the same identities.
    fn copied(&mut self, columns: &[Column]) -> Doc {
        let (source, from) = self.source();
        let dare = self.dares();
        let mut items = vec![text(format!("{}.id + {}", ident(&source.alias), 20 + self.random.below(60)))];
        for column in &columns[1..] {
            let same: Vec<&Column> = source
                .columns
                .iter()
                .filter(|other| other.mode == column.mode && other.ty == column.ty && other.identity == column.identity)
                .collect();
            let reference = |other: &Column| format!("{}.{}", ident(&source.alias), ident(&other.name));
            let other = source.columns.iter().find(|other| {
                other.ty.family() == column.ty.family() && other.identity != column.identity && other.sealed()
            });
            items.push(match (same.first(), other) {
                (_, Some(other)) if dare && column.sealed() => {
                    seq![Self::mark(C::CopyOther, column.mode), reference(other)]
                }
                (_, Some(other)) if dare => seq![Self::mark(C::StoreInPlain, other.mode), reference(other)],
                (Some(other), _) => seq![Self::mark(C::CopyIdentity, column.mode), reference(other)],
                _ => seq![Self::mark(C::FlowSelect, column.mode), self.operand(column).cast_to(column.ty)],
            });
        }
        let order = format!(" ORDER BY {}.id", ident(&source.alias));
        let condition = self.r#where(&[source], 1);
        seq!["SELECT ", list(", ", 1, items), " FROM ", from, condition, order]
    }

    /// Unique columns are left out: whether several rows clash on the way depends on their physical order.
    fn sets(&mut self, table: &Table, alias: &str, more: Option<&Source>) -> Doc {
        let mut sets = Vec::new();
        let columns: Vec<&Column> = table.columns.iter().skip(1).filter(|column| !column.unique).collect();
        for column in &columns {
            if self.random.below(3) > 0 && !(sets.is_empty() && column.name == columns.last().unwrap().name) {
                continue;
            }
            let name = ident(&column.name);
            let copied = more.iter().flat_map(|source| source.columns.iter().map(move |other| (source, other)));
            let copied: Vec<_> = copied
                .filter(|(_, other)| {
                    other.identity == column.identity && other.ty == column.ty && other.mode == column.mode
                })
                .collect();
            let own = table.columns.iter().find(|other| {
                other.sealed() && other.identity != column.identity && other.ty.family() == column.ty.family()
            });
            sets.push(match self.random.below(12) {
                0 if column.sealed() => seq![Self::mark(C::Default, column.mode), name, " = DEFAULT"],
                1 if column.sealed() => {
                    let operand = self.operand(column);
                    seq![Self::mark(C::SetRow, column.mode), "(", name, ") = ROW (", operand, ")"]
                }
                2 if column.sealed() => {
                    seq![
                        Self::mark(C::CopyIdentity, column.mode),
                        name.clone(),
                        " = ",
                        format!("{}.{name}", ident(alias))
                    ]
                }
                3 | 4 if !copied.is_empty() && column.sealed() => {
                    let (source, other) = copied[0];
                    let value = format!("{}.{}", ident(&source.alias), ident(&other.name));
                    seq![Self::mark(C::CopyIdentity, column.mode), name, " = ", value]
                }
                5 | 6 if column.sealed() => self.django_case(column, alias),
                7 if self.dares() && own.is_some() && column.sealed() => {
                    let own = own.unwrap();
                    seq![Self::mark(C::CopyOther, column.mode), name, " = ", ident(alias), ".", ident(&own.name)]
                }
                _ => seq![name, " = ", self.stored(column)],
            });
        }
        if sets.is_empty() {
            sets.push(text("k = 1"));
        }
        list(", ", 1, sets)
    }

    /// Django's bulk_update: `c = (CASE WHEN id = 1 THEN 'x' … END)::type`.
    fn django_case(&mut self, column: &Column, alias: &str) -> Doc {
        let alias = ident(alias);
        let mut doc = vec![Self::mark(C::Flow, column.mode), text(format!("{} = (CASE", ident(&column.name)))];
        for n in 0..1 + self.random.below(3) {
            let operand = self.operand(column).cast_to(column.ty);
            doc.push(seq![format!(" WHEN {alias}.id = {} THEN ", n + 1), operand]);
        }
        let ending =
            if self.one_in(2) { format!(" ELSE {alias}.{}", ident(&column.name)) } else { " ELSE NULL".to_owned() };
        doc.push(maybe(text(ending)));
        doc.push(text(format!(" END)::{}", column.ty.name())));
        Doc::Seq(doc)
    }

    fn update(&mut self) -> Doc {
        let table = self.table();
        let alias = if self.one_in(3) { self.fresh("u") } else { String::new() };
        let own = Source {
            alias: if alias.is_empty() { table.name.clone() } else { alias.clone() },
            columns: table.columns.clone(),
            keyed: true,
        };
        let head =
            format!("UPDATE {}{} SET ", table.path(), if alias.is_empty() { alias } else { format!(" AS {alias}") });
        match self.random.below(6) {
            0 => self.update_from_table(table, &own, &head),
            1 => self.update_from_values(table, &own, &head),
            2 => {
                // One row, and so unique columns, too.
                let Some(column) = table.columns.iter().skip(1).find(|column| column.unique) else {
                    return self.delete();
                };
                let link = format!(" WHERE {}.id = {}", ident(&own.alias), 1 + self.random.below(4));
                let value = self.stored(column);
                let name = ident(&column.name);
                let scope = [own];
                seq![Self::mark(C::Seal, column.mode), head, name, " = ", value, link, self.returning(&scope)]
            }
            _ => {
                let sets = self.sets(table, &own.alias, None);
                let scope = [own];
                let condition = self.r#where(&scope, 1);
                seq![Self::mark(C::Seal, sealed_mode(&table.columns)), head, sets, condition, self.returning(&scope)]
            }
        }
    }

    fn update_from_table(&mut self, table: &Table, own: &Source, head: &str) -> Doc {
        let other = self.table();
        let alias = self.fresh("f");
        let more = Source { alias: alias.clone(), columns: other.columns.clone(), keyed: true };
        let sets = self.sets(table, &own.alias, Some(&more));
        // By unique columns: which row wins is not determined otherwise.
        let link = format!(" WHERE {}.id = {alias}.id", ident(&own.alias));
        let scope = [own.clone(), more];
        let more = self.condition(&scope, 0);
        seq![
            Self::mark(C::UpdateFrom, sealed_mode(&table.columns)),
            head,
            sets,
            format!(" FROM {} {alias}", other.path()),
            link,
            maybe(seq![" AND ", more]),
            self.returning(&scope),
        ]
    }

    fn update_from_values(&mut self, table: &Table, own: &Source, head: &str) -> Doc {
        let Some(column) = table.columns.iter().find(|column| column.sealed() && !column.unique) else {
            return text("SELECT 1");
        };
        let alias = self.fresh("v");
        let rows = (0..1 + self.random.below(3))
            .map(|n| vec![text((n + 1).to_string()), self.operand(column).cast_to(column.ty).into()]);
        let grid = Doc::Grid { heads: Vec::new(), between: "VALUES ", rows: rows.collect() };
        let name = ident(&column.name);
        seq![
            Self::mark(C::FlowValues, column.mode),
            head,
            format!("{name} = {alias}.x FROM ("),
            grid,
            format!(") AS {alias} (i, x) WHERE {}.id = {alias}.i", ident(&own.alias)),
            Self::mark(C::FlowReturned, column.mode),
            self.returning(std::slice::from_ref(own)),
        ]
    }

    /// MERGE, which is not there yet.
    fn merge(&mut self) -> Doc {
        let table = self.table();
        let path = table.path();
        let id = 1 + self.random.below(5);
        seq![
            Self::mark(C::Merge, sealed_mode(&table.columns)),
            format!(
                "MERGE INTO {path} USING (VALUES ({id})) AS v (i) ON {}.id = v.i WHEN MATCHED THEN ",
                ident(&table.name)
            ),
            *self.pick(&["DELETE", "UPDATE SET k = 1"]),
        ]
    }

    fn delete(&mut self) -> Doc {
        if self.dares() && self.one_in(3) {
            return self.merge();
        }
        let table = self.table();
        let own = Source { alias: table.name.clone(), columns: table.columns.clone(), keyed: true };
        if self.one_in(3) {
            let other = self.table();
            let alias = self.fresh("g");
            let using = Source { alias: alias.clone(), columns: other.columns.clone(), keyed: true };
            let scope = [own, using];
            // One row of the other table a row, so that RETURNING is determined.
            let link = format!("{}.id = {alias}.id", ident(&table.name));
            let condition = self.condition(&scope, 1);
            return seq![
                Self::mark(C::DeleteUsing, sealed_mode(&table.columns)),
                format!("DELETE FROM {} USING {} {alias} WHERE {link} AND (", table.path(), other.path()),
                condition,
                ")",
                self.returning(&scope),
            ];
        }
        let scope = [own];
        let condition = self.condition(&scope, 1);
        seq![format!("DELETE FROM {} WHERE ", table.path()), condition, self.returning(&scope)]
    }

    /// Rows that go from one table to another whose columns have the same identities.
    fn moved(&mut self) -> Option<Doc> {
        let (from, to) = (self.table(), self.table());
        let shared: Vec<(&Column, &Column)> = to
            .columns
            .iter()
            .filter(|column| column.sealed() && !column.unique)
            .filter_map(|column| {
                let same = |other: &&Column| other.identity == column.identity && other.ty == column.ty;
                Some((column, from.columns.iter().find(same)?))
            })
            .collect();
        let (target, origin) = *shared.first()?;
        let name = self.fresh("mv");
        let own = Source { alias: from.name.clone(), columns: from.columns.clone(), keyed: true };
        let condition = self.r#where(&[own], 0);
        let id = 20 + self.random.below(60);
        let target_source = Source { alias: to.name.clone(), columns: to.columns.clone(), keyed: true };
        Some(seq![
            Self::mark(C::ModifyingCte, origin.mode),
            Self::mark(C::CopyIdentity, origin.mode),
            format!("WITH {name} AS (DELETE FROM {}", from.path()),
            condition,
            *self.pick(&[" RETURNING *)", " RETURNING *)"]),
            format!(
                " INSERT INTO {} (id, {}) SELECT id + {id}, {}",
                to.path(),
                ident(&target.name),
                ident(&origin.name)
            ),
            format!(" FROM {name} ORDER BY id"),
            self.returning(&[target_source]),
        ])
    }

    fn modifying_cte(&mut self) -> Doc {
        let table = self.table();
        let name = self.fresh("z");
        let outputs: Vec<String> = table.columns.iter().take(4).map(|column| ident(&column.name)).collect();
        let returning = format!(" RETURNING {}", outputs.join(", "));
        let source = Source { alias: table.name.clone(), columns: table.columns.clone(), keyed: true };
        let inner = match self.random.below(3) {
            0 => {
                let columns = self.targets(table);
                let heads = columns.iter().map(|column| text(ident(&column.name))).collect();
                let rows = vec![self.row(&columns)];
                seq![
                    format!("INSERT INTO {} ", table.path()),
                    Doc::Grid { heads, between: " VALUES ", rows },
                    returning
                ]
            }
            1 => {
                let sets = self.sets(table, &table.name, None);
                let condition = self.r#where(&[source], 0);
                seq![format!("UPDATE {} SET ", table.path()), sets, condition, returning]
            }
            _ => {
                let condition = self.condition(&[source], 0);
                seq![format!("DELETE FROM {} WHERE ", table.path()), condition, returning]
            }
        };
        let columns = table.columns.iter().take(4).cloned().collect();
        let scope = [Source { alias: name.clone(), columns, keyed: true }];
        let (outputs, _) = self.outputs(&scope, false);
        seq![
            Self::mark(C::ModifyingCte, sealed_mode(&table.columns)),
            format!("WITH {name} AS ("),
            inner,
            ") SELECT ",
            outputs,
            format!(" FROM {name}"),
        ]
    }
}

impl Operand {
    fn cast_to(self, ty: Ty) -> Self {
        // An undeclared parameter is of the type of its cast.
        let own = if matches!(self.parameter, Some((0, _))) { ty } else { self.ty };
        Self { cast: Cast::Colons(ty), ty: own, ..self }
    }
}

fn sealed_mode(columns: &[Column]) -> Mode {
    columns.iter().map(|column| column.mode).max().unwrap_or(Mode::Plain)
}
