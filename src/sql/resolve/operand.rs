//! Literals and parameters, with the casts around them.

use std::borrow::Cow;

use pg_raw_parse::{
    ConstValue, Node,
    nodes::{A_ArrayExpr, A_Const, A_Expr, A_Expr_Kind, ParamRef},
};
use zeroize::Zeroizing;

use super::{
    Resolver,
    types::{self, Types},
};
use crate::{
    sql::{
        grammar::edits::{NodeAt, NodeKind},
        model::Literal,
    },
    values::{Source, array_literal},
};

/// bool, int2, int4, int8, float8, numeric, bpchar (pg_type.dat)
const BOOL: u32 = 16;
const INT2: u32 = 21;
const INT4: u32 = 23;
const INT8: u32 = 20;
const FLOAT8: u32 = 701;
const NUMERIC: u32 = 1700;
const BPCHAR: u32 = 1042;

/// What numbers may have around them.
const BLANKS: [char; 6] = [' ', '\t', '\n', '\x0b', '\x0c', '\r'];

/// What stands where a value for a sealed column is expected.
#[derive(Debug)]
pub(super) enum Operand<'a> {
    /// `NULL`; the cast around it, if there is one, and its type.
    Null(Option<NodeAt>, Source),
    /// A literal.
    Literal(Constant<'a>),
    /// A parameter.
    Parameter(&'a ParamRef, Outer, Source),
    /// A parameter that is a text, which a cast reads: `$1::text::date`. The source is that of the cast.
    Read(&'a ParamRef, Outer, Source),
    /// `ARRAY[…]`; the source is that of a cast around it.
    Array(&'a A_ArrayExpr, Outer, Source),
    /// A literal or parameter that cannot be used as it stands; says what is in the way.
    Unusable(&'static str),
    /// Something else: an expression.
    Other,
}

/// The outermost node: the cast, or the operand itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outer {
    pub(super) at: NodeAt,
    pub(super) cast: bool,
}

/// A literal with its casts.
#[derive(Debug)]
pub(super) struct Constant<'a> {
    pub(super) outer: Outer,
    text: Cow<'a, str>,
    pub(super) source: Source,
    /// The literal's own place, behind or before its casts.
    pub(super) location: i32,
}

impl Constant<'_> {
    /// Its value, as the input function of its type reads it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Of a number: is it in its own type and, by the same text, in that of a cast around it? Only floats know
    /// `-0`, so the conversion makes it 0.
    pub(super) fn convert(&mut self, cast: Source) -> bool {
        let (text, own) = (self.text.as_ref(), self.source);
        let zero = text.bytes().all(|byte| b"0.-".contains(&byte));
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte));
        let own_fits = match own.oid {
            NUMERIC => plain,
            oid => plain && integer_fits(text, oid),
        };
        let float = |value: f64| value.is_finite() && (value != 0.0 || zero);
        let cast_fits = match cast.oid {
            FLOAT8 => text.parse().is_ok_and(float),
            oid => integer_fits(text, oid),
        };
        let converts = own.typmod == -1 && own_fits && cast_fits;
        if converts && zero {
            self.text = Cow::Borrowed("0");
        }
        converts
    }

    /// Its place in the statement that starts at byte `start`, and its value.
    pub(super) fn literal(self, start: usize) -> Literal {
        let at = usize::try_from(self.location).unwrap_or(0).saturating_sub(start);
        Literal { text: Zeroizing::new(self.text.into_owned()), source: self.source, at, of_elements: false }
    }
}

/// Is it the text of an integer of this type?
pub(super) fn integer_fits(text: &str, oid: u32) -> bool {
    let integer = text.trim_matches(BLANKS).parse::<i64>();
    integer.is_ok_and(|value| match oid {
        INT2 => i16::try_from(value).is_ok(),
        INT4 => i32::try_from(value).is_ok(),
        INT8 => true,
        _ => false,
    })
}

