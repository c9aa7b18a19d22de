//! PREPARE, EXECUTE, DECLARE CURSOR, FETCH: statements that make or use names of plans.

use pg_raw_parse::{
    Node,
    list::NodeList,
    nodes::{A_ArrayExpr, ExecuteStmt, FetchStmt, ParamRef, PrepareStmt, TypeName},
};

use super::{
    Done, Resolver, Step,
    operand::{Operand, folded},
    refuse::{Place, Stop, located, native},
    types::{self, Types},
};
use crate::{
    sql::{
        grammar::edits::{Change, NodeAt, NodeKind},
        held::{Held, Lookup},
        model::{Literal, Output, Param, ParamForm, Refusal},
    },
    values::{LogicalType, Source},
};

/// int4 (pg_type.dat)
const INT4: u32 = 23;

/// Declared types of the parameters of a PREPARE. The server ignores modifiers there, and so does
/// this; 0 for a type that is not known here and for `unknown`.
pub(in crate::sql) fn declared_types(prepare: &PrepareStmt, types: Types<'_>) -> Vec<u32> {
    prepare.argtypes().iter().map(|name| types.source(name).map_or(0, |source| source.oid)).collect()
}

/// What in the text of a PREPARE changes because parameters travel sealed: their declared types.
/// Stops at what cannot be kept under a name. `stores`: the statement may write.
pub(in crate::sql) fn prepare_changes(
    prepare: &PrepareStmt,
    params: &[Param],
    client_params: usize,
    stores: bool,
    types: Types<'_>,
    changes: &mut Vec<(NodeAt, Change)>,
) -> Result<(), Stop> {
    // What only stands beside a column's values in results is never stored.
    let sealed = |change: &Change| match change {
        Change::Seal(..) | Change::SealArray(..) => true,
        Change::SealAs(..) => stores,
        _ => false,
    };
    if let Some((at, _)) = changes.iter().find(|(_, change)| sealed(change)) {
        let message = "pgveil does not support PREPARE of a statement that has a value for a sealed column in its text";
        let refusal = Refusal::unsupported("sql/prepared-value", message)
            .detail("Each EXECUTE would store the very same sealed bytes, which shows that the values are equal.")
            .hint("use a parameter for the value");
        return Err(located(refusal, at.location));
    }
    if params.len() > client_params {
        let number = params.get(client_params).map_or(1, |param| param.client + 1);
        let message =
            format!("pgveil does not support PREPARE of a statement that needs parameter ${number} in two forms");
        return Err(Refusal::unsupported("sql/prepared-parameter", message)
            .detail("It is stored and compared, or used with several sealed columns.")
            .hint("use two parameters, or prepare the statement through the protocol")
            .into());
    }
    if params.iter().any(|param| matches!(param.form, ParamForm::SealText(..))) {
        let message = "pgveil does not support PREPARE of a statement that casts a text parameter for a sealed column";
        return Err(Refusal::unsupported("sql/prepared-parameter", message)
            .hint("give the parameter the column's type")
            .into());
    }
    for (param, name) in params.iter().zip(prepare.argtypes()) {
        let array = match param.form {
            ParamForm::Plain => continue,
            ParamForm::Seal(..) | ParamForm::SealText(..) | ParamForm::SealAs(..) | ParamForm::Token(..) => false,
            ParamForm::TokenArray(..) | ParamForm::SealArray(..) => true,
        };
        if types.source(name).is_none() && !is_unknown(name) {
            let message = "pgveil does not support this type for a parameter that is used with a sealed column";
            return Err(located(Refusal::unsupported("sql/unsupported-cast", message), name.location));
        }
        changes.push((NodeAt { kind: NodeKind::TypeName, location: name.location }, Change::Bytea { array }));
    }
    Ok(())
}

/// `PREPARE q (unknown)`: the server finds the type out.
fn is_unknown(name: &TypeName) -> bool {
    name.names().iter().next_back().and_then(|last| last.sval()) == Some("unknown")
}

