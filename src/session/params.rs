//! Parameters on their way to the server: Bind with its values sealed.

mod input;

use bytes::{BufMut, BytesMut};

use super::{
    arrays::{self, Elements},
    cells::{Column, Given, Scratch},
    permits::Permits,
    problem::{Problem, check_length},
};
use crate::{
    crypto::Token,
    sql::{
        grammar::edits::{write_bytea, write_bytea_array, write_sealed},
        model::{Literal, Ordinal, Param, ParamForm, Plan},
    },
    values::{self, Format, LogicalType, Settings, Source, Stored},
    wire::{
        frame::message,
        frontend::{self, Bind},
    },
};

use input::{Place, in_parameter};

/// Everything a value is sealed with.
pub struct Sealer<'a> {
    /// Protected columns by ordinal.
    pub columns: &'a [Column],
    /// The session's settings.
    pub settings: &'a Settings,
    /// Buffers.
    pub scratch: &'a mut Scratch,
    /// What it seals with.
    pub permits: &'a mut Permits,
}

/// `bytea` and `bytea[]`: how sealed values and tokens, and arrays of them, are declared upstream.
const BYTEA: u32 = 17;
const BYTEA_ARRAY: u32 = 1001;

/// The parameter types to declare upstream.
pub fn upstream_oids(plan: &Plan, declared: &[u32]) -> Vec<u32> {
    let mut oids: Vec<u32> = plan
        .params
        .iter()
        .map(|param| match param.form {
            ParamForm::Plain => declared.get(param.client).copied().unwrap_or(0),
            ParamForm::Seal(..) | ParamForm::SealText(..) | ParamForm::SealAs(..) | ParamForm::Token(..) => BYTEA,
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
        ParamForm::SealText(..) => Some(LogicalType::Text.oid()),
        ParamForm::Seal(ordinal, source) => given(source).or_else(|| ty(ordinal).map(LogicalType::oid)),
        ParamForm::SealAs(_, ty, source) => given(source).or(Some(ty.oid())),
        ParamForm::SealArray(ordinal, source) => given(source).or_else(|| ty(ordinal).map(LogicalType::array_oid)),
        ParamForm::Token(ordinal, source) => given(source).or_else(|| ty(ordinal).map(|ty| compared(ty).oid())),
        ParamForm::TokenArray(ordinal, source) => {
            given(source).or_else(|| ty(ordinal).map(|ty| compared(ty).array_oid()))
        }
    }
}

/// The type that an undeclared parameter gets beside a column: varchar and cidr have no operators of their own,
/// they use those of text and inet.
fn compared(ty: LogicalType) -> LogicalType {
    match ty {
        LogicalType::Varchar(_) => LogicalType::Text,
        LogicalType::Cidr => LogicalType::Inet,
        ty => ty,
    }
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
    let start = out.len();
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
                (ParamForm::Plain, Some(bytes)) if plan.hidden.binary_search(&param.client).is_ok() => {
                    // What the server would say of these bytes it says: they are no text, and so no value.
                    let hides = values::verify(bytes).is_ok();
                    frontend::value(out, Some(if hides { b"" } else { bytes }));
                }
                (ParamForm::Plain, Some(bytes)) => frontend::value(out, Some(bytes)),
                (form, Some(bytes)) => {
                    let given = Given { source, format: client_format(bind, param.client)?, bytes };
                    sealer.put(form, given, out).map_err(|problem| {
                        let shown = || shown_oid(param, sealer.columns).unwrap_or(0);
                        let oid = if source.oid == 0 { shown() } else { source.oid };
                        let own = sealer.own(param.form);
                        let place = Place { portal: bind.portal, client: param.client, oid, own };
                        in_parameter(problem, &place, given, sealer.settings)
                    })?;
                }
            }
        }
        frontend::codes(out, results);
        check_length(out.len() - start)
    })?;
    sealer.scratch.report_sealed();
    Ok(())
}

fn client_format(bind: &Bind<'_>, i: usize) -> Result<Format, Problem> {
    match bind.formats.of(i) {
        Some(0) => Ok(Format::Text),
        Some(1) => Ok(Format::Binary),
        Some(code) => {
            let problem = Problem::native("22023", format!("unsupported format code: {code}"));
            Err(problem.context(input::context(bind.portal, i)))
        }
        None => Err(Problem::native("08P01", "bind message has too few parameter formats")),
    }
}

fn column(columns: &[Column], ordinal: Ordinal) -> Result<&Column, Problem> {
    columns
        .get(ordinal)
        .ok_or_else(|| Problem::new("XX000", "session/internal", "pgveil: a plan names a column that does not exist"))
}