impl<'a> Resolver<'a> {
    /// Reads an operand.
    pub(super) fn operand(&self, node: Node<'a>) -> Operand<'a> {
        operand(node, self.types())
    }
}

/// Reads an operand, type names in it meaning these types.
pub(super) fn operand<'n>(node: Node<'n>, types: Types<'_>) -> Operand<'n> {
    let mut inner = node;
    let mut outer: Option<Outer> = None;
    let mut source = Source::UNTYPED;
    // Of a number: the types that it goes through on its way to a wider one.
    let mut through = Vec::new();
    while let Node::TypeCast(cast) = inner {
        // Only a cast around a literal, parameter or array is an operand's cast.
        let Some(name) = cast.type_name() else { return Operand::Other };
        let Some(cast_type) = types.source(name) else {
            return if is_value(node) { Operand::Unusable("a cast to this type") } else { Operand::Other };
        };
        source = match outer {
            None => cast_type,
            Some(outer) => match (nested(source, cast_type, is_constant(node)), cast.arg()) {
                (Some(next), _) => {
                    if types::widens(cast_type, source) {
                        through.push(cast_type.oid);
                    }
                    next
                }
                (None, Node::ParamRef(param)) if reads_text(source, cast_type, types) => {
                    return Operand::Read(param, outer, source);
                }
                (None, _) if is_value(node) => return Operand::Unusable("casts of casts"),
                (None, _) => return Operand::Other,
            },
        };
        outer.get_or_insert_with(|| Outer { at: NodeAt::type_cast(cast), cast: true });
        inner = cast.arg();
    }
    match inner {
        Node::A_Const(constant) if constant.isnull => Operand::Null(outer.map(|outer| outer.at), source),
        Node::A_Const(constant) => {
            let outer = outer
                .unwrap_or(Outer { at: NodeAt { kind: NodeKind::Const, location: constant.location }, cast: false });
            match value(constant, source, outer.cast) {
                // `'70000'::smallint::int` is an error.
                Some((text, _)) if !through.iter().all(|oid| integer_fits(&text, *oid)) => {
                    Operand::Unusable("casts of casts")
                }
                Some((text, source)) => Operand::Literal(Constant { outer, text, source, location: constant.location }),
                None => Operand::Unusable("this kind of literal"),
            }
        }
        Node::ParamRef(param) => {
            let own = Outer { at: NodeAt { kind: NodeKind::ParamRef, location: param.location }, cast: false };
            Operand::Parameter(param, outer.unwrap_or(own), source)
        }
        Node::A_ArrayExpr(array) => {
            let own = Outer { at: NodeAt { kind: NodeKind::ArrayExpr, location: array.location }, cast: false };
            Operand::Array(array, outer.unwrap_or(own), source)
        }
        Node::A_Expr(expr) if outer.is_none() => negated(expr, types).map_or(Operand::Other, Operand::Literal),
        _ => Operand::Other,
    }
}

/// A minus sign before a number in a cast: `-5::int` negates what is cast.
fn negated<'n>(expr: &'n A_Expr, types: Types<'_>) -> Option<Constant<'n>> {
    let mut name = expr.name().iter().map(Node::as_str);
    let minus = expr.kind == A_Expr_Kind::AEXPR_OP
        && matches!(expr.lexpr(), Node::None)
        && matches!(expr.rexpr(), Node::TypeCast(_))
        && (name.next(), name.next()) == (Some(Some("-")), None);
    let Operand::Literal(constant) = (if minus { operand(expr.rexpr(), types) } else { Operand::Other }) else {
        return None;
    };
    let text = constant.text.trim_matches(BLANKS);
    let integer = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    // What is not in the type is an error before it is negated: `-'2147483648'::int`.
    let fits = match constant.source.oid {
        INT2 => integer.is_some_and(|value| i16::try_from(value).is_ok()),
        INT4 => integer.is_some_and(|value| i32::try_from(value).is_ok()),
        INT8 => integer.is_some(),
        NUMERIC => {
            text.starts_with(|first: char| first.is_ascii_digit() || first == '.')
                && text.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
        }
        _ => false,
    };
    let outer = Outer { at: NodeAt { kind: NodeKind::Prefix, location: expr.location }, cast: true };
    let text = Cow::Owned(format!("-{text}"));
    fits.then_some(Constant { outer, text, source: constant.source, location: expr.location })
}

fn innermost(mut node: Node<'_>) -> Node<'_> {
    while let Node::TypeCast(cast) = node {
        node = cast.arg();
    }
    node
}

fn is_value(node: Node<'_>) -> bool {
    matches!(innermost(node), Node::A_Const(_) | Node::ParamRef(_) | Node::A_ArrayExpr(_))
}

fn is_constant(node: Node<'_>) -> bool {
    matches!(innermost(node), Node::A_Const(_))
}

/// Is `x::inner::outer` the input function of another type, called with a text?
pub(super) fn reads_text(outer: Source, inner: Source, types: Types<'_>) -> bool {
    let text = types::is_text(inner) && inner.typmod == -1;
    text && outer.oid != 0 && !outer.is_string() && types.element(outer).is_none()
}

/// One source for `x::inner::outer`, where one says the same: [`Source`] has room for one cast.
pub(super) fn nested(outer: Source, inner: Source, constant: bool) -> Option<Source> {
    if outer == inner {
        return Some(outer);
    }
    // A modifier of the cast around an interval's literal says how it is read, one of a cast around that not.
    if outer.oid == types::INTERVAL && outer.typmod != -1 {
        return None;
    }
    let unbounded = inner.typmod == -1 && types::is_text(inner);
    match (types::is_text(outer), types::is_text(inner)) {
        (true, true) if unbounded => Some(outer),
        (true, true) if outer.typmod == -1 => Some(inner),
        // `'2024-12-31'::text::date`: a conversion through text is what reads the literal, too; and text becomes
        // char(n) by cutting and padding alone, as when it is read (not so the reverse: that strips blanks).
        (false, true) if unbounded && (constant || outer.oid == BPCHAR) => Some(outer),
        // `x::numeric::numeric(10,2)`, and the reverse, which leaves the value alone.
        (false, false) if outer.oid == inner.oid && inner.typmod == -1 => Some(outer),
        (false, false) if outer.oid == inner.oid && outer.typmod == -1 => Some(inner),
        // A number's text means the same to a wider type.
        (false, false) if constant && inner.typmod == -1 && types::widens(inner, outer) => Some(outer),
        _ => None,
    }
}

/// A constant's text and source, given the cast around it (untyped if there is none).
fn value(constant: &A_Const, cast: Source, has_cast: bool) -> Option<(Cow<'_, str>, Source)> {
    let (text, own) = match constant.val()? {
        ConstValue::String(text) => return Some((Cow::Borrowed(text), cast)),
        ConstValue::Integer(i) => (Cow::Owned(i.to_string()), INT4),
        ConstValue::Boolean(b) => (Cow::Borrowed(if b { "true" } else { "false" }), BOOL),
        ConstValue::Float(text) => number(text)?,
        _ => return None,
    };
    if !has_cast {
        return Some((text, Source { oid: own, typmod: -1 }));
    }
    reads_as(own, cast).then_some((text, cast))
}

/// Does a number's or a truth value's text, read as the cast's type, mean what casting its value does?
fn reads_as(own: u32, cast: Source) -> bool {
    match own {
        BOOL => cast.oid == BOOL || types::is_text(cast),
        INT4 | INT8 => types::is_integer(cast) || types::is_fractional(cast) || types::is_text(cast),
        _ => types::is_fractional(cast) || types::is_text(cast),
    }
}

/// `ARRAY[…]` of literals as one array literal: its type and its text. None if something else is in it, or if its
/// elements' casts say more than one type can.
pub(super) fn folded(array: &A_ArrayExpr, cast: Source, types: Types<'_>) -> Option<(Source, Zeroizing<String>)> {
    let mut elements = Vec::with_capacity(array.elements().len());
    for node in array.elements() {
        elements.push(match operand(node, types) {
            Operand::Null(_, source) => (None, source, true),
            Operand::Literal(constant) => (Some(constant.text), constant.source, constant.outer.cast),
            _ => return None,
        });
    }
    // The cast around it is one around each element (`transformArrayExpr` of parser/parse_expr.c).
    let element = match types.element(cast) {
        Some(element) => element,
        None if cast.oid != 0 || elements.is_empty() => return None,
        None => {
            let own: Vec<u32> = elements.iter().map(|(_, source, _)| source.oid).collect();
            Source { oid: types.common(&own)?, typmod: -1 }
        }
    };
    let reads = |own: Source, own_cast: bool| match own.oid {
        0 => true,
        oid if !own_cast && cast.oid != 0 => reads_as(oid, element),
        _ => nested(element, own, true) == Some(element),
    };
    if !elements.iter().all(|(text, own, own_cast)| text.is_none() || reads(*own, *own_cast)) {
        return None;
    }
    let literal = array_literal(elements.iter().map(|(text, ..)| text.as_ref().map(|text| text.as_bytes())));
    let text = Zeroizing::new(String::from_utf8(literal).ok()?);
    Some((Source { oid: types.array(element)?, ..element }, text))
}

/// make_const (parser/parse_node.c): what does not fit an int4 is an int8 if it can be, else a
/// numeric. The lexer leaves underscores and other bases than ten in the text.
fn number(text: &str) -> Option<(Cow<'_, str>, u32)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let plain: Cow<'_, str> = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    let radix = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ => {
            let oid = match plain.parse::<i64>() {
                // -2147483648: its digits alone are no int4.
                Ok(value) if i32::try_from(value).is_ok() => INT4,
                Ok(_) => INT8,
                Err(_) => NUMERIC,
            };
            return Some((plain, oid));
        }
    };
    let digits = plain.trim_start_matches('-').get(2..)?;
    let value = i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()?;
    Some((Cow::Owned(value.to_string()), INT8))
}