impl<'a> Resolver<'a> {
    /// EXECUTE: its arguments travel as the parameters of the statement do.
    pub(super) fn execute(&mut self, execute: &'a ExecuteStmt) -> Step<Done<'a>> {
        let name = execute.name().unwrap_or_default();
        let held = match self.names.statement(name) {
            Lookup::Held(held) => held,
            Lookup::Unknown => {
                execute.params().iter().try_for_each(|node| self.no_forbidden_calls(node))?;
                return Ok(Done::Forward);
            }
            // Its arguments would stand in the server's log beside the error, whatever they are for: an
            // application that has reconnected sends the values of its columns so.
            Lookup::Missing if !execute.params().is_empty() => {
                let message = format!("prepared statement \"{name}\" does not exist");
                return Err(self.refused(Refusal::unsupported("sql/unknown-statement", message).sqlstate("26000")));
            }
            Lookup::Missing => return Ok(Done::Forward),
            Lookup::Refused(refusal) => return Err(self.refused(*refusal)),
        };
        // Whatever stops the walk from here on refuses the statement, though it names no table.
        self.forbidden = true;
        if held.plan.seals_literals() && held.plan.may_write {
            let message =
                "pgveil does not support EXECUTE of a statement that has a value for a sealed column in its text";
            return Err(Refusal::unsupported("sql/prepared-value", message)
                .hint("use a parameter for the value")
                .into());
        }
        if held.plan.params.len() > held.plan.client_params {
            let message = "pgveil does not support EXECUTE of a statement that needs a parameter in two forms";
            return Err(Refusal::unsupported("sql/prepared-parameter", message)
                .hint("bind and execute it through the protocol")
                .into());
        }
        self.arguments(name, &held, execute.params())?;
        self.may_write |= held.plan.may_write;
        self.held = Some(held);
        Ok(Done::Held)
    }

    /// FETCH and MOVE.
    pub(super) fn fetch(&mut self, fetch: &'a FetchStmt) -> Step<Done<'a>> {
        match self.names.cursor(fetch.portalname().unwrap_or_default()) {
            Lookup::Unknown | Lookup::Missing => Ok(Done::Forward),
            Lookup::Refused(refusal) => Err(self.refused(*refusal)),
            Lookup::Held(held) => {
                self.may_write |= held.plan.may_write;
                self.held = Some(held);
                Ok(if fetch.ismove { Done::Utility } else { Done::Held })
            }
        }
    }

    /// The rows of the statement that is executed are about to be stored.
    pub(super) fn unsealed_rows(&self, what: &'static str) -> Step<()> {
        match self.held.as_ref().and_then(|held| held.plan.results.iter().find_map(Output::sealed)) {
            Some(ordinal) => Err(self.unsupported(ordinal, Place::Named(what), -1)),
            None => Ok(()),
        }
    }

    fn refused(&mut self, refusal: Refusal) -> Stop {
        self.forbidden = true;
        refusal.into()
    }

    fn arguments(&mut self, name: &str, held: &Held, nodes: &'a NodeList) -> Step<()> {
        let expected = held.plan.client_params.max(held.declared.len());
        if nodes.len() != expected {
            // EvaluateParams() of src/backend/commands/prepare.c
            let message = format!("wrong number of parameters for prepared statement \"{name}\"");
            return Err(Refusal::unsupported("sql/wrong-arguments", message)
                .sqlstate("42601")
                .detail(format!("Expected {expected} parameters but got {}.", nodes.len()))
                .into());
        }
        for (i, node) in nodes.iter().enumerate() {
            let declared = Source { oid: held.declared.get(i).copied().unwrap_or(0), typmod: -1 };
            match held.plan.params.get(i).map_or(ParamForm::Plain, |param| param.form) {
                ParamForm::Plain => {
                    self.no_forbidden_calls(node)?;
                    if held.plan.alone.contains(&i) {
                        self.loose_argument(node);
                    }
                }
                form => self.argument(i, form, declared, node)?,
            }
        }
        Ok(())
    }

    /// An argument that is sealed, or compared with what is.
    fn argument(&mut self, i: usize, form: ParamForm, declared: Source, node: Node<'a>) -> Step<()> {
        match (self.operand(node), form) {
            (Operand::Null(cast, _), _) => {
                self.null(cast);
                Ok(())
            }
            (Operand::Literal(constant), _) => {
                let expected = self.expected(form, declared)?;
                let own = (constant.source, constant.outer.cast);
                let Some(source) = argument_source(own, expected, self.types()) else { return Err(unsupported(i)) };
                let at = constant.outer.at;
                let literal = Literal { source, ..constant.literal(self.start) };
                self.replace(at, literal, form);
                Ok(())
            }
            (Operand::Array(array, outer, cast), ParamForm::Seal(..) | ParamForm::SealAs(..))
                if let Some((own, text)) = folded(array, cast, self.types()) =>
            {
                let expected = self.expected(form, declared)?;
                let Some(source) = argument_source((own, true), expected, self.types()) else {
                    return Err(unsupported(i));
                };
                let at = usize::try_from(array.location).unwrap_or(0).saturating_sub(self.start);
                self.replace(outer.at, Literal { text, source, at, of_elements: true }, form);
                Ok(())
            }
            (Operand::Array(array, outer, source), ParamForm::TokenArray(ordinal, cast)) => {
                let given = if source.oid == 0 { declared } else { source };
                let types = self.types();
                let one = |array: Source| types.element(array).unwrap_or(Source::UNTYPED);
                if source.oid != 0 && types.element(source).is_none() {
                    return Err(unsupported(i));
                }
                self.changes.push((outer.at, Change::ByteaArray));
                self.elements(i, array, ParamForm::Token(ordinal, one(cast)), one(given))
            }
            (Operand::Parameter(param, ..) | Operand::Read(param, ..), _) => Err(no_parameter(param)),
            (Operand::Array(..) | Operand::Unusable(_) | Operand::Other, _) => {
                self.no_forbidden_calls(node)?;
                Err(unsupported(i))
            }
        }
    }

    fn elements(&mut self, i: usize, array: &'a A_ArrayExpr, form: ParamForm, declared: Source) -> Step<()> {
        array.elements().iter().try_for_each(|node| self.argument(i, form, declared, node))
    }

    /// The type that the server expects of an argument (the parameter's), and a cast around the
    /// parameter that the value then goes through.
    fn expected(&self, form: ParamForm, declared: Source) -> Step<(Source, Source)> {
        let own = |ty: LogicalType| Source { oid: ty.oid(), typmod: -1 };
        let array = |ty: LogicalType| Source { oid: ty.array_oid(), typmod: -1 };
        let (cast, inferred) = match form {
            ParamForm::Plain => (Source::UNTYPED, Source::UNTYPED),
            ParamForm::Seal(ordinal, cast) | ParamForm::SealText(ordinal, cast) => {
                (cast, own(self.sealed_column(ordinal)?.ty))
            }
            ParamForm::SealAs(_, ty, cast) => (cast, own(ty)),
            ParamForm::Token(ordinal, cast) => (cast, own(compared(self.sealed_column(ordinal)?.ty))),
            ParamForm::TokenArray(ordinal, cast) => (cast, array(compared(self.sealed_column(ordinal)?.ty))),
            ParamForm::SealArray(ordinal, cast) => (cast, array(self.sealed_column(ordinal)?.ty)),
        };
        let parameter = [declared, Source { typmod: -1, ..cast }, inferred].into_iter().find(|s| s.oid != 0);
        Ok((parameter.unwrap_or(Source::UNTYPED), cast))
    }

    fn replace(&mut self, at: NodeAt, literal: Literal, form: ParamForm) {
        let change = match form {
            ParamForm::Plain => return,
            ParamForm::Seal(ordinal, _) | ParamForm::SealText(ordinal, _) => Change::Seal(ordinal, literal),
            ParamForm::SealAs(ordinal, ty, _) => Change::SealAs(ordinal, ty, literal),
            ParamForm::Token(ordinal, _) => Change::Token(ordinal, literal),
            ParamForm::TokenArray(ordinal, _) => Change::TokenArray(ordinal, literal),
            ParamForm::SealArray(ordinal, _) => Change::SealArray(ordinal, literal),
        };
        self.changes.push((at, change));
    }
}

/// The type that a parameter beside a column gets: varchar and cidr have no operators of their own.
fn compared(ty: LogicalType) -> LogicalType {
    match ty {
        LogicalType::Varchar(_) => LogicalType::Text,
        LogicalType::Cidr => LogicalType::Inet,
        ty => ty,
    }
}

/// What one [`Source`] says of an argument that is converted to the parameter's type, and then through
/// a cast around the parameter; None if one does not say enough. An untyped result is one that the
/// column reads by itself. `given`: the argument's type, and whether a cast gives it.
fn argument_source(
    (given, is_cast): (Source, bool),
    (parameter, cast): (Source, Source),
    named: Types<'_>,
) -> Option<Source> {
    // A cast to a wider number changes nothing that a comparison could see.
    if cast.oid != 0 && cast.oid != parameter.oid && !types::widens(parameter, cast) {
        return None;
    }
    let is_text = |source: Source| types::is_text(named.element(source).unwrap_or(source));
    let is_array = |source: Source| named.element(source).is_some();
    let same_text = |a: Source, b: Source| a.oid == b.oid || is_text(a) && is_text(b) && is_array(a) == is_array(b);
    // The digits of an integer are those of any other number.
    let number = !is_cast && given.oid == INT4 && (types::is_integer(parameter) || types::is_fractional(parameter));
    let source = if given.oid == 0 || number { Source { typmod: -1, ..parameter } } else { given };
    if !same_text(source, parameter) {
        return None;
    }
    match (source.typmod, cast.typmod) {
        (_, -1) => Some(source),
        // As a literal of an interval, it would be read by the modifier.
        (-1, _) if cast.oid != types::INTERVAL => Some(cast),
        _ => None,
    }
}

/// EXECUTE takes no parameters of the protocol.
fn no_parameter(param: &ParamRef) -> Stop {
    native("42P02", "sql/unknown-parameter", format!("there is no parameter ${}", param.number), param.location)
}

fn unsupported(i: usize) -> Stop {
    let message = format!("pgveil does not support this value as argument {} of EXECUTE", i + 1);
    Refusal::unsupported("sql/unsupported-argument", message)
        .detail("The statement stores it in a sealed column, or compares it with one.")
        .hint("give it as a plain literal of the parameter's type")
        .into()
}
