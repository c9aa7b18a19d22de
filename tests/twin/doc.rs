//! Statements as documents: text with operands, and with what can be taken out of it.
//!
//! A generator writes a document; the same document is rendered with literals or with parameters, and a
//! failure is made smaller by leaving parts out, without anybody knowing SQL.

use std::fmt::Write as _;

use crate::{
    matrix::{Construct, Mode},
    ty::Ty,
};

/// A piece of a statement.
#[derive(Clone, Debug)]
pub enum Doc {
    Text(String),
    Seq(Vec<Doc>),
    /// Items, of which at least some have to stay.
    List {
        items: Vec<Doc>,
        separator: &'static str,
        least: usize,
    },
    /// What the statement makes sense without.
    Maybe(Box<Doc>),
    /// Something, and something simpler for the same place.
    Either(Box<Doc>, Box<Doc>),
    /// Columns with rows of as many values: `INSERT`'s, and tables of values.
    Grid {
        heads: Vec<Doc>,
        between: &'static str,
        rows: Vec<Vec<Doc>>,
    },
    Operand(Operand),
    /// A construct of the matrix stands here.
    Mark(Construct, Mode),
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    One(String),
    Many(Vec<Option<String>>),
}

/// How a literal is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    Quoted,
    /// `E'…'`
    Escape,
    /// `$q$…$q$`
    Dollar,
    /// `U&'…'`
    Unicode,
    /// `'…'` broken over two lines
    Continued,
    /// A number, true, false
    Bare,
}

/// The cast around a literal or parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cast {
    None,
    /// `x::type`
    Colons(Ty),
    /// `CAST(x AS type)`
    Call(Ty),
    /// `type 'x'`; of literals only
    Typed(Ty),
}

/// A value in a statement.
#[derive(Clone, Debug)]
pub struct Operand {
    pub value: Value,
    pub ty: Ty,
    pub form: Form,
    pub cast: Cast,
    /// As a parameter, where the protocol has them: declared OID, binary.
    pub parameter: Option<(u32, bool)>,
    /// Operands with the same number are one parameter.
    pub share: Option<u32>,
    /// Does the value meet a sealed column?
    pub sealed: bool,
}

/// A parameter of a rendered statement.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub oid: u32,
    pub ty: Ty,
    pub binary: bool,
    pub value: Value,
    share: Option<u32>,
}

/// Text and parameters.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    pub sql: String,
    pub parameters: Vec<Parameter>,
    pub marks: Vec<(Construct, Mode)>,
}

pub fn text(text: impl Into<String>) -> Doc {
    Doc::Text(text.into())
}

pub fn list(separator: &'static str, least: usize, items: Vec<Doc>) -> Doc {
    Doc::List { items, separator, least }
}

pub fn maybe(doc: Doc) -> Doc {
    Doc::Maybe(Box::new(doc))
}

pub fn either(doc: Doc, simpler: Doc) -> Doc {
    Doc::Either(Box::new(doc), Box::new(simpler))
}

/// A sequence of pieces, of texts and documents.
#[macro_export]
macro_rules! seq {
    ($($part:expr),* $(,)?) => { $crate::doc::Doc::Seq(vec![$($crate::doc::Doc::from($part)),*]) };
}

impl From<&str> for Doc {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Doc {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Doc {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Operand> for Doc {
    fn from(operand: Operand) -> Self {
        Self::Operand(operand)
    }
}

impl Doc {
    /// With literals, or with parameters where operands can be some.
    pub fn render(&self, parameters: bool) -> Rendered {
        let mut out = Rendered::default();
        self.write(parameters, &mut out);
        out
    }

    fn write(&self, parameters: bool, out: &mut Rendered) {
        match self {
            Self::Text(text) => out.sql.push_str(text),
            Self::Seq(parts) => parts.iter().for_each(|part| part.write(parameters, out)),
            Self::List { items, separator, .. } => joined(items, separator, parameters, out),
            Self::Maybe(inner) | Self::Either(inner, _) => inner.write(parameters, out),
            Self::Grid { heads, between, rows } => {
                if !heads.is_empty() {
                    out.sql.push('(');
                    joined(heads, ", ", parameters, out);
                    out.sql.push(')');
                }
                out.sql.push_str(between);
                for (i, row) in rows.iter().enumerate() {
                    out.sql.push_str(if i > 0 { ", (" } else { "(" });
                    joined(row, ", ", parameters, out);
                    out.sql.push(')');
                }
            }
            Self::Operand(operand) => match operand.parameter {
                Some((oid, binary)) if parameters => operand.as_parameter(oid, binary, out),
                _ => out.sql.push_str(&operand.literal()),
            },
            Self::Mark(construct, mode) => out.marks.push((*construct, *mode)),
        }
    }

