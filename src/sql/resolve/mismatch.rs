//! Values of a type that PostgreSQL's parser refuses: said when and where it would say it.
//!
//! What the server would accept but pgveil cannot read is left to the value's codec.

use pg_raw_parse::Node;

use super::{
    Resolver, Step, Stop,
    operand::{Operand, folded},
    refuse::located,
};
use crate::{
    sql::{
        grammar::edits::NodeKind,
        model::{Ordinal, Refusal},
    },
    values::{self, Purpose, Source, ValueError},
};

impl<'a> Resolver<'a> {
    /// A value of this type (0: none of its own) for a column: 42804 points at the value.
    pub(super) fn check_assigned(&self, ordinal: Ordinal, oid: u32, location: i32) -> Step<()> {
        if oid == 0 {
            return Ok(());
        }
        let column = self.sealed_column(ordinal)?;
        match values::check(column.ty, oid, Purpose::Assign, &self.env.search_path) {
            Err(mut error) if error.sqlstate == "42804" => {
                error.message = error.message.replacen("column is of", &format!("column \"{}\" is of", column.name), 1);
                Err(native(error, location))
            }
            _ => Ok(()),
        }
    }

    /// An operand of this type (0: none of its own) compared with a column: 42883 points at the
    /// operator. `before`: it stands before the column.
    pub(super) fn check_compared(
        &self,
        ordinal: Ordinal,
        oid: u32,
        (operator, location): (&str, i32),
        before: bool,
    ) -> Step<()> {
        if oid == 0 {
            return Ok(());
        }
        match values::check(self.sealed_column(ordinal)?.ty, oid, Purpose::Compare, &self.env.search_path) {
            Err(mut error) if matches!(error.sqlstate, "42883" | "42725") => {
                let told = ["operator does not exist: ", "operator is not unique: "];
                let types = |words: &'static str| Some((words, error.message.strip_prefix(words)?.split_once(" = ")?));
                if let Some((words, (column, other))) = told.into_iter().find_map(types) {
                    let (left, right) = if before { (other, column) } else { (column, other) };
                    error.message = format!("{words}{left} {operator} {right}");
                }
                Err(native(error, location))
            }
            _ => Ok(()),
        }
    }

    /// The right side of `= ANY`, if its type is given: `make_scalar_array_op()` of parser/parse_oper.c.
    pub(super) fn check_array(&self, ordinal: Ordinal, array: Node<'a>, operator: (&str, i32)) -> Step<()> {
        let Some((oid, _)) = self.type_of(array) else { return Ok(()) };
        let source = Source { oid, typmod: -1 };
        if let Some(element) = self.types().element(source) {
            return self.check_compared(ordinal, element.oid, operator, false);
        }
        if self.types().is_scalar(source) {
            let message = "op ANY/ALL (array) requires array on right side";
            return Err(native(ValueError::new("42809", message), operator.1));
        }
        Ok(())
    }

    /// Type and place of a NULL, literal, array of literals or parameter whose type is given.
    pub(super) fn type_of(&self, node: Node<'a>) -> Option<(u32, i32)> {
        let (source, location) = self.typed(node)?;
        (source.oid != 0).then_some((source.oid, location))
    }

    /// Type with its modifier, if it is given, and place of a NULL, literal, array of literals or parameter.
    pub(super) fn typed(&self, node: Node<'a>) -> Option<(Source, i32)> {
        Some(match self.operand(node) {
            Operand::Null(_, source) => (source, -1),
            // A sign in front is an operator, whose result has no type modifier.
            Operand::Literal(constant) if constant.outer.at.kind == NodeKind::Prefix => {
                (Source { typmod: -1, ..constant.source }, constant.location)
            }
            Operand::Literal(constant) => (constant.source, constant.location),
            Operand::Parameter(param, _, source) if source.oid != 0 => (source, param.location),
            Operand::Read(param, _, source) => (source, param.location),
            Operand::Parameter(param, ..) => {
                let index = usize::try_from(param.number).ok()?.checked_sub(1)?;
                let oid = self.declared.get(index).copied().unwrap_or(0);
                (Source { oid, typmod: -1 }, param.location)
            }
            Operand::Array(array, _, cast) => (folded(array, cast, self.types())?.0, array.location),
            _ => return None,
        })
    }
}

fn native(error: ValueError, location: i32) -> Stop {
    let mut refusal = Refusal::unsupported("sql/type-mismatch", error.message).sqlstate(error.sqlstate);
    refusal.hint = error.hint;
    located(refusal, location)
}
