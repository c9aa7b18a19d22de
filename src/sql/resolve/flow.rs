//! Values of the statement's own on their way: literals and parameters that stand in a derived table, a
//! CASE, an `unnest()` …, and reach a sealed column (or a plain place) only further out.
//!
//! How they have to travel is known where they are used, so the walk notes where they stand and decides
//! then. A value that is used in two ways cannot be sent at all.

use pg_raw_parse::{Node, nodes::ParamRef};

use super::{
    Resolver, Step,
    operand::{Operand, Outer, folded, integer_fits, nested, reads_text},
    refuse::{Place, located},
    scope::Scope,
    types,
};
use crate::{
    sql::{
        grammar::edits::{Change, NodeAt},
        model::{Literal, Ordinal, ParamForm, Refusal},
    },
    values::{LogicalType, Source},
};

/// `text`: what unknown literals become where a query's output has to have a type.
const TEXT: u32 = 25;

/// Number of a flow within its statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sql) struct FlowId(usize);

/// Values that are used together: the rows of a VALUES list, the branches of a CASE.
#[derive(Debug)]
pub(super) struct Flow<'a> {
    parts: Vec<Part<'a>>,
    /// The type that they have together, with its modifier; untyped: not decided.
    ty: Source,
    /// It is one literal or parameter that stands where it is used.
    direct: bool,
    /// Of an output column that is named after the value itself: where it stands, and its name. What is
    /// sent instead of the value would be called otherwise.
    named: Option<(NodeAt, String)>,
    /// How they are used.
    used: Option<Used>,
}

#[derive(Clone, Copy, Debug)]
enum Part<'a> {
    /// A literal, NULL or parameter, with its casts.
    Value(Node<'a>),
    /// An array of them, one value for each element.
    Array(Node<'a>),
    /// Others, perhaps with a cast around them.
    Flow(FlowId, Option<(NodeAt, Source)>),
}

/// How values are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// As they are.
    Plain,
    /// Stored in the column.
    Seal(Ordinal),
    /// Beside values of the column, of a type of their own.
    SealAs(Ordinal, LogicalType),
    /// Compared with the column.
    Token(Ordinal),
}

impl Use {
    fn column(self) -> Option<Ordinal> {
        match self {
            Self::Plain => None,
            Self::Seal(ordinal) | Self::SealAs(ordinal, _) | Self::Token(ordinal) => Some(ordinal),
        }
    }
}

/// A use, and what stands between it and the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Used {
    how: Use,
    /// A cast, or untyped.
    cast: Source,
    /// The type that untyped ones take; 0: that of the column.
    inherits: u32,
    /// They stand where they are used.
    direct: bool,
    /// The place of use, for messages.
    location: i32,
}

impl<'a> Resolver<'a> {
    fn flow(&mut self, parts: Vec<Part<'a>>, ty: Source, direct: bool) -> FlowId {
        self.flows.push(Flow { parts, ty, direct, named: None, used: None });
        FlowId(self.flows.len() - 1)
    }

    /// One literal, NULL or parameter.
    pub(super) fn value_flow(&mut self, node: Node<'a>) -> FlowId {
        let ty = self.typed(node).map_or(Source::UNTYPED, |(source, _)| source);
        self.flow(vec![Part::Value(node)], ty, true)
    }

    /// An output column without a name of its own is this very literal or parameter.
    pub(super) fn name_flow(&mut self, flow: FlowId, target: NodeAt, name: &str) {
        // `CASE … ELSE ARRAY[…] END` is named after the array, too.
        let is_value = |flow: &&mut Flow<'_>| name == "array" || matches!(flow.parts.as_slice(), [Part::Value(_)]);
        if let Some(flow) = self.flows.get_mut(flow.0).filter(is_value) {
            flow.named = Some((target, name.to_owned()));
        }
    }

    /// The elements of an array.
    pub(super) fn array_flow(&mut self, node: Node<'a>, element: u32) -> FlowId {
        self.flow(vec![Part::Array(node)], Source { oid: element, typmod: -1 }, false)
    }

    /// Values under a cast.
    pub(super) fn cast_flow(&mut self, from: FlowId, at: NodeAt, cast: Source) -> FlowId {
        self.flow(vec![Part::Flow(from, Some((at, cast)))], cast, false)
    }

