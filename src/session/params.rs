//! Parameters on their way to the server: Bind with its values sealed.

use bytes::{BufMut, BytesMut};

use super::{
    arrays,
    cells::{Column, Scratch},
    problem::Problem,
};
use crate::{
    crypto::Token,
    sql::{
        grammar::edits::{write_sealed, write_token, write_token_array},
        model::{Literal, Ordinal, Param, ParamForm, Plan},
    },
    values::{self, Format, LogicalType, Settings, Source},
    wire::{
        frame::message,
        frontend::{self, Bind},
    },
};

/// Everything a value is sealed with.
pub struct Sealer<'a> {
    /// Protected columns by ordinal.
    pub columns: &'a [Column],
    /// The session's settings.
    pub settings: &'a Settings,
    /// Buffers.
    pub scratch: &'a mut Scratch,
}

/// `bytea` and `bytea[]`: how sealed values and arrays of tokens are declared upstream.
const BYTEA: u32 = 17;
const BYTEA_ARRAY: u32 = 1001;

/// The parameter types to declare upstream.
pub fn upstream_oids(plan: &Plan, declared: &[u32]) -> Vec<u32> {
    let mut oids: Vec<u32> = plan
        .params
        .iter()
        .map(|param| match param.form {
            ParamForm::Plain => declared.get(param.client).copied().unwrap_or(0),
            ParamForm::Seal(..) | ParamForm::SealAs(..) | ParamForm::Token(..) => BYTEA,
            ParamForm::TokenArray(..) | ParamForm::SealArray(..) => BYTEA_ARRAY,
        })
        .collect();
    // Declared but unused parameters count in the client's view, so they must exist upstream too.
    if plan.params.len() == plan.client_params {
        oids.extend(declared.iter().skip(oids.len()));
    }
    oids
}

/// The parameter types to show the client, from what the server said of the edited statement.
pub fn shown_oids(plan: &Plan, columns: &[Column], declared: &[u32], upstream: &[u32]) -> Vec<u32> {
    let count = if plan.params.len() > plan.client_params { plan.client_params } else { upstream.len() };
    let mut shown: Vec<u32> = upstream.iter().copied().take(count).collect();
    for (param, oid) in plan.params.iter().zip(&mut shown) {
        if let Some(logical) = shown_oid(*param, columns) {
            *oid = match declared.get(param.client) {
                Some(declared) if *declared != 0 => *declared,
                _ => logical,
            };
        }
    }
    shown
}

fn shown_oid(param: Param, columns: &[Column]) -> Option<u32> {
    let ty = |ordinal: Ordinal| columns.get(ordinal).map(|column| column.spec.ty);
    let given = |source: Source| (source.oid != 0).then_some(source.oid);
    match param.form {
        ParamForm::Plain => None,
        ParamForm::Seal(ordinal, source) => given(source).or_else(|| ty(ordinal).map(LogicalType::oid)),
        ParamForm::SealAs(_, ty, source) => given(source).or(Some(ty.oid())),
        ParamForm::SealArray(ordinal, source) => given(source).or_else(|| ty(ordinal).map(LogicalType::array_oid)),
        ParamForm::Token(ordinal, source) => given(source).or_else(|| ty(ordinal).map(|ty| compared(ty).oid())),
        ParamForm::TokenArray(ordinal, source) => {
            given(source).or_else(|| ty(ordinal).map(|ty| compared(ty).array_oid()))
        }
    }
}

/// The type that an undeclared parameter gets beside a column: varchar has no operators of its own,
/// it uses those of text.
fn compared(ty: LogicalType) -> LogicalType {
    if matches!(ty, LogicalType::Varchar(_)) { LogicalType::Text } else { ty }
}

