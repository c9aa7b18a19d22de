//! Conditions over the columns in scope.

use super::{Maker, Place, Source, compares};
use crate::{
    doc::{Cast, Doc, Form, Operand, Value, either, list, text},
    matrix::{Construct as C, Mode},
    schema::{Column, ident},
    seq,
    ty::{Family, Ty},
};

impl Maker<'_> {
    /// `WHERE …`, or nothing.
    pub fn r#where(&mut self, scope: &[Source], depth: usize) -> Doc {
        if self.one_in(4) {
            return text("");
        }
        let condition = self.condition(scope, depth);
        crate::doc::maybe(seq![" WHERE ", condition])
    }

    pub fn condition(&mut self, scope: &[Source], depth: usize) -> Doc {
        match self.random.below(10) {
            0 | 1 if depth > 0 => {
                let word = *self.pick(&[" AND ", " OR "]);
                let items = (0..2 + self.random.below(2)).map(|_| seq!["(", self.condition(scope, depth - 1), ")"]);
                list(word, 1, items.collect())
            }
            2 if depth > 0 => seq!["NOT (", self.condition(scope, depth - 1), ")"],
            _ => self.term(scope, depth),
        }
    }

    fn term(&mut self, scope: &[Source], depth: usize) -> Doc {
        if self.dares()
            && let Some(doc) = self.refused_term(scope)
        {
            return doc;
        }
        let sealed = self.random.below(4) > 0;
        let place = if sealed {
            self.place(scope, |column| column.mode == Mode::Equality).or_else(|| self.place(scope, Column::sealed))
        } else {
            self.place(scope, |column| !column.sealed())
        };
        let Some(place) = place.or_else(|| self.place(scope, |_| true)) else { return text("true") };
        let column = scope[place.source].columns[place.column].clone();
        match column.mode {
            Mode::Plain => self.plain_term(scope, place, &column),
            Mode::Randomized => self.is_null(scope, place, &column),
            Mode::Equality => self.equality_term(scope, place, &column, depth),
        }
    }

    fn is_null(&mut self, scope: &[Source], place: Place, column: &Column) -> Doc {
        let word = *self.pick(&[" IS NULL", " IS NOT NULL", " ISNULL", " NOTNULL"]);
        seq![Self::mark(C::IsNull, column.mode), self.name(scope, place), word]
    }

    fn plain_term(&mut self, scope: &[Source], place: Place, column: &Column) -> Doc {
        let name = self.name(scope, place);
        let comparable = column.ty.family() != Family::Jsonb;
        match self.random.below(5) {
            0 => self.is_null(scope, place, column),
            1 if comparable => {
                let word = *self.pick(&[" < ", " <= ", " > ", " >= "]);
                seq![name, word, self.operand(column)]
            }
            2 if column.ty.family() == Family::Integer => seq![name, " % 2 = 0"],
            3 => {
                let items = (0..1 + self.random.below(3)).map(|_| Doc::from(self.operand(column))).collect();
                seq![name, " IN (", list(", ", 1, items), ")"]
            }
            _ => seq![name, " = ", self.operand(column)],
        }
    }

    fn equality_term(&mut self, scope: &[Source], place: Place, column: &Column, depth: usize) -> Doc {
        let name = self.name(scope, place);
        let mode = column.mode;
        let simple = {
            let operand = self.operand(column);
            seq![Self::mark(C::Compare, mode), name.as_str(), " = ", operand]
        };
        let full = match self.random.below(23) {
            0 | 1 => return simple,
            2 if self.one_in(3) => {
                seq![Self::mark(C::Compare, mode), name, *self.pick(&[" = ", " <> "]), self.foreign(column)]
            }
            3 => seq![Self::mark(C::Compare, mode), self.operand(column), " = ", name],
            4 => seq![Self::mark(C::Compare, mode), name, *self.pick(&[" <> ", " != "]), self.operand(column)],
            5 => {
                let word = *self.pick(&[" IS DISTINCT FROM ", " IS NOT DISTINCT FROM "]);
                seq![Self::mark(C::Distinct, mode), name, word, self.operand(column)]
            }
            6 | 7 => {
                let word = *self.pick(&[" IN (", " NOT IN ("]);
                let items = (0..1 + self.random.below(4)).map(|_| Doc::from(self.operand(column))).collect();
                seq![Self::mark(C::InList, mode), name, word, list(", ", 1, items), ")"]
            }
            8 | 9 => self.any_array(name, column),
            10 => self.is_null(scope, place, column),
            11 | 12 => self.columns_term(scope, place, column).unwrap_or_else(|| simple.clone()),
            13 if depth > 0 => self.exists(scope, place, column).unwrap_or_else(|| simple.clone()),
            14 | 15 if depth > 0 => self.in_subquery(scope, place, column).unwrap_or_else(|| simple.clone()),
            16 => self.row_term(scope, place, column),
            17 => {
                let mut operand = self.operand(column);
                self.share += 1;
                operand.share = Some(self.share);
                operand.parameter.get_or_insert((0, false));
                // The server wants to know the type of a parameter where it first stands.
                let typed = operand.cast != Cast::None || operand.parameter.is_some_and(|(oid, _)| oid != 0);
                let (first, second) = (operand.clone(), operand);
                let mark = Self::mark(C::OptionalParameter, mode);
                match self.random.below(2) {
                    0 if typed => seq![mark, "(", first, " IS NULL OR ", name, " = ", second, ")"],
                    1 if typed => seq![mark, "(", first, " IS NOT NULL AND ", name, " = ", second, ")"],
                    _ => seq![mark, "(", name, " = ", first, " OR ", second, " IS NULL)"],
                }
            }
            18 if matches!(column.ty, Ty::Text | Ty::Varchar(_)) => {
                let value = Value::One(format!("{} Ann", crate::pool::MARK));
                let operand = Operand { sealed: true, ..Operand::plain(value, Ty::Text) };
                seq![Self::mark(C::LikeExact, mode), name, *self.pick(&[" LIKE ", " NOT LIKE "]), operand]
            }
            19 => seq![
                Self::mark(C::CaseWhen, mode),
                "CASE WHEN ",
                name,
                " = ",
                self.operand(column),
                " THEN true ELSE k IS NULL END",
            ],
            20 => seq![
                Self::mark(C::Compare, mode),
                "(",
                name,
                " = ",
                self.operand(column),
                ")",
                *self.pick(&[" IS TRUE", " IS NOT TRUE", " IS UNKNOWN", " = true"]),
            ],
            21 => seq![
                Self::mark(C::Nullif, mode),
                "NULLIF(",
                name,
                ", ",
                self.operand(column),
                ")",
                *self.pick(&[" IS NULL", " IS NOT NULL"]),
            ],
            _ => return simple,
        };
        either(full, simple)
    }

    fn any_array(&mut self, name: String, column: &Column) -> Doc {
        let items = self.many(column);
        let word = *self.pick(&[" = ANY (", " <> ALL (", " = SOME ("]);
        let mark = Self::mark(C::AnyArray, column.mode);
        if self.one_in(3) && !items.is_empty() {
            let items = items.iter().map(|item| {
                let value = item.clone().map_or(Value::Null, Value::One);
                let cast = if self.one_in(3) { Cast::Colons(column.ty) } else { Cast::None };
                let parameter = self.one_in(3).then_some((0, false));
                Doc::Operand(Operand { cast, parameter, sealed: true, ..Operand::plain(value, column.ty) })
            });
            let items: Vec<Doc> = items.collect();
            return seq![mark, name, word, "ARRAY[", list(", ", 1, items), "]::", column.ty.name(), "[])"];
        }
        let operand = self.operand_of(column, Value::Many(items));
        let form = if operand.form == Form::Bare { Form::Quoted } else { operand.form };
        seq![mark, name, word, Operand { form, ..operand }, ")"]
    }

    /// A column of the same domain with which comparing is as comparing tokens.
    fn partner(&mut self, scope: &[Source], place: Place, column: &Column) -> Option<Place> {
        let places = Self::places(scope, |other| {
            other.mode == Mode::Equality && other.domain == column.domain && compares(other.ty, column.ty)
        });
        let places: Vec<Place> =
            places.into_iter().filter(|p| (p.source, p.column) != (place.source, place.column)).collect();
        (!places.is_empty()).then(|| *self.pick(&places))
    }

    fn columns_term(&mut self, scope: &[Source], place: Place, column: &Column) -> Option<Doc> {
        let other = self.partner(scope, place, column)?;
        let word = *self.pick(&[" = ", " = ", " <> ", " IS NOT DISTINCT FROM "]);
        let (a, b) = (self.name(scope, place), self.name(scope, other));
        Some(seq![Self::mark(C::CompareColumns, column.mode), a, word, b])
    }

    /// A table with a column that compares with this one: as a source, as FROM writes it, and which column.
    pub fn partner_table(&mut self, column: &Column) -> Option<(Source, String, usize)> {
        let schema = self.schema;
        let mut found = Vec::new();
        for table in &schema.tables {
            for (c, other) in table.columns.iter().enumerate() {
                if other.mode == Mode::Equality && other.domain == column.domain && compares(other.ty, column.ty) {
                    found.push((table, c));
                }
            }
        }
        if found.is_empty() {
            return None;
        }
        let (table, c) = *self.pick(&found);
        let alias = self.fresh("x");
        let from = format!("{} {alias}", table.path());
        Some((Source { alias, columns: table.columns.clone(), keyed: true }, from, c))
    }

    fn exists(&mut self, scope: &[Source], place: Place, column: &Column) -> Option<Doc> {
        let (source, from, c) = self.partner_table(column)?;
        let alias = source.alias.clone();
        let inner = format!("{alias}.{}", ident(&source.columns[c].name));
        let outer = format!("{}.{}", ident(&scope[place.source].alias), ident(&column.name));
        let more = self.condition(&[source], 0);
        let word = *self.pick(&["EXISTS", "NOT EXISTS"]);
        let what = *self.pick(&["1", "*", "id"]);
        Some(seq![
            Self::mark(C::Exists, column.mode),
            word,
            format!(" (SELECT {what} FROM {from} WHERE {inner} = {outer}"),
            crate::doc::maybe(seq![" AND ", more]),
            ")",
        ])
    }

    fn in_subquery(&mut self, scope: &[Source], place: Place, column: &Column) -> Option<Doc> {
        let (source, from, c) = self.partner_table(column)?;
        let alias = source.alias.clone();
        let inner = format!("{alias}.{}", ident(&source.columns[c].name));
        let condition = self.r#where(&[source], 0);
        let (construct, word) = *self.pick(&[
            (C::InSubquery, " IN ("),
            (C::InSubquery, " NOT IN ("),
            (C::AnySubquery, " = ANY ("),
            (C::AnySubquery, " <> ALL ("),
        ]);
        let distinct = if self.one_in(6) { "DISTINCT " } else { "" };
        let name = self.name(scope, place);
        Some(seq![
            Self::mark(construct, column.mode),
            name,
            word,
            format!("SELECT {distinct}{inner} FROM {from}"),
            condition,
            ")",
        ])
    }

    fn row_term(&mut self, scope: &[Source], place: Place, column: &Column) -> Doc {
        let name = self.name(scope, place);
        let key = self.place(scope, |column| column.name == "id").map(|place| self.name(scope, place));
        let key = key.unwrap_or_else(|| "1".to_owned());
        let id = 1 + self.random.below(6);
        if self.one_in(2) {
            let word = *self.pick(&[" = ", " <> "]);
            return seq![
                Self::mark(C::RowCompare, column.mode),
                format!("({name}, {key}){word}("),
                self.operand(column),
                format!(", {id})"),
            ];
        }
        let items = (0..1 + self.random.below(3)).map(|i| seq!["(", self.operand(column), format!(", {})", id + i)]);
        let items = items.collect();
        let word = *self.pick(&[" IN (", " NOT IN ("]);
        seq![Self::mark(C::RowInList, column.mode), format!("({name}, {key}){word}"), list(", ", 1, items), ")"]
    }

    /// What is declared as refused.
    fn refused_term(&mut self, scope: &[Source]) -> Option<Doc> {
        let place = self.place(scope, Column::sealed)?;
        let column = scope[place.source].columns[place.column].clone();
        let name = self.name(scope, place);
        let mode = column.mode;
        let operand = self.operand(&column);
        let ordered = column.ty.family() != Family::Jsonb;
        let textual = column.ty.family() == Family::Text;
        Some(match self.random.below(9) {
            0 if ordered => seq![Self::mark(C::Range, mode), name, *self.pick(&[" < ", " >= "]), operand],
            1 if ordered => {
                let to = self.operand(&column);
                seq![Self::mark(C::Range, mode), name, " BETWEEN ", operand, " AND ", to]
            }
            2 if textual => {
                let word = *self.pick(&[" LIKE ", " ILIKE ", " ~ ", " NOT LIKE "]);
                let value = Value::One(format!("{}%", crate::pool::MARK));
                seq![Self::mark(C::Like, mode), name, word, Operand { value, form: Form::Quoted, ..operand }]
            }
            3 => {
                let other = self.place(scope, |other| {
                    other.sealed() && other.domain != column.domain && compares(other.ty, column.ty)
                })?;
                seq![Self::mark(C::OtherDomain, mode), name, " = ", self.name(scope, other)]
            }
            4 => {
                let other = self.place(scope, |other| !other.sealed() && compares(other.ty, column.ty))?;
                let (mark, other) = (Self::mark(C::PlainColumn, mode), self.name(scope, other));
                if self.one_in(2) { seq![mark, name, " = ", other] } else { seq![mark, other, " = ", name] }
            }
            5 if textual => seq![Self::mark(C::ComputedOperand, mode), name, " = lower(", operand, ")"],
            6 if textual => seq![Self::mark(C::Function, mode), "lower(", name, ") = ", operand],
            7 => seq![Self::mark(C::CastOver, mode), name, "::text = 'x'"],
            _ if mode == Mode::Randomized => seq![Self::mark(C::Compare, mode), name, " = ", operand],
            _ => return None,
        })
    }
}