    /// Values that come to have a type together.
    pub(super) fn joined_flow(&mut self, from: impl IntoIterator<Item = FlowId>, ty: Source) -> FlowId {
        let parts = from.into_iter().map(|flow| Part::Flow(flow, None)).collect();
        self.flow(parts, ty, false)
    }

    /// The type of values, as far as it is decided.
    pub(super) fn flow_type(&self, flow: FlowId) -> Source {
        self.flows.get(flow.0).map_or(Source::UNTYPED, |flow| flow.ty)
    }

    /// Values become the output of a query that others read from: they have a type from here on.
    pub(super) fn settle(&mut self, flow: FlowId) {
        if let Some(flow) = self.flows.get_mut(flow.0) {
            flow.direct = false;
            if flow.ty.oid == 0 {
                flow.ty.oid = TEXT;
            }
        }
    }

    /// Values stand somewhere else than where they are used: nothing there gives them a type.
    pub(super) fn detach(&mut self, flow: FlowId) {
        if let Some(flow) = self.flows.get_mut(flow.0) {
            flow.direct = false;
        }
    }

    /// Values are used.
    pub(super) fn use_flow(&mut self, flow: FlowId, how: Use, location: i32) -> Step<()> {
        self.use_flow_under(flow, how, Source::UNTYPED, location)
    }

    /// Values are used under a cast whose place in the text is seen to by the caller.
    pub(super) fn use_flow_under(&mut self, flow: FlowId, how: Use, cast: Source, location: i32) -> Step<()> {
        self.use_parts(flow, Used { how, cast, inherits: 0, direct: true, location })
    }

    /// What was used nowhere is sent as it is.
    pub(super) fn finish_flows(&mut self) -> Step<()> {
        for flow in 0..self.flows.len() {
            if self.flows.get(flow).is_some_and(|flow| flow.used.is_none()) {
                self.use_flow(FlowId(flow), Use::Plain, -1)?;
            }
        }
        Ok(())
    }

    fn use_parts(&mut self, id: FlowId, mut used: Used) -> Step<()> {
        let Some(flow) = self.flows.get_mut(id.0) else { return Ok(()) };
        used.direct &= flow.direct;
        // Below a cast that is the type that the cast starts from.
        if flow.ty.oid != 0 {
            used.inherits = flow.ty.oid;
        }
        match flow.used {
            None => flow.used = Some(used),
            Some(before) if before.how == Use::Plain && used.how == Use::Plain => return Ok(()),
            Some(before) if Used { location: used.location, ..before } == used => return Ok(()),
            Some(before) => return Err(self.two_uses(before, used)),
        }
        let parts = std::mem::take(&mut flow.parts);
        let together = flow.ty;
        let named = flow.named.take().filter(|_| used.how != Use::Plain && !used.direct);
        self.changes.extend(named.map(|(at, name)| (at, Change::Name(name))));
        for part in parts {
            match part {
                Part::Flow(from, None) => {
                    let cast = match self.changed_by(from, together) {
                        Some(common) if used.how != Use::Plain => self.under(used, common)?,
                        _ => used.cast,
                    };
                    self.nested(|this| this.use_parts(from, Used { cast, direct: false, ..used }))?;
                }
                Part::Flow(from, Some((at, cast))) => {
                    let cast = if used.how == Use::Plain { cast } else { self.under(used, cast)? };
                    if used.how != Use::Plain {
                        self.changes.push((at, Change::Uncast));
                    }
                    let below = Used { cast, inherits: 0, direct: false, ..used };
                    self.nested(|this| this.use_parts(from, below))?;
                }
                Part::Value(node) => self.use_value(node, used)?,
                Part::Array(node) => self.use_array(node, used)?,
            }
        }
        Ok(())
    }

    /// One cast for a cast and what already stands around it.
    fn under(&self, used: Used, cast: Source) -> Step<Source> {
        let outer = if used.cast.oid == 0 { Some(cast) } else { nested(used.cast, cast, false) };
        outer.ok_or_else(|| self.obstacle(used, "casts of casts"))
    }