    /// Everything that is one step simpler.
    pub fn simpler(&self) -> Vec<Self> {
        match self {
            Self::Text(_) | Self::Mark(..) => Vec::new(),
            Self::Seq(parts) => within(parts, &|parts| Self::Seq(parts)),
            Self::List { items, separator, least } => {
                let with = |items| Self::List { items, separator, least: *least };
                let mut out = Vec::new();
                if items.len() > *least + 2 {
                    out.push(with(items[..*least.max(&1)].to_vec()));
                }
                if items.len() > *least {
                    out.extend((0..items.len()).map(|i| with(without(items, i))));
                }
                out.extend(within(items, &with));
                out
            }
            Self::Maybe(inner) => {
                let mut out = vec![Self::Seq(Vec::new())];
                out.extend(inner.simpler().into_iter().map(maybe));
                out
            }
            Self::Either(full, simple) => {
                let mut out = vec![(**simple).clone()];
                out.extend(full.simpler().into_iter().map(|full| Self::Either(Box::new(full), simple.clone())));
                out
            }
            Self::Grid { heads, between, rows } => {
                let width = rows.first().map_or(0, Vec::len);
                let mut out = Vec::new();
                if rows.len() > 1 {
                    out.extend((0..rows.len()).map(|i| Self::Grid {
                        heads: heads.clone(),
                        between,
                        rows: without(rows, i),
                    }));
                }
                if width > 1 {
                    out.extend((0..width).map(|i| Self::Grid {
                        heads: if heads.is_empty() { Vec::new() } else { without(heads, i) },
                        between,
                        rows: rows.iter().map(|row| without(row, i)).collect(),
                    }));
                }
                for i in 0..rows.len() {
                    let put = |row| {
                        let mut rows = rows.clone();
                        rows[i] = row;
                        Self::Grid { heads: heads.clone(), between, rows }
                    };
                    out.extend(within(&rows[i], &put));
                }
                out
            }
            Self::Operand(operand) => operand.simpler().into_iter().map(Self::Operand).collect(),
        }
    }

    /// The same with other values for the parameters that can have some.
    pub fn with_other_values(&self, choose: &mut dyn FnMut(&Operand) -> Value) -> Self {
        let mut all = |docs: &[Self]| -> Vec<Self> { docs.iter().map(|doc| doc.with_other_values(choose)).collect() };
        match self {
            Self::Text(_) | Self::Mark(..) => self.clone(),
            Self::Seq(parts) => Self::Seq(all(parts)),
            Self::List { items, separator, least } => Self::List { items: all(items), separator, least: *least },
            Self::Maybe(inner) => Self::Maybe(Box::new(inner.with_other_values(choose))),
            // What is simpler is left behind: the text must stay the same.
            Self::Either(full, _) => full.with_other_values(choose),
            Self::Grid { heads, between, rows } => {
                let rows = rows.iter().map(|row| all(row)).collect();
                Self::Grid { heads: heads.clone(), between, rows }
            }
            Self::Operand(operand) if operand.parameter.is_some() && operand.share.is_none() => {
                Self::Operand(Operand { value: choose(operand), ..operand.clone() })
            }
            Self::Operand(_) => self.clone(),
        }
    }

    /// Its marks alone.
    pub fn marks(&self) -> Self {
        Self::Seq(self.render(false).marks.into_iter().map(|(construct, mode)| Self::Mark(construct, mode)).collect())
    }

    /// Are there operands that are one parameter? Literals in their place would be plaintext where a parameter
    /// that is sealed is not.
    pub fn shares(&self) -> bool {
        match self {
            Self::Text(_) | Self::Mark(..) => false,
            Self::Seq(parts) => parts.iter().any(Self::shares),
            Self::List { items, .. } => items.iter().any(Self::shares),
            Self::Maybe(inner) | Self::Either(inner, _) => inner.shares(),
            Self::Grid { heads, rows, .. } => heads.iter().chain(rows.iter().flatten()).any(Self::shares),
            Self::Operand(operand) => operand.share.is_some(),
        }
    }
}

fn joined(items: &[Doc], separator: &str, parameters: bool, out: &mut Rendered) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.sql.push_str(separator);
        }
        item.write(parameters, out);
    }
}

