//! Queries.

use super::{Maker, Place, Source, compares};
use crate::{
    doc::{Doc, Operand, either, list, maybe, text},
    matrix::{Construct as C, Mode},
    schema::{Column, ident},
    seq,
    ty::Family,
};

/// A query, with what it gives.
#[derive(Clone)]
pub struct Query {
    pub doc: Doc,
    pub columns: Vec<Column>,
    /// Is the order of its rows determined?
    pub ordered: bool,
    /// Is the first column `id`, and unique?
    pub keyed: bool,
    /// May equal values that look different stand for each other?
    pub loose: bool,
}

impl Maker<'_> {
    /// Any query.
    pub fn query(&mut self, depth: usize) -> Query {
        match self.random.below(12) {
            0 => self.grouped(depth),
            1 => self.distinct(depth),
            2 if depth > 0 => self.set_operation(depth),
            3 if depth > 0 => self.with(depth),
            _ => self.select(depth, false),
        }
    }

    /// FROM: its text, what is in scope.
    fn from(&mut self, depth: usize) -> (Doc, Vec<Source>) {
        match self.random.below(if depth > 0 { 12 } else { 4 }) {
            4..=6 => self.join(),
            7 => {
                // A third one.
                let (doc, mut sources) = self.join();
                let table = self.table();
                let alias = self.fresh("j");
                let third = Source { alias: alias.clone(), columns: table.columns.clone(), keyed: true };
                let word = *self.pick(&[" JOIN ", " LEFT JOIN "]);
                let on = self.join_condition(&[sources[1].clone(), third.clone()]);
                sources.push(third);
                (seq![doc, word, format!("{} {alias} ON ", table.path()), on], sources)
            }
            8 => {
                let inner = self.select(depth - 1, true);
                let alias = self.fresh("s");
                let source = Source { alias: alias.clone(), columns: inner.columns, keyed: inner.keyed };
                (seq![Self::mark(C::Derived, Mode::Equality), "(", inner.doc, ") ", alias], vec![source])
            }
            9 => self.lateral(),
            10 if !self.schema.views.is_empty() => {
                let schema = self.schema;
                let view = self.pick(&schema.views);
                let (name, columns) = (view.name.clone(), view.columns.clone());
                let keyed = true;
                let sealed = columns.iter().map(|column| column.mode).max().unwrap_or(Mode::Plain);
                (seq![Self::mark(C::View, sealed), ident(&name)], vec![Source { alias: name, columns, keyed }])
            }
            _ => {
                let (source, from) = self.source();
                (text(from), vec![source])
            }
        }
    }

    /// One table, with an alias or without.
    pub fn source(&mut self) -> (Source, String) {
        let table = self.table();
        let columns = table.columns.clone();
        let name = table.path();
        match self.random.below(4) {
            0 => (Source { alias: table.name.clone(), columns, keyed: true }, name),
            1 if table.schema.is_none() => {
                (Source { alias: table.name.clone(), columns, keyed: true }, format!("public.{name}"))
            }
            n => {
                let alias = self.fresh("a");
                let word = if n == 2 { " AS" } else { "" };
                (Source { alias: alias.clone(), columns, keyed: true }, format!("{name}{word} {alias}"))
            }
        }
    }

    /// Two tables, aliased.
    fn pair(&mut self) -> (Vec<Source>, String, String) {
        let mut sources = Vec::new();
        let mut texts = Vec::new();
        for _ in 0..2 {
            let table = self.table();
            let alias = self.fresh("j");
            texts.push(format!("{} {alias}", table.path()));
            sources.push(Source { alias, columns: table.columns.clone(), keyed: true });
        }
        let b = texts.remove(1);
        (sources, texts.remove(0), b)
    }

    /// Columns of both sources that compare as tokens.
    fn join_condition(&mut self, sources: &[Source]) -> Doc {
        let (a, b) = (&sources[0], &sources[1]);
        let plain = format!("{}.id = {}.{}", a.alias, b.alias, if self.one_in(2) { "k" } else { "id" });
        let mut found = Vec::new();
        for left in a.columns.iter().filter(|column| column.mode == Mode::Equality) {
            for right in b.columns.iter().filter(|column| column.mode == Mode::Equality) {
                if left.domain == right.domain && compares(left.ty, right.ty) {
                    found.push(format!("{}.{} = {}.{}", a.alias, ident(&left.name), b.alias, ident(&right.name)));
                }
            }
        }
        if found.is_empty() || self.one_in(3) {
            return text(plain);
        }
        let sealed = self.pick(&found).clone();
        either(seq![Self::mark(C::CompareColumns, Mode::Equality), sealed], text(plain))
    }

    fn join(&mut self) -> (Doc, Vec<Source>) {
        let (sources, a, b) = self.pair();
        let any = |sources: &[Source]| sources.iter().flat_map(|s| &s.columns).map(|c| c.mode).max();
        let worst = any(&sources).unwrap_or(Mode::Plain);
        if self.dares() {
            if self.one_in(2) {
                let on = self.join_condition(&sources);
                return (seq![Self::mark(C::FullJoin, worst), a, " FULL JOIN ", b, " ON ", on], sources);
            }
            return (seq![Self::mark(C::NaturalJoin, worst), a, " NATURAL JOIN ", b], sources);
        }
        let on = self.join_condition(&sources);
        let doc = match self.random.below(7) {
            0 => seq![a, " LEFT JOIN ", b, " ON ", on],
            1 => seq![a, " RIGHT OUTER JOIN ", b, " ON ", on],
            2 => seq![a, " CROSS JOIN ", b],
            3 => seq![a, ", ", b],
            4 => {
                let shared = sources[0].columns.iter().find_map(|left| {
                    let right = sources[1].columns.iter().find(|right| right.name == left.name)?;
                    let fits = left.mode == Mode::Equality && right.mode == left.mode && left.domain == right.domain;
                    (fits && left.ty == right.ty).then(|| ident(&left.name))
                });
                match shared {
                    Some(name) => seq![Self::mark(C::JoinUsing, Mode::Equality), a, " JOIN ", b, " USING (", name, ")"],
                    None => seq![a, " JOIN ", b, " USING (k)"],
                }
            }
            _ => seq![a, *self.pick(&[" JOIN ", " INNER JOIN "]), b, " ON ", on],
        };
        (doc, sources)
    }

    fn lateral(&mut self) -> (Doc, Vec<Source>) {
        let table = self.table();
        let alias = self.fresh("l");
        let outer = Source { alias: alias.clone(), columns: table.columns.clone(), keyed: true };
        let from = format!("{} {alias}", table.path());
        let (inner_alias, derived) = (self.fresh("m"), self.fresh("d"));
        let other = self.table();
        let inner = Source { alias: inner_alias.clone(), columns: other.columns.clone(), keyed: true };
        let (mut outputs, mut columns) = (Vec::new(), Vec::new());
        for (n, column) in other.columns.iter().enumerate().take(4) {
            outputs.push(text(format!("{inner_alias}.{} AS y{n}", ident(&column.name))));
            columns.push(Column { name: format!("y{n}"), ..column.clone() });
        }
        let condition = self.join_condition(&[outer.clone(), inner]);
        let limit = if self.one_in(2) { format!(" ORDER BY {inner_alias}.id LIMIT 1") } else { String::new() };
        let word = *self.pick(&[", LATERAL ", " CROSS JOIN LATERAL ", " LEFT JOIN LATERAL "]);
        let on = if word.contains("LEFT") { " ON true" } else { "" };
        let doc = seq![
            Self::mark(C::Lateral, Mode::Equality),
            from,
            word,
            "(SELECT ",
            list(", ", 1, outputs),
            format!(" FROM {} {inner_alias} WHERE ", other.path()),
            condition,
            limit,
            format!(") {derived}{on}"),
        ];
        (doc, vec![outer, Source { alias: derived, columns, keyed: false }])
    }

    /// A SELECT; `inner`: in FROM or WITH, where its columns need names that differ.
    pub fn select(&mut self, depth: usize, inner: bool) -> Query {
        let (from, scope) = self.from(depth);
        let keyed = scope.len() == 1 && scope[0].keyed;
        let (outputs, columns) = self.outputs(&scope, inner);
        let condition = self.r#where(&scope, depth.min(2));
        let mut doc = vec![text("SELECT "), outputs, text(" FROM "), from, condition];
        let keys: Vec<String> = scope.iter().map(|s| format!("{}.id", ident(&s.alias))).collect();
        let all_keyed = scope.iter().all(|source| source.keyed);
        let mut ordered = false;
        if self.dares()
            && let Some(place) = self.place(&scope, Column::sealed)
        {
            let mode = scope[place.source].columns[place.column].mode;
            doc.push(seq![Self::mark(C::OrderBy, mode), " ORDER BY ", self.name(&scope, place)]);
        } else if all_keyed && !inner && self.one_in(2) {
            ordered = true;
            let direction = if self.one_in(3) { " DESC" } else { "" };
            doc.push(text(format!(" ORDER BY {}{direction}", keys.join(&format!("{direction}, ")))));
            if self.one_in(3) {
                doc.push(maybe(text(format!(" LIMIT {}", 1 + self.random.below(4)))));
            }
        }
        if !inner && self.one_in(12) {
            let word =
                *self.pick(&[" FOR UPDATE", " FOR SHARE SKIP LOCKED", " FOR NO KEY UPDATE NOWAIT", " FOR KEY SHARE"]);
            doc.push(maybe(seq![Self::mark(C::Locking, Mode::Equality), word]));
        }
        Query { doc: Doc::Seq(doc), columns, ordered, keyed: keyed && inner, loose: false }
    }

    /// The SELECT list.
    pub fn outputs(&mut self, scope: &[Source], inner: bool) -> (Doc, Vec<Column>) {
        let mut items = Vec::new();
        let mut columns: Vec<Column> = Vec::new();
        if inner {
            // Names are known, and `id` leads if there is one.
            let mut wanted = vec![Place { source: 0, column: 0 }];
            wanted.extend((0..2 + self.random.below(3)).filter_map(|_| self.place(scope, |_| true)));
            for (n, place) in wanted.into_iter().enumerate() {
                let column = scope[place.source].columns[place.column].clone();
                let name = if n == 0 { column.name.clone() } else { format!("o{n}") };
                let reference = format!("{}.{}", ident(&scope[place.source].alias), ident(&column.name));
                items.push(seq![Self::mark(C::Output, column.mode), format!("{reference} AS {}", ident(&name))]);
                columns.push(Column { name, ..column });
            }
            return (list(", ", 1, items), columns);
        }
        if self.one_in(5) {
            return (seq![Self::mark(C::Star, Mode::Equality), "*"], columns);
        }
        for _ in 0..1 + self.random.below(4) {
            items.push(self.output(scope));
        }
        (list(", ", 1, items), columns)
    }

    /// One item of a SELECT list.
    pub fn output(&mut self, scope: &[Source]) -> Doc {
        if self.dares()
            && let Some(doc) = self.refused_output(scope)
        {
            return doc;
        }
        let Some(place) = self.place(scope, Column::sealed).or_else(|| self.place(scope, |_| true)) else {
            return text("1");
        };
        let column = scope[place.source].columns[place.column].clone();
        let name = self.name(scope, place);
        let simple = seq![Self::mark(C::Output, column.mode), name.as_str()];
        // What a window carries is determined only where its order is.
        let keyed = scope.len() == 1 && scope[0].keyed;
        let key = self.place(scope, |column| keyed && column.name == "id").map(|place| self.name(scope, place));
        let full = match self.random.below(18) {
            0..=4 => return simple,
            5 => seq![Self::mark(C::Output, column.mode), name, *self.pick(&[" AS x", " AS \"Alias x\"", " y"])],
            6 => {
                let Some(place) = self.place(scope, |column| !column.sealed()) else { return simple };
                text(self.name(scope, place))
            }
            7 => seq![Self::mark(C::Star, column.mode), format!("{}.*", ident(&scope[place.source].alias))],
            8 => {
                let word = *self.pick(&[" IS NULL", " IS NOT NULL AS present"]);
                seq![Self::mark(C::IsNull, column.mode), name, word]
            }
            9 if column.mode == Mode::Equality => {
                let cast = *self.pick(&["", " AS hit"]);
                seq![Self::mark(C::PredicateOutput, column.mode), name, " = ", self.operand(&column), cast]
            }
            10 | 11 if column.sealed() => self.case(scope, &name, &column),
            12 if column.sealed() => {
                let items = self.branches(scope, &name, &column);
                let count = items.len();
                let doc = seq![Self::mark(C::Coalesce, column.mode), "COALESCE(", list(", ", 1, items), ")"];
                // NULLs, and what follows a constant, are left out by the planner, which knows the parameters.
                let sql = doc.render(false).sql;
                let constant = sql.contains("NULL") || !sql.starts_with(&format!("COALESCE({name}"));
                let folded = count > 2 || constant || !doc.render(true).parameters.is_empty();
                if folded { seq![Self::mark(C::Folded, column.mode), doc] } else { doc }
            }
            13 if column.mode == Mode::Equality => {
                seq![Self::mark(C::Nullif, column.mode), "NULLIF(", name, ", ", self.operand(&column), ")"]
            }
            14 => {
                let Some(key) = key else { return simple };
                let call = *self.pick(&[
                    "lag(@)",
                    "lead(@)",
                    "first_value(@)",
                    "last_value(@)",
                    "nth_value(@, 2)",
                    "lag(@, 2)",
                ]);
                let call = call.replace('@', &name);
                let part = if self.one_in(2) { "PARTITION BY 1 " } else { "" };
                seq![Self::mark(C::WindowCarry, column.mode), format!("{call} OVER ({part}ORDER BY {key})")]
            }
            15 => {
                let Some(key) = key else { return simple };
                let call = *self.pick(&["row_number()", "rank()", "count(*)", "count(@)"]);
                seq![format!("{} OVER (ORDER BY {key})", call.replace('@', &name))]
            }
            16 => {
                let Some(place) = self.place(scope, |c| !c.sealed() && c.ty.family() == Family::Integer) else {
                    return simple;
                };
                let name = self.name(scope, place);
                text(self.pick(&["@ + 1", "-@", "@::text", "@ * 2 AS twice"]).replace('@', &name))
            }
            _ => return simple,
        };
        either(full, simple)
    }

    /// Operands beside a column: constants, and columns with the same values.
    fn branches(&mut self, scope: &[Source], name: &str, column: &Column) -> Vec<Doc> {
        let mut items = vec![text(name)];
        if self.one_in(4) {
            let other = self.place(scope, |other| other.identity == column.identity && other.ty == column.ty);
            items.extend(other.map(|place| text(self.name(scope, place))));
        }
        for _ in 0..1 + self.random.below(2) {
            let operand = self.operand(column);
            // Branches of several numeric types have their common type, which is not the column's.
            let literal = Operand { parameter: None, ..operand.clone() };
            let kin = [&operand, &literal].iter().any(|o| o.typed().is_some_and(|ty| ty.oid() != column.ty.oid()));
            items.push(seq![if kin { Self::mark(C::CaseKin, column.mode) } else { text("") }, operand]);
        }
        if self.one_in(4) {
            let at = self.random.below(items.len());
            let item = items.remove(at);
            items.push(item);
        }
        items
    }

    fn case(&mut self, scope: &[Source], name: &str, column: &Column) -> Doc {
        let branches = self.branches(scope, name, column);
        let mut doc = vec![Self::mark(C::CaseResult, column.mode), text("CASE")];
        let last = branches.len() - 1;
        for (n, branch) in branches.into_iter().enumerate() {
            if n < last || last == 0 {
                doc.push(text(" WHEN "));
                doc.push(self.condition(scope, 0));
                doc.push(text(" THEN "));
                doc.push(branch);
            } else {
                doc.push(maybe(seq![" ELSE ", branch]));
            }
        }
        doc.push(text(" END"));
        let doc = Doc::Seq(doc);
        if doc.render(false).sql.contains("NULL") { seq![Self::mark(C::Folded, column.mode), doc] } else { doc }
    }

    fn refused_output(&mut self, scope: &[Source]) -> Option<Doc> {
        let place = self.place(scope, Column::sealed)?;
        let column = scope[place.source].columns[place.column].clone();
        let name = self.name(scope, place);
        let alias = ident(&scope[place.source].alias);
        let mode = column.mode;
        let textual = column.ty.family() == Family::Text;
        Some(match self.random.below(12) {
            0 => seq![Self::mark(C::WholeRow, mode), alias],
            1 => seq![Self::mark(C::WholeRow, mode), format!("to_json({alias})")],
            2 => seq![Self::mark(C::CastOver, mode), name, "::text"],
            3 if textual => {
                let call = *self.pick(&["lower(@)", "upper(@)", "length(@)"]);
                seq![Self::mark(C::Function, mode), call.replace('@', &name)]
            }
            4 if !column.ty.kin().is_empty() && column.ty.family() != Family::Jsonb => {
                seq![Self::mark(C::WindowOrder, mode), format!("row_number() OVER (ORDER BY {name})")]
            }
            5 => seq![Self::mark(C::WindowPartition, mode), format!("count(*) OVER (PARTITION BY {name})")],
            6 => {
                let (source, from) = self.source();
                let place = self.place(std::slice::from_ref(&source), Column::sealed)?;
                let inner = &source.columns[place.column];
                let reference = format!("{}.{}", ident(&source.alias), ident(&inner.name));
                let mode = inner.mode;
                let condition = format!(" ORDER BY {}.id LIMIT 1)", ident(&source.alias));
                seq![Self::mark(C::ScalarSubquery, mode), format!("(SELECT {reference} FROM {from}"), condition]
            }
            7 => {
                let other = self.place(scope, |other| {
                    other.sealed() && other.identity != column.identity && compares(other.ty, column.ty)
                })?;
                let other = self.name(scope, other);
                seq![Self::mark(C::CaseOther, mode), format!("COALESCE({name}, {other})")]
            }
            8 => seq![Self::mark(C::CaseOther, mode), format!("COALESCE({name}, k::text)")],
            9 if textual => seq![Self::mark(C::Function, mode), name, " || 'x'"],
            10 if mode == Mode::Randomized => {
                seq![Self::mark(C::PredicateOutput, mode), name, " = ", self.operand(&column)]
            }
            _ => return None,
        })
    }

    fn grouped(&mut self, depth: usize) -> Query {
        let (source, from) = self.source();
        let scope = [source];
        let refused = self.dares();
        let sealed =
            self.place(&scope, |column| column.mode == if refused { Mode::Randomized } else { Mode::Equality });
        let plain = self.place(&scope, |column| !column.sealed() && column.name != "id");
        let mut keys = Vec::new();
        let mut loose = false;
        for place in [sealed, plain].into_iter().flatten() {
            let column = scope[0].columns[place.column].clone();
            loose |= column.ty.has_twins();
            keys.push(seq![Self::mark(C::GroupBy, column.mode), self.name(&scope, place)]);
            if self.one_in(3) {
                break;
            }
        }
        let counted =
            self.place(&scope, |_| true).map(|place| (scope[0].columns[place.column].mode, self.name(&scope, place)));
        let mut outputs = keys.clone();
        if self.one_in(4) && !keys.is_empty() {
            // By place in the list.
            keys = (1..=keys.len()).map(|n| seq![keys[n - 1].marks(), n.to_string()]).collect();
        }
        outputs.push(text("count(*)"));
        if self.one_in(4)
            && let Some(place) = self.place(&scope, |column| column.mode == Mode::Equality)
        {
            let column = scope[0].columns[place.column].clone();
            let (name, operand) = (self.name(&scope, place), self.operand(&column));
            let mark = Self::mark(C::PredicateOutput, column.mode);
            outputs.push(match self.random.below(3) {
                0 => seq![mark, "count(*) FILTER (WHERE ", name, " = ", operand, ")"],
                1 => seq![mark, "bool_or(", name, " = ", operand, ")"],
                _ => seq![mark, "sum(CASE WHEN ", name, " = ", operand, " THEN 1 ELSE 0 END)"],
            });
        }
        if let Some((mode, name)) = counted {
            outputs.push(match self.random.below(3) {
                0 => seq![Self::mark(C::Count, mode), format!("count({name})")],
                1 if mode == Mode::Equality => {
                    seq![Self::mark(C::CountDistinct, mode), format!("count(DISTINCT {name})")]
                }
                _ if mode != Mode::Plain && self.dares() => {
                    let call = *self.pick(&["min", "max"]);
                    seq![Self::mark(C::MinMax, mode), format!("{call}({name})")]
                }
                _ => text("max(id)"),
            });
        }
        if self.dares()
            && let Some(place) = self.place(&scope, Column::sealed)
        {
            let mode = scope[0].columns[place.column].mode;
            let call = format!("array_agg({})", self.name(&scope, place));
            outputs.push(seq![Self::mark(C::Aggregate, mode), call]);
        }
        let condition = self.r#where(&scope, depth.min(1));
        let mut doc = vec![text("SELECT "), list(", ", 1, outputs), text(" FROM "), text(from), condition];
        if !keys.is_empty() {
            doc.push(seq![" GROUP BY ", list(", ", 1, keys)]);
        }
        if self.one_in(3) {
            doc.push(maybe(text(" HAVING count(*) > 1")));
        }
        Query { doc: Doc::Seq(doc), columns: Vec::new(), ordered: false, keyed: false, loose }
    }

    fn distinct(&mut self, depth: usize) -> Query {
        let (source, from) = self.source();
        let scope = [source];
        let refused = self.dares();
        let mode = if refused { Mode::Randomized } else { Mode::Equality };
        let places = Self::places(&scope, |column| column.mode == mode);
        let chosen: Vec<Place> = places.into_iter().take(1 + self.random.below(2)).collect();
        let loose = chosen.iter().any(|place| scope[0].columns[place.column].ty.has_twins());
        let names: Vec<String> = chosen.iter().map(|place| self.name(&scope, *place)).collect();
        let condition = self.r#where(&scope, depth.min(1));
        let alias = ident(&scope[0].alias);
        let doc = if names.is_empty() {
            seq!["SELECT DISTINCT k FROM ", from, condition]
        } else if self.one_in(3) {
            // Which row of a group is seen is determined by ORDER BY, whose head must be the key.
            let on = names[0].clone();
            seq![Self::mark(C::DistinctOn, mode), format!("SELECT DISTINCT ON ({on}) {on} FROM {from}"), condition,]
        } else {
            let mut items: Vec<Doc> = names.iter().map(|name| text(name.as_str())).collect();
            if self.one_in(2) {
                items.push(text(format!("{alias}.k")));
            }
            seq![
                Self::mark(C::SelectDistinct, mode),
                "SELECT DISTINCT ",
                list(", ", 1, items),
                " FROM ",
                from,
                condition
            ]
        };
        Query { doc, columns: Vec::new(), ordered: false, keyed: false, loose }
    }

    fn set_operation(&mut self, depth: usize) -> Query {
        let (source, from) = self.source();
        let scope = [source];
        let Some(place) = self.place(&scope, Column::sealed) else { return self.select(depth, false) };
        let column = scope[0].columns[place.column].clone();
        let schema = self.schema;
        // The other branch: the same column, or one with the same identity.
        let mut others: Vec<(String, String)> = vec![(from.clone(), self.name(&scope, place))];
        for table in &schema.tables {
            let same = table.columns.iter().filter(|other| other.identity == column.identity && other.ty == column.ty);
            others.extend(same.map(|other| (table.path(), ident(&other.name))));
        }
        let (construct, word) = if self.dares() {
            (C::Union, *self.pick(&[" UNION ", " EXCEPT ", " INTERSECT "]))
        } else {
            (C::UnionAll, " UNION ALL ")
        };
        let count = 1 + self.random.below(2);
        let mut branches =
            vec![seq!["SELECT id, ", self.name(&scope, place), " FROM ", from, self.r#where(&scope, 1),]];
        for _ in 0..count {
            let (from, name) = self.pick(&others).clone();
            branches.push(text(format!("SELECT id, {name} FROM {from}")));
        }
        let doc = seq![Self::mark(construct, column.mode), list(word, 1, branches)];
        Query { doc, columns: Vec::new(), ordered: false, keyed: false, loose: column.ty.has_twins() }
    }

    /// WITH … SELECT.
    fn with(&mut self, depth: usize) -> Query {
        let inner = self.select(depth - 1, true);
        let name = self.fresh("w");
        let scope = [Source { alias: name.clone(), columns: inner.columns, keyed: inner.keyed }];
        let (outputs, _) = self.outputs(&scope, false);
        let condition = self.r#where(&scope, 1);
        let material = *self.pick(&["", "MATERIALIZED ", "NOT MATERIALIZED "]);
        let (mark, word) = if self.dares() {
            (Self::mark(C::Recursive, Mode::Equality), "WITH RECURSIVE ")
        } else {
            (Self::mark(C::CommonTable, Mode::Equality), "WITH ")
        };
        let doc = seq![
            mark,
            word,
            format!("{name} AS {material}("),
            inner.doc,
            ") SELECT ",
            outputs,
            format!(" FROM {name}"),
            condition,
        ];
        Query { doc, columns: Vec::new(), ordered: false, keyed: false, loose: false }
    }
}