    /// The type that values have together with others, if it makes others of them: `coalesce(1.50, 2::float8)` is
    /// `1.5`, whatever is done with it then.
    fn changed_by(&self, from: FlowId, together: Source) -> Option<Source> {
        let own = self.flow_type(from);
        let kept = own.oid == 0
            || together.oid == 0
            || own.oid == together.oid
            || types::widens(own, together)
            // A double holds every int4 and shows it as that: int2 and float8 in one batch of SQLAlchemy's.
            || matches!((own.oid, together.oid), (21 | 23, 701) | (21, 700))
            || own.is_string() && together.is_string();
        (!kept).then_some(Source { oid: together.oid, typmod: -1 })
    }

    fn two_uses(&self, before: Used, used: Used) -> super::Stop {
        let table = self.touched.map_or_else(String::new, |r| super::table_label(&r.schema, &r.name));
        let message =
            format!("a value of the statement is used both with a sealed column of \"{table}\" and elsewhere");
        let refusal = Refusal::unsupported("sql/shared-value", message)
            .detail("It would have to be sent in two forms at once.")
            .hint("write the value twice, once for each use");
        located(refusal, if used.location >= 0 { used.location } else { before.location })
    }

    fn obstacle(&self, used: Used, what: &'static str) -> super::Stop {
        let hint = "give the value as a plain literal or parameter";
        let (code, ordinal) = match used.how {
            Use::Token(ordinal) => ("sql/unsupported-operand", ordinal),
            how => ("sql/unsupported-value", how.column().unwrap_or_default()),
        };
        self.unsupported_because(ordinal, code, what, hint, used.location)
    }

    /// A literal or parameter takes the form of its use.
    fn use_value(&mut self, node: Node<'a>, used: Used) -> Step<()> {
        let Some(ordinal) = used.how.column() else {
            return self.plain(node, &Scope::default(), Place::Named("an expression"));
        };
        let is_array = self.sealed_column(ordinal)?.ty.is_array();
        let types = self.types();
        let fits = |source: &Source| is_array == types.element(*source).is_some() || is_array && source.oid == 0;
        match self.operand(node) {
            Operand::Null(cast, _) => {
                match (used.direct, cast) {
                    (true, cast) => self.null(cast),
                    (false, Some(at)) => self.changes.push((at, Change::NullBytea)),
                    (false, None) => {
                        if let Node::A_Const(constant) = node {
                            self.changes.push((NodeAt::constant(constant), Change::NullBytea));
                        }
                    }
                }
                Ok(())
            }
            Operand::Literal(mut constant) => {
                let wider = types::widens(constant.source, used.cast);
                let in_range = !wider || integer_fits(constant.text(), constant.source.oid);
                let seen = seen_through(constant.source, used, true).filter(|_| in_range);
                let seen = seen.or_else(|| constant.convert(used.cast).then_some(used.cast));
                let Some(source) = seen.filter(fits) else {
                    return Err(self.obstacle(used, "an array or casts of casts"));
                };
                let at = constant.outer.at;
                let mut literal = constant.literal(self.start);
                literal.source = source;
                self.use_literal(at, literal, used, ordinal)
            }
            Operand::Array(array, outer, cast) if is_array && let Some((own, text)) = folded(array, cast, types) => {
                let Some(source) = seen_through(own, used, true).filter(fits) else {
                    return Err(self.obstacle(used, "casts of casts"));
                };
                let at = usize::try_from(array.location).unwrap_or(0).saturating_sub(self.start);
                self.use_literal(outer.at, Literal { text, source, at, of_elements: true }, used, ordinal)
            }
            Operand::Parameter(param, outer, source) => {
                // A declared type is known where the value is read.
                let declared = source.oid == 0 && self.type_of(node).is_some();
                let used_as = if declared { Used { inherits: 0, ..used } } else { used };
                let text = if source.oid == 0 { Source { oid: used.inherits, typmod: -1 } } else { source };
                let form = if !is_array && self.is_text_to_be_read(param, text, used.cast, used) {
                    ParamForm::SealText(ordinal, used.cast)
                } else {
                    let Some(source) = seen_through(source, used_as, false).filter(fits) else {
                        return Err(self.obstacle(used, "an array or casts of casts"));
                    };
                    match used.how {
                        Use::Seal(_) => ParamForm::Seal(ordinal, source),
                        Use::SealAs(_, ty) => ParamForm::SealAs(ordinal, ty, source),
                        Use::Plain | Use::Token(_) => ParamForm::Token(ordinal, source),
                    }
                };
                self.params.form(param.number, outer.at, outer.cast, form)
            }
            Operand::Read(param, outer, source) => {
                let text = Source { oid: TEXT, typmod: -1 };
                match seen_through(source, used, false) {
                    Some(source) if !is_array && self.is_text_to_be_read(param, text, source, used) => {
                        self.params.form(param.number, outer.at, outer.cast, ParamForm::SealText(ordinal, source))
                    }
                    _ => Err(self.obstacle(used, "casts of casts")),
                }
            }
            Operand::Array(..) => Err(self.obstacle(used, "an array here")),
            Operand::Unusable(_) | Operand::Other => Err(self.obstacle(used, "this kind of value")),
        }
    }