fn without<T: Clone>(items: &[T], at: usize) -> Vec<T> {
    let mut items = items.to_vec();
    items.remove(at);
    items
}

fn within(parts: &[Doc], put: &dyn Fn(Vec<Doc>) -> Doc) -> Vec<Doc> {
    let mut out = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        for simpler in part.simpler() {
            let mut parts = parts.to_vec();
            parts[i] = simpler;
            out.push(put(parts));
        }
    }
    out
}

impl Operand {
    /// As a literal of its form, with its cast.
    pub fn literal(&self) -> String {
        let array = matches!(self.value, Value::Many(_));
        let name = |ty: Ty| if array { format!("{}[]", ty.name()) } else { ty.name() };
        let bare = self.bare();
        match self.cast {
            Cast::None => bare,
            // The least integer is none without its sign, which belongs to the cast's value.
            Cast::Colons(ty) if bare.starts_with('-') && bare.ends_with('8') => format!("({bare})::{}", name(ty)),
            Cast::Colons(ty) => format!("{bare}::{}", name(ty)),
            Cast::Typed(ty) if bare.starts_with('\'') && !array && ty.element().is_none() => {
                format!("{} {bare}", name(ty))
            }
            Cast::Call(ty) | Cast::Typed(ty) => format!("CAST({bare} AS {})", name(ty)),
        }
    }

    /// `ARRAY['a','b']`, where its type is the column's or that of a cast.
    fn constructor(&self, value: &str) -> Option<String> {
        let element = self.ty.element()?;
        let items = crate::ty::items(value).filter(|items| !items.is_empty())?;
        if self.cast == Cast::None && (self.ty != Ty::Texts || matches!(self.value, Value::Many(_))) {
            return None;
        }
        let bare = |item: &str| item == "NULL" || is_bare(item, element);
        let items = items
            .iter()
            .map(|item| if bare(item) { (*item).to_owned() } else { format!("'{}'", item.replace('\'', "''")) });
        Some(format!("ARRAY[{}]", items.collect::<Vec<_>>().join(", ")))
    }

    fn bare(&self) -> String {
        let value = match &self.value {
            Value::Null => return "NULL".to_owned(),
            Value::One(text) => text.clone(),
            Value::Many(items) => array_text(items),
        };
        let quoted = value.replace('\'', "''");
        match self.form {
            Form::Bare if is_bare(&value, self.ty) => value,
            Form::Bare if let Some(constructor) = self.constructor(&value) => constructor,
            Form::Escape => {
                let escaped = value.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
                format!("E'{escaped}'")
            }
            Form::Dollar => format!("$q${value}$q$"),
            Form::Unicode => {
                let escaped: String = value
                    .chars()
                    .map(|c| match c {
                        '\\' => "\\\\".to_owned(),
                        '\'' => "''".to_owned(),
                        c if c.is_ascii() => c.to_string(),
                        c => format!("\\+{:06X}", c as u32),
                    })
                    .collect();
                format!("U&'{escaped}'")
            }
            Form::Continued if quoted.len() > 4 && quoted.is_ascii() && !quoted.contains('\'') => {
                let (head, tail) = quoted.split_at(3);
                format!("'{head}'\n'{tail}'")
            }
            _ => format!("'{quoted}'"),
        }
    }

    fn as_parameter(&self, oid: u32, binary: bool, out: &mut Rendered) {
        let known = self.share.and_then(|share| out.parameters.iter().position(|p| p.share == Some(share)));
        let at = known.unwrap_or_else(|| {
            out.parameters.push(Parameter { oid, ty: self.ty, binary, value: self.value.clone(), share: self.share });
            out.parameters.len() - 1
        });
        let array = matches!(self.value, Value::Many(_));
        let name = |ty: Ty| if array { format!("{}[]", ty.name()) } else { ty.name() };
        let number = at + 1;
        let _ = match self.cast {
            Cast::None => write!(out.sql, "${number}"),
            Cast::Colons(ty) => write!(out.sql, "${number}::{}", name(ty)),
            Cast::Call(ty) | Cast::Typed(ty) => write!(out.sql, "CAST(${number} AS {})", name(ty)),
        };
    }