impl Sealer<'_> {
    fn put(&mut self, form: ParamForm, given: Given<'_>, body: &mut BytesMut) -> Result<(), Problem> {
        match form {
            ParamForm::Plain => frontend::value(body, Some(given.bytes)),
            ParamForm::Seal(ordinal, cast) => self.put_sealed(ordinal, None, cast, given, body)?,
            ParamForm::SealText(ordinal, cast) => {
                let text = Source { oid: LogicalType::Text.oid(), typmod: -1 };
                self.put_sealed(ordinal, None, cast, Given { source: text, ..given }, body)?;
            }
            ParamForm::SealAs(ordinal, ty, cast) => self.put_sealed(ordinal, Some(ty), cast, given, body)?,
            ParamForm::SealArray(ordinal, cast) => {
                let given = self.string_as_array(form, given, cast);
                self.check_elements(form, given)?;
                put_array(&self.seal_each(ordinal, cast, given)?, body);
            }
            ParamForm::Token(ordinal, cast) => {
                let mut cast_value = Vec::new();
                let own = column(self.columns, ordinal)?.spec.ty;
                let token = match through_cast(given, cast, own, self.settings, &mut cast_value)? {
                    Some(given) => Some(self.token(ordinal, given)?),
                    None => None,
                };
                frontend::value(body, token.as_ref().map(AsRef::as_ref));
            }
            ParamForm::TokenArray(ordinal, cast) => {
                let given = self.string_as_array(form, given, cast);
                self.check_elements(form, given)?;
                put_array(&self.token_each(ordinal, cast, given)?, body);
            }
        }
        Ok(())
    }

    /// The type of the column that a parameter is for.
    fn own(&self, form: ParamForm) -> Option<LogicalType> {
        form.ordinal().and_then(|ordinal| Some(self.columns.get(ordinal)?.spec.ty))
    }

    /// An array under a cast is converted like other values (see `through_cast`): `?::uuid[]` with a String.
    fn string_as_array<'v>(&self, form: ParamForm, given: Given<'v>, cast: Source) -> Given<'v> {
        let is_array = self.own(form).is_some_and(|own| element_type(cast.oid, own) != 0);
        if given.source.is_string() && is_array {
            return Given { source: Source::UNTYPED, format: Format::Text, bytes: given.bytes };
        }
        given
    }

    /// A binary array says its elements' type, which must be that of the parameter: `array_recv` of
    /// src/backend/utils/adt/arrayfuncs.c.
    fn check_elements(&self, form: ParamForm, array: Given<'_>) -> Result<(), Problem> {
        if array.format == Format::Text {
            return Ok(());
        }
        let inferred = || shown_oid(Param { client: 0, form }, self.columns).unwrap_or(0);
        let oid = if array.source.oid == 0 { inferred() } else { array.source.oid };
        let own = self.own(form);
        let expected = own.map_or(0, |own| element_type(oid, own));
        let found = arrays::read(array.format, array.bytes, self.settings.array_nulls)?.type_oid;
        if expected == 0 || expected == found {
            return Ok(());
        }
        let name = |oid| match own.and_then(LogicalType::as_enum) {
            Some(ty) if ty.oid() == oid => Some(ty.name_in(&self.settings.search_path)),
            _ => values::type_name(oid),
        };
        let named = |oid| format!("{oid} ({})", name(oid).unwrap_or("???"));
        let (found, expected) = (named(found), named(expected));
        let message = format!("binary data has array element type {found} instead of expected {expected}");
        Err(Problem::native("42804", message))
    }

    fn put_sealed(
        &mut self,
        ordinal: Ordinal,
        ty: Option<LogicalType>,
        cast: Source,
        given: Given<'_>,
        body: &mut BytesMut,
    ) -> Result<(), Problem> {
        let mut cast_value = Vec::new();
        let own = column(self.columns, ordinal)?.spec.ty;
        let Some(mut given) = through_cast(given, cast, own, self.settings, &mut cast_value)? else {
            frontend::value(body, None);
            return Ok(());
        };
        if given.source.oid == 0 {
            // A parameter is read without the column's modifier, which a literal of an interval goes by.
            given.source = Source { oid: ty.unwrap_or(own).oid(), typmod: -1 };
        }
        let mut sealed = std::mem::take(&mut self.scratch.sealed);
        sealed.clear();
        let done = self.seal(ordinal, ty, given, &mut sealed);
        let null = matches!(done, Ok(Stored::Null));
        frontend::value(body, (!null).then_some(&sealed));
        self.scratch.sealed = sealed;
        done.map(|_| ())
    }

    /// Seals a value, read as `ty` or as the column's type.
    fn seal(
        &mut self,
        ordinal: Ordinal,
        ty: Option<LogicalType>,
        given: Given<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Stored, Problem> {
        let column = column(self.columns, ordinal)?;
        column.seal(ty.unwrap_or(column.spec.ty), given, self.settings, self.permits, self.scratch, out)
    }

    /// Seals a value of a COPY.
    pub(super) fn copied(&mut self, ordinal: Ordinal, given: Given<'_>, out: &mut Vec<u8>) -> Result<(), Problem> {
        self.seal(ordinal, None, given, out).map(|_| ())
    }

    /// The error for a value that is longer than the column allows.
    pub(super) fn too_long(&self, ordinal: Ordinal) -> Problem {
        match column(self.columns, ordinal) {
            Ok(column) => column.too_long(),
            Err(problem) => problem,
        }
    }

    fn token(&mut self, ordinal: Ordinal, given: Given<'_>) -> Result<Needle, Problem> {
        column(self.columns, ordinal)?.token(given, self.settings, self.scratch).map(Needle)
    }

    /// The sealed elements of an array. More dimensions than one would have to be kept.
    fn seal_each(&mut self, ordinal: Ordinal, cast: Source, array: Given<'_>) -> Result<Vec<Option<Vec<u8>>>, Problem> {
        let elements = arrays::read(array.format, array.bytes, self.settings.array_nulls)?;
        if !elements.plain {
            return Err(Problem::new(
                "0A000",
                "sql/unsupported-array",
                "an array of values for a sealed column must have one dimension that starts with 1",
            ));
        }
        let own = column(self.columns, ordinal)?.spec.ty;
        self.each(&elements, cast, own, array, |sealer, given| {
            let mut sealed = Vec::new();
            Ok(match sealer.seal(ordinal, None, given, &mut sealed)? {
                Stored::Canon => Some(sealed),
                Stored::Null => None,
            })
        })
    }

    /// The tokens of an array's elements, be it of more dimensions: `= ANY` looks at every one.
    fn token_each(&mut self, ordinal: Ordinal, cast: Source, array: Given<'_>) -> Result<Vec<Option<Needle>>, Problem> {
        let elements = arrays::read(array.format, array.bytes, self.settings.array_nulls)?;
        let own = column(self.columns, ordinal)?.spec.ty;
        self.each(&elements, cast, own, array, |sealer, given| sealer.token(ordinal, given).map(Some))
    }

    /// Makes something of each element that is not NULL, under the cast around the array, for a column of type `own`.
    fn each<T>(
        &mut self,
        elements: &Elements,
        cast: Source,
        own: LogicalType,
        array: Given<'_>,
        make: impl Fn(&mut Self, Given<'_>) -> Result<Option<T>, Problem>,
    ) -> Result<Vec<Option<T>>, Problem> {
        let cast = of_elements(cast, own)?;
        let source = match elements.type_oid {
            0 => of_elements(array.source, own)?,
            oid => Source { oid, typmod: -1 },
        };
        let one = |value: &Option<Vec<u8>>| {
            let Some(bytes) = value else { return Ok(None) };
            let mut cast_value = Vec::new();
            let given = Given { source, format: array.format, bytes };
            match through_cast(given, cast, own, self.settings, &mut cast_value)? {
                Some(given) => make(self, given),
                None => Ok(None),
            }
        };
        elements.values.iter().map(one).collect()
    }

    /// The literal of an edit, sealed: appended to the text as a bytea literal without a cast.
    pub fn literal(&mut self, ordinal: Ordinal, literal: &Literal, out: &mut String) -> Result<(), Problem> {
        let mut sealed = Vec::new();
        let stored = self.read_literal(literal, |sealer| sealer.seal(ordinal, None, given(literal), &mut sealed))?;
        match stored {
            Stored::Canon => write_sealed(out, &sealed),
            Stored::Null => out.push_str("(NULL)"),
        }
        Ok(())
    }

    /// Reads a literal by the session's settings; one that `ARRAY[…]` was folded into is no client's text.
    fn read_literal<T>(&mut self, literal: &Literal, read: impl FnOnce(&mut Sealer<'_>) -> T) -> T {
        if !literal.of_elements || self.settings.array_nulls {
            return read(self);
        }
        let settings = Settings { array_nulls: true, ..self.settings.clone() };
        let Self { columns, scratch, permits, .. } = self;
        read(&mut Sealer { columns, settings: &settings, scratch, permits })
    }

    /// Likewise, read as a value of type `ty` and with a cast.
    pub fn literal_as(
        &mut self,
        ordinal: Ordinal,
        ty: LogicalType,
        literal: &Literal,
        out: &mut String,
    ) -> Result<(), Problem> {
        let mut sealed = Vec::new();
        let stored =
            self.read_literal(literal, |sealer| sealer.seal(ordinal, Some(ty), given(literal), &mut sealed))?;
        match stored {
            Stored::Canon => write_bytea(out, &sealed),
            Stored::Null => out.push_str("(NULL::pg_catalog.bytea)"),
        }
        Ok(())
    }

    /// The sealed elements of an edit's array literal.
    pub fn array_literal(&mut self, ordinal: Ordinal, literal: &Literal, out: &mut String) -> Result<(), Problem> {
        write_bytea_array(out, self.seal_each(ordinal, Source::UNTYPED, given(literal))?);
        Ok(())
    }

    /// The token of an edit's literal.
    pub fn token_literal(&mut self, ordinal: Ordinal, literal: &Literal, out: &mut String) -> Result<(), Problem> {
        write_bytea(out, self.token(ordinal, given(literal))?.as_ref());
        Ok(())
    }

    /// The tokens of an edit's array literal.
    pub fn token_array_literal(
        &mut self,
        ordinal: Ordinal,
        literal: &Literal,
        out: &mut String,
    ) -> Result<(), Problem> {
        write_bytea_array(out, self.token_each(ordinal, Source::UNTYPED, given(literal))?);
        Ok(())
    }
}

/// A literal's value: its cast counts as its type.
fn given(literal: &Literal) -> Given<'_> {
    Given { source: literal.source, format: Format::Text, bytes: literal.text.as_bytes() }
}

/// The element type of a built-in array type or of that of a column's enum type; 0 if it is not known here.
fn element_type(array_oid: u32, own: LogicalType) -> u32 {
    match own {
        LogicalType::Enum(ty) if ty.array_oid() == array_oid => ty.oid(),
        _ => arrays::element_type(array_oid),
    }
}

/// The type of the elements of an array for a column of type `own`. Of one that is not known here the elements cannot
/// be read.
fn of_elements(array: Source, own: LogicalType) -> Result<Source, Problem> {
    match (array.oid, element_type(array.oid, own)) {
        (0 | 705, _) => Ok(Source { oid: 0, typmod: array.typmod }),
        (oid, 0) => Err(Problem::new(
            "0A000",
            "sql/unsupported-array",
            format!("an array of type with OID {oid} is not supported for a sealed column"),
        )
        .hint("Declare or cast it as an array of the column's type.")),
        (_, element) => Ok(Source { oid: element, typmod: array.typmod }),
    }
}

/// A declared parameter under a cast of another type is converted twice, as the server would; `None` is
/// NULL. It is for a column of type `own`.
fn through_cast<'v>(
    given: Given<'v>,
    cast: Source,
    own: LogicalType,
    settings: &Settings,
    buffer: &'v mut Vec<u8>,
) -> Result<Option<Given<'v>>, Problem> {
    if cast.oid == 0 {
        return Ok(Some(given));
    }
    // An explicit cast of a string reads it (CoerceViaIO); both forms of a string are its text.
    let is_read = given.source.is_string() && !cast.is_string();
    let given = if is_read { Given { source: Source::UNTYPED, format: Format::Text, ..given } } else { given };
    if matches!(given.source.oid, 0 | 705) || given.source.oid == cast.oid {
        // The modifier of a cast to an interval says how its literals are read, but neither its parameters
        // nor other texts: it is applied to what they say (`coerce_type_typmod` of parser/parse_coerce.c).
        if cast.typmod == -1 || given.format == Format::Binary || cast.oid != LogicalType::Interval(None).oid() {
            return Ok(Some(Given { source: cast, ..given }));
        }
    }
    let is_own = own.as_enum().is_some_and(|ty| ty.oid() == cast.oid);
    if given.source.is_string() && is_own {
        return Ok(Some(Given { source: cast, format: Format::Text, bytes: given.bytes }));
    }
    let Some(ty) = LogicalType::from_oid(cast.oid, -1) else {
        return Err(Problem::new(
            "0A000",
            "sql/unsupported-cast",
            "pgveil does not know the type of a cast around a parameter",
        ));
    };
    if values::parse(ty, given.source, given.format, given.bytes, settings, buffer)? == Stored::Null {
        return Ok(None);
    }
    // The cast's modifier is applied by whoever reads a value of its type.
    Ok(Some(Given { source: cast, format: Format::Binary, bytes: buffer }))
}

/// What is searched for: a token. A value that nothing in the column can equal is an empty one.
struct Needle(Option<Token>);

impl AsRef<[u8]> for Needle {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |token| &token.0)
    }
}

/// `array_send` of a `bytea[]`.
fn put_array<T: AsRef<[u8]>>(elements: &[Option<T>], body: &mut BytesMut) {
    let start = body.len();
    body.put_i32(0);
    body.put_i32(i32::from(!elements.is_empty()));
    body.put_i32(i32::from(elements.iter().any(Option::is_none)));
    body.put_u32(BYTEA);
    if !elements.is_empty() {
        body.put_i32(elements.len() as i32);
        body.put_i32(1);
    }
    for element in elements {
        frontend::value(body, element.as_ref().map(AsRef::as_ref));
    }
    let length = (body.len() - start - 4) as i32;
    body[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
pub(in crate::session) mod tests;