    /// Is a parameter of type `text` (as declared or not, in this place) one that a cast reads as another type?
    fn is_text_to_be_read(&self, param: &ParamRef, text: Source, cast: Source, used: Used) -> bool {
        let index = usize::try_from(param.number).unwrap_or(0).checked_sub(1);
        let declared = index.and_then(|index| self.declared.get(index)).copied().unwrap_or(0);
        let as_declared = declared == 0 || types::is_text(Source { oid: declared, typmod: -1 });
        as_declared && reads_text(cast, text, self.types()) && matches!(used.how, Use::Seal(_))
    }

    fn use_literal(&mut self, at: NodeAt, literal: Literal, used: Used, ordinal: Ordinal) -> Step<()> {
        let change = match used.how {
            Use::Seal(_) if used.direct => Change::Seal(ordinal, literal),
            Use::Seal(_) => Change::SealAs(ordinal, self.sealed_column(ordinal)?.ty, literal),
            Use::SealAs(_, ty) => Change::SealAs(ordinal, ty, literal),
            Use::Plain | Use::Token(_) => Change::Token(ordinal, literal),
        };
        self.changes.push((at, change));
        Ok(())
    }

    /// An array whose elements are used one by one.
    fn use_array(&mut self, node: Node<'a>, used: Used) -> Step<()> {
        let Some(ordinal) = used.how.column() else {
            return self.plain(node, &Scope::default(), Place::Named("an expression"));
        };
        let types = self.types();
        let element = |source: Source| types.element(source).unwrap_or(Source::UNTYPED);
        let fits = |source: Source| {
            let own = element(source);
            used.cast.oid == 0 || own == used.cast || own.oid == 0
        };
        if matches!(used.how, Use::SealAs(..)) || self.sealed_column(ordinal)?.ty.is_array() {
            return Err(self.obstacle(used, "unnest() beside it"));
        }
        let token = matches!(used.how, Use::Token(_));
        match self.operand(node) {
            Operand::Literal(constant) if fits(constant.source) => {
                let at = constant.outer.at;
                let literal = constant.literal(self.start);
                let change =
                    if token { Change::TokenArray(ordinal, literal) } else { Change::SealArray(ordinal, literal) };
                self.changes.push((at, change));
                Ok(())
            }
            Operand::Parameter(param, outer, source) if fits(source) => {
                let form =
                    if token { ParamForm::TokenArray(ordinal, source) } else { ParamForm::SealArray(ordinal, source) };
                self.params.form(param.number, outer.at, outer.cast, form)
            }
            Operand::Array(array, Outer { at, .. }, source) if fits(source) => {
                self.changes.push((at, Change::ByteaArray));
                let below = Used { cast: Source::UNTYPED, inherits: element(source).oid, direct: false, ..used };
                array.elements().iter().try_for_each(|node| self.use_value(node, below))
            }
            _ => Err(self.obstacle(used, "casts of casts")),
        }
    }
}

/// The type of a value with a type of its own (or none) under what stands between it and its use.
fn seen_through(own: Source, used: Used, constant: bool) -> Option<Source> {
    let own = if own.oid == 0 && used.inherits != 0 { Source { oid: used.inherits, typmod: -1 } } else { own };
    match (own.oid, used.cast.oid) {
        (_, 0) => Some(own),
        (0, _) => Some(used.cast),
        _ => nested(used.cast, own, constant),
    }
}