    /// The type that it has by itself: of its cast, or as it is declared.
    pub fn typed(&self) -> Option<Ty> {
        match self.cast {
            Cast::Colons(ty) | Cast::Call(ty) | Cast::Typed(ty) => Some(ty),
            Cast::None if self.parameter.is_some() => self.parameter.filter(|(oid, _)| *oid != 0).map(|_| self.ty),
            Cast::None => match &self.value {
                Value::One(text) if self.form == Form::Bare && is_bare(text, self.ty) => Some(match text {
                    text if text.parse::<i32>().is_ok() => Ty::Int4,
                    text if text.parse::<i64>().is_ok() => Ty::Int8,
                    text if text.parse::<bool>().is_ok() => Ty::Bool,
                    _ => Ty::Numeric(None),
                }),
                _ => None,
            },
        }
    }

    /// A literal, by itself.
    pub fn plain(value: Value, ty: Ty) -> Self {
        Self { value, ty, form: Form::Quoted, cast: Cast::None, parameter: None, share: None, sealed: false }
    }

    fn simpler(&self) -> Vec<Self> {
        let mut out = Vec::new();
        if self.form != Form::Quoted && self.form != Form::Bare {
            out.push(Self { form: Form::Quoted, ..self.clone() });
        }
        if self.share.is_none() && self.parameter.is_some() {
            out.push(Self { parameter: None, ..self.clone() });
        }
        if let Some((oid, true)) = self.parameter {
            out.push(Self { parameter: Some((oid, false)), ..self.clone() });
        }
        if let Some((1.., binary)) = self.parameter {
            out.push(Self { parameter: Some((0, binary)), ..self.clone() });
        }
        if self.cast != Cast::None {
            out.push(Self { cast: Cast::None, ..self.clone() });
        }
        if let Value::Many(items) = &self.value
            && !items.is_empty()
        {
            out.extend((0..items.len()).map(|i| Self { value: Value::Many(without(items, i)), ..self.clone() }));
        }
        out
    }
}

impl Parameter {
    /// As Bind has it: format and bytes.
    pub fn bound(&self) -> (i16, Option<Vec<u8>>) {
        match &self.value {
            Value::Null => (0, None),
            Value::One(text) => match self.binary.then(|| self.ty.binary(text)).flatten() {
                Some(bytes) => (1, Some(bytes)),
                None => (0, Some(text.clone().into_bytes())),
            },
            Value::Many(items) => match self.binary.then(|| array_binary(self.ty, items)).flatten() {
                Some(bytes) => (1, Some(bytes)),
                None => (0, Some(array_text(items).into_bytes())),
            },
        }
    }
}

/// Can the value be written without quotes?
fn is_bare(value: &str, ty: Ty) -> bool {
    use crate::ty::Family;
    match ty.family() {
        Family::Integer | Family::Numeric => {
            let digits = value.strip_prefix('-').unwrap_or(value);
            digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        }
        Family::Bool => matches!(value, "true" | "false"),
        _ => false,
    }
}

/// array_out's text.
pub fn array_text(items: &[Option<String>]) -> String {
    let items: Vec<String> = items
        .iter()
        .map(|item| match item {
            None => "NULL".to_owned(),
            Some(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        })
        .collect();
    format!("{{{}}}", items.join(","))
}

/// array_send's bytes.
pub fn array_binary(ty: Ty, items: &[Option<String>]) -> Option<Vec<u8>> {
    if ty.oid() == 0 {
        return None;
    }
    let mut out = Vec::new();
    let null = items.iter().any(Option::is_none);
    out.extend_from_slice(&i32::from(!items.is_empty()).to_be_bytes());
    out.extend_from_slice(&i32::from(null).to_be_bytes());
    out.extend_from_slice(&ty.oid().to_be_bytes());
    if !items.is_empty() {
        out.extend_from_slice(&(items.len() as i32).to_be_bytes());
        out.extend_from_slice(&1_i32.to_be_bytes());
    }
    for item in items {
        match item {
            None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(text) => {
                let bytes = ty.binary(text)?;
                out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
                out.extend_from_slice(&bytes);
            }
        }
    }
    Some(out)
}