/// Writes the Bind of an edited statement.
pub fn bind(
    plan: &Plan,
    declared: &[u32],
    bind: &Bind<'_>,
    results: &[i16],
    sealer: &mut Sealer<'_>,
    out: &mut BytesMut,
) -> Result<(), Problem> {
    if bind.formats.len() > 1 && bind.formats.len() != bind.count {
        return Err(Problem::native(
            "08P01",
            format!("bind message has {} parameter formats but {} parameters", bind.formats.len(), bind.count),
        ));
    }
    let expected = plan.client_params.max(declared.len());
    if bind.count != expected {
        return Err(Problem::native(
            "08P01",
            format!(
                "bind message supplies {} parameters, but prepared statement \"{}\" requires {expected}",
                bind.count,
                String::from_utf8_lossy(bind.statement)
            ),
        ));
    }
    let values: Vec<Option<&[u8]>> = bind.values().collect();
    for i in 0..values.len() {
        client_format(bind, i)?;
    }
    // Declared but unused parameters; where the plan has copies of its own their places are taken.
    let unused = if plan.params.len() == plan.client_params { plan.params.len()..values.len() } else { 0..0 };
    let extra = unused.map(|client| Param { client, form: ParamForm::Plain });
    let params = || plan.params.iter().copied().chain(extra.clone());
    let count = params().count() as u16;
    message(out, b'B', |out| {
        frontend::cstr(out, bind.portal);
        frontend::cstr(out, bind.statement);
        out.put_u16(count);
        for param in params() {
            let as_it_came = param.form == ParamForm::Plain;
            out.put_i16(if as_it_came { bind.formats.of(param.client).unwrap_or(0) } else { 1 });
        }
        out.put_u16(count);
        for param in params() {
            let Some(value) = values.get(param.client) else {
                return Err(Problem::native("08P01", "bind message has too few values"));
            };
            let source = Source { oid: declared.get(param.client).copied().unwrap_or(0), typmod: -1 };
            match (param.form, value) {
                (_, None) => frontend::value(out, None),
                (ParamForm::Plain, Some(bytes)) => frontend::value(out, Some(bytes)),
                (form, Some(bytes)) => sealer
                    .put(form, source, client_format(bind, param.client)?, bytes, out)
                    .map_err(|problem| in_parameter(problem, param.client))?,
            }
        }
        frontend::codes(out, results);
        Ok(())
    })?;
    sealer.scratch.report_sealed();
    Ok(())
}

/// PostgreSQL says which parameter has bytes left over; the codec cannot know.
fn in_parameter(mut problem: Problem, client: usize) -> Problem {
    if problem.sqlstate == "22P03" && problem.message == "incorrect binary data format" {
        problem.message = format!("{} in bind parameter {}", problem.message, client + 1);
    }
    problem
}

fn client_format(bind: &Bind<'_>, i: usize) -> Result<Format, Problem> {
    match bind.formats.of(i) {
        Some(0) => Ok(Format::Text),
        Some(1) => Ok(Format::Binary),
        Some(code) => Err(Problem::native("22023", format!("unsupported format code: {code}"))),
        None => Err(Problem::native("08P01", "bind message has too few parameter formats")),
    }
}

fn column(columns: &[Column], ordinal: Ordinal) -> Result<&Column, Problem> {
    columns
        .get(ordinal)
        .ok_or_else(|| Problem::new("XX000", "session/internal", "pgveil: a plan names a column that does not exist"))
}

impl Sealer<'_> {
    fn put(
        &mut self,
        form: ParamForm,
        declared: Source,
        format: Format,
        bytes: &[u8],
        body: &mut BytesMut,
    ) -> Result<(), Problem> {
        match form {
            ParamForm::Plain => frontend::value(body, Some(bytes)),
            ParamForm::Seal(ordinal, cast) => {
                let mut cast_value = Vec::new();
                let (source, format, bytes) =
                    through_cast(declared, cast, format, bytes, self.settings, &mut cast_value)?;
                let column = column(self.columns, ordinal)?;
                let mut sealed = std::mem::take(&mut self.scratch.sealed);
                sealed.clear();
                let done = column.seal(source, format, bytes, self.settings, self.scratch, &mut sealed);
                frontend::value(body, Some(&sealed));
                self.scratch.sealed = sealed;
                done?;
            }
            ParamForm::SealAs(..) | ParamForm::SealArray(..) => {
                return Err(Problem::new("XX000", "session/internal", "pgveil: not yet"));
            }
            ParamForm::Token(ordinal, cast) => {
                let token = self.token(ordinal, declared, cast, format, bytes)?;
                frontend::value(body, Some(token.as_ref()));
            }
            ParamForm::TokenArray(ordinal, cast) => {
                let elements = arrays::read(format, bytes)?;
                let of_elements = |array: Source| Source { oid: arrays::element_type(array.oid), typmod: array.typmod };
                let declared = match elements.type_oid {
                    0 => of_elements(declared),
                    oid => Source { oid, typmod: -1 },
                };
                let mut tokens = Vec::with_capacity(elements.values.len());
                for value in &elements.values {
                    tokens.push(match value {
                        None => None,
                        Some(bytes) => Some(self.token(ordinal, declared, of_elements(cast), format, bytes)?),
                    });
                }
                put_token_array(&tokens, body);
            }
        }
        Ok(())
    }

    fn token(
        &mut self,
        ordinal: Ordinal,
        declared: Source,
        cast: Source,
        format: Format,
        bytes: &[u8],
    ) -> Result<Needle, Problem> {
        let mut cast_value = Vec::new();
        let (source, format, bytes) = through_cast(declared, cast, format, bytes, self.settings, &mut cast_value)?;
        let column = column(self.columns, ordinal)?;
        column.token(source, format, bytes, self.settings, self.scratch).map(Needle)
    }

    /// The literal of an edit, sealed: appended to the text as a bytea literal without a cast.
    pub fn literal(&mut self, ordinal: Ordinal, literal: &Literal, out: &mut String) -> Result<(), Problem> {
        let column = column(self.columns, ordinal)?;
        let mut sealed = Vec::new();
        column.seal(literal.source, Format::Text, literal.text.as_bytes(), self.settings, self.scratch, &mut sealed)?;
        write_sealed(out, &sealed);
        Ok(())
    }

    /// The token of an edit's literal.
    pub fn token_literal(&mut self, ordinal: Ordinal, literal: &Literal, out: &mut String) -> Result<(), Problem> {
        let column = column(self.columns, ordinal)?;
        let token = column.token(literal.source, Format::Text, literal.text.as_bytes(), self.settings, self.scratch)?;
        write_token(out, Needle(token).as_ref());
        Ok(())
    }

    /// The tokens of an edit's array literal.
    pub fn token_array_literal(
        &mut self,
        ordinal: Ordinal,
        literal: &Literal,
        out: &mut String,
    ) -> Result<(), Problem> {
        let elements = arrays::read(Format::Text, literal.text.as_bytes())?;
        let source = Source { oid: arrays::element_type(literal.source.oid), typmod: literal.source.typmod };
        let mut tokens = Vec::with_capacity(elements.values.len());
        for value in &elements.values {
            tokens.push(match value {
                None => None,
                Some(bytes) => Some(self.token(ordinal, source, Source::UNTYPED, Format::Text, bytes)?),
            });
        }
        write_token_array(out, tokens);
        Ok(())
    }
}

/// A declared parameter under a cast of another type is converted twice, as the server would.
fn through_cast<'a>(
    declared: Source,
    cast: Source,
    format: Format,
    bytes: &'a [u8],
    settings: &Settings,
    buffer: &'a mut Vec<u8>,
) -> Result<(Source, Format, &'a [u8]), Problem> {
    if cast.oid == 0 {
        return Ok((declared, format, bytes));
    }
    let same = matches!(declared.oid, 0 | 705) || declared.oid == cast.oid;
    if same && cast.typmod == -1 {
        return Ok((cast, format, bytes));
    }
    let Some(ty) = LogicalType::from_oid(cast.oid, cast.typmod) else {
        return Err(Problem::new(
            "0A000",
            "sql/unsupported-cast",
            "pgveil does not know the type of a cast around a parameter",
        ));
    };
    let source = if same { cast } else { declared };
    values::parse(ty, source, format, bytes, settings, buffer)?;
    Ok((Source { oid: cast.oid, typmod: -1 }, Format::Binary, buffer))
}

/// What is searched for: a token. A value that nothing in the column can equal is an empty one.
struct Needle(Option<Token>);

impl AsRef<[u8]> for Needle {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |token| &token.0)
    }
}

/// `array_send` of a `bytea[]`.
fn put_token_array(tokens: &[Option<Needle>], body: &mut BytesMut) {
    let start = body.len();
    body.put_i32(0);
    body.put_i32(i32::from(!tokens.is_empty()));
    body.put_i32(i32::from(tokens.iter().any(Option::is_none)));
    body.put_u32(BYTEA);
    if !tokens.is_empty() {
        body.put_i32(tokens.len() as i32);
        body.put_i32(1);
    }
    for token in tokens {
        frontend::value(body, token.as_ref().map(Needle::as_ref));
    }
    let length = (body.len() - start - 4) as i32;
    body[start..start + 4].copy_from_slice(&length.to_be_bytes());
}
