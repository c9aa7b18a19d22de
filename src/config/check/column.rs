//! One protected column.

use super::{Check, given};
use crate::{
    config::{
        Mode, OnError, ProtectedColumn, ProtectedTable, Storage,
        file::{CipherFile, ColumnFile, ModeFile, NormalizeFile, OnErrorFile, StorageFile},
        issue::{At, Issue},
        names, near, reader, scalars,
    },
    crypto::{Cipher, Padding},
    values::{EnumType, LogicalType, Normalize, TypeError},
};

/// PostgreSQL would store larger values out of line anyway; a bucket beyond is more likely a slip.
const MAX_BUCKET: usize = 1 << 20;

/// Where the parts of a column stand that rules between columns point at.
pub(super) struct Places {
    pub(super) name: At,
    /// Of `type`, or of the name if the type could not be read.
    pub(super) ty: At,
    /// Was the type understood?
    pub(super) typed: bool,
    pub(super) mode: Option<At>,
    pub(super) domain: Option<At>,
    pub(super) normalize: Option<At>,
    pub(super) identity: Option<At>,
}

/// `owner`: its table, its name and where that stands.
pub(super) fn column(
    (table, name, at): (&ProtectedTable, &str, At),
    file: &ColumnFile,
    ordinal: usize,
    check: &Check<'_>,
) -> (ProtectedColumn, Places) {
    if let Some(fault) = names::fault(name) {
        check.push(Issue::new("policy/bad-name", fault).at(at).label("name of a column"));
    }
    let ty = logical_type(file, check);
    let mode = mode(file, check);
    let identity = text(file.identity.as_ref(), "identity", check)
        .unwrap_or_else(|| names::identity([&table.schema, &table.name, name]));
    let domain = text(file.domain.as_ref(), "domain", check).unwrap_or_else(|| identity.clone());
    storage(file, check);
    let normalize: Vec<Normalize> = given(file.normalize.as_ref())
        .iter()
        .flat_map(|(list, _)| &list.0)
        .filter_map(|f| f.value)
        .map(|word| match word {
            NormalizeFile::Lower => Normalize::Lower,
            NormalizeFile::Trim => Normalize::Trim,
        })
        .collect();
    let column = ProtectedColumn {
        ordinal,
        schema: table.schema.clone(),
        table: table.name.clone(),
        name: name.to_owned(),
        // Stands in for what could not be read; the policy is refused then.
        ty: ty.unwrap_or(LogicalType::Text),
        mode: mode.unwrap_or_default(),
        storage: Storage::Bytea,
        domain,
        normalize,
        padding: padding(file, ty, check),
        cipher: match given(file.cipher.as_ref()) {
            Some((CipherFile::Aes256GcmSiv, _)) => Cipher::Aes256GcmSiv,
            Some((CipherFile::Aes256Gcm, _)) | None => Cipher::Aes256Gcm,
        },
        on_error: match given(file.on_error.as_ref()) {
            Some((OnErrorFile::Null, _)) => OnError::Null,
            Some((OnErrorFile::Error, _)) | None => OnError::Error,
        },
        identity,
        allow_low_cardinality: given(file.allow_low_cardinality.as_ref()).is_some_and(|(allowed, _)| *allowed),
        position: (check.position)(at),
    };
    if let Some(mode) = mode {
        searchable(file, &column, mode, ty, check);
    }
    let places = Places {
        name: at,
        ty: file.ty.at,
        typed: ty.is_some() && mode.is_some(),
        mode: file.mode.as_ref().map(|f| f.at),
        domain: file.domain.as_ref().map(|f| f.at),
        normalize: file.normalize.as_ref().map(|f| f.at),
        identity: file.identity.as_ref().map(|f| f.at),
    };
    (column, places)
}

fn logical_type(file: &ColumnFile, check: &Check<'_>) -> Option<LogicalType> {
    let (text, at) = file.ty.get()?;
    let error = match LogicalType::parse(text) {
        Ok(ty) => return Some(ty),
        Err(error) => error,
    };
    let shown = reader::shorten(text);
    if text.contains('(') && !text.contains(')') {
        // `{ type: numeric(12,2) }` is two entries to YAML.
        let issue = Issue::new("policy/unsupported-type", format!("unknown type `{shown}`"));
        check.push(issue.at(at).label("cut short").help(r#"write a type with a comma in quotes: "numeric(12,2)""#));
        return None;
    }
    let issue = match error {
        TypeError::Unsupported(_) => {
            Issue::new("policy/unsupported-type", format!("type `{shown}` cannot be sealed yet"))
                .label(format!("allowed: {}", LogicalType::ALLOWED))
        }
        TypeError::UnknownElement(element) => unknown_array(&shown, &element),
        TypeError::Unknown(_) => match enum_type(text.trim(), || place(at, check)) {
            Ok(ty) => return Some(ty),
            Err(label) => Issue::new("policy/unsupported-type", format!("unknown type `{shown}`")).label(label),
        },
        TypeError::Modifier(why) => Issue::new("policy/unsupported-type", why).label("outside PostgreSQL's range"),
    };
    check.push(issue.at(at));
    None
}

/// An array of a type that is not known: of an enum, or a slip of the pen.
fn unknown_array(shown: &str, element: &str) -> Issue {
    match meant(element) {
        Some(meant) => Issue::new("policy/unsupported-type", format!("unknown type `{shown}`"))
            .label(format!("did you mean `{meant}[]`? allowed: {}", LogicalType::ALLOWED)),
        None => Issue::new("policy/unsupported-type", format!("type `{shown}` cannot be sealed yet"))
            .label(format!("arrays of enum types are not supported; allowed: {}", LogicalType::ALLOWED)),
    }
}

/// The type that is meant, if the name looks like a slip of the pen.
fn meant(text: &str) -> Option<&'static str> {
    let base = text.split('(').next().unwrap_or_default().trim();
    near::near(base, LogicalType::ALLOWED.split(", ").filter_map(|t| t.split('(').next()))
}

/// A name that is no type's of PostgreSQL's own is an enum's, unless it looks like a slip of the pen. Whether there is
/// such an enum, the database says later.
fn enum_type(text: &str, place: impl FnOnce() -> String) -> Result<LogicalType, String> {
    let allowed = || format!("allowed: {}; or the name of an enum type", LogicalType::ALLOWED);
    let plain = !text.is_empty() && !text.contains(['(', ')', '[', ']']);
    match meant(text) {
        Some(meant) if plain => {
            let qualified = format!("an enum of this name is written `public.{text}`");
            return Err(format!("did you mean `{meant}`? {}; {qualified}", allowed()));
        }
        Some(meant) => return Err(format!("did you mean `{meant}`? {}", allowed())),
        None if !plain => return Err(allowed()),
        None => {}
    }
    match names::table(text) {
        Ok((schema, _)) if schema == "pg_catalog" => Err(allowed()),
        Ok((schema, name)) => Ok(LogicalType::Enum(EnumType::named(&schema, &name, place()))),
        Err(fault) => Err(fault),
    }
}

/// File, line and column.
fn place(at: At, check: &Check<'_>) -> String {
    let file = check.file.display();
    match (check.position)(at) {
        (0, _) => format!("{file} (set in the environment)"),
        (line, column) => format!("{file}:{line}:{column}"),
    }
}

/// `None` if it could not be read or is not supported.
fn mode(file: &ColumnFile, check: &Check<'_>) -> Option<Mode> {
    if let Some((_, at)) = given(file.accept_leakage.as_ref()) {
        check.not_yet(at, "`accept_leakage`", "leave it out: it belongs to mode order, which does not exist yet");
    }
    let Some(field) = &file.mode else { return Some(Mode::Randomized) };
    let (mode, at) = field.get()?;
    match mode {
        ModeFile::Randomized => return Some(Mode::Randomized),
        ModeFile::Equality => return Some(Mode::Equality),
        ModeFile::Deterministic => check.not_yet(
            at,
            "`mode: deterministic`",
            "write `mode: equality`, which serves =, IN, joins and unique indexes",
        ),
        ModeFile::Order => check.not_yet(
            at,
            "`mode: order`",
            "write `mode: equality` if = is enough, or `randomized`; ranges and sorting are the client's then",
        ),
    }
    None
}

fn storage(file: &ColumnFile, check: &Check<'_>) {
    if let Some((StorageFile::Text, at)) = given(file.storage.as_ref()) {
        check.not_yet(
            at,
            "`storage: text`",
            "leave it out, or write `storage: bytea`: the column becomes one of type pgveil.sealed",
        );
    }
}

/// `domain` and `identity` go into key derivation and AAD.
fn text(field: Option<&crate::config::field::Field<String>>, key: &str, check: &Check<'_>) -> Option<String> {
    let (text, at) = given(field)?;
    if text.trim().is_empty() || text.contains('\0') || text.len() > 255 {
        let issue = Issue::new("policy/bad-name", format!("`{key}` must be 1 to 255 bytes of text"));
        check.push(issue.at(at).label("not a usable name"));
        return None;
    }
    Some(text.clone())
}

fn padding(file: &ColumnFile, ty: Option<LogicalType>, check: &Check<'_>) -> Padding {
    let Some((text, at)) = given(file.padding.as_ref()) else { return Padding::None };
    let padding = match text.0.as_str() {
        "none" => return Padding::None,
        "padme" => Padding::Padme,
        other => {
            let Ok(bytes @ 2..=MAX_BUCKET) = scalars::size(other) else {
                let issue = Issue::new("policy/bad-value", format!("unknown padding `{}`", reader::shorten(other)));
                let expected = "`none`, `padme`, or a number of bytes to round up to, from 2 to 1MiB";
                let label = match near::near(other, ["none", "padme"]) {
                    Some(meant) => format!("did you mean `{meant}`? expected {expected}"),
                    None => format!("expected {expected}"),
                };
                check.push(issue.at(at).label(label));
                return Padding::None;
            };
            Padding::Bucket(bytes as u32)
        }
    };
    if ty.is_some_and(fixed_length) {
        let issue =
            Issue::new("policy/no-effect", "padding hides nothing: all values of this type have the same length");
        check.push(issue.at(at).label("costs space only").warning());
    }
    padding
}

fn fixed_length(ty: LogicalType) -> bool {
    !matches!(
        ty,
        LogicalType::Text
            | LogicalType::Varchar(_)
            | LogicalType::Numeric(_)
            | LogicalType::Bytea
            | LogicalType::Jsonb
            | LogicalType::Json
            | LogicalType::Inet
            | LogicalType::Cidr
            | LogicalType::Char(_)
            | LogicalType::Enum(_)
            | LogicalType::Array(_)
    )
}

/// What only mode equality has, and what it asks for.
fn searchable(file: &ColumnFile, column: &ProtectedColumn, mode: Mode, ty: Option<LogicalType>, check: &Check<'_>) {
    if mode != Mode::Equality {
        let keys =
            [("domain", file.domain.as_ref().map(|f| f.at)), ("normalize", file.normalize.as_ref().map(|f| f.at))];
        for (key, at) in keys {
            if let Some(at) = at {
                let issue = Issue::new("policy/needs-equality", format!("`{key}` needs `mode: equality`"))
                    .label("nothing is compared in mode randomized");
                check.push(issue.at(at));
            }
        }
        return;
    }
    let Some(ty) = ty else { return };
    if ty == LogicalType::Json {
        let issue = Issue::new("policy/no-equality", "PostgreSQL has no `=` for json")
            .help("leave `mode` out, or write `type: jsonb`, which is compared");
        check.push(issue.at(file.mode.as_ref().map_or(file.ty.at, |f| f.at)).label("nothing to compare by"));
    }
    if ty.is_array() {
        let issue = Issue::new("policy/no-equality", "arrays cannot be in mode equality")
            .help("leave `mode` out: an array is sealed as one value, so nothing could find it by its elements");
        check.push(issue.at(file.mode.as_ref().map_or(file.ty.at, |f| f.at)).label("randomized only"));
    }
    let few = match ty {
        LogicalType::Bool => Some(("a bool", "two values, two tokens")),
        LogicalType::Enum(_) => Some(("an enum", "a token for each label")),
        _ => None,
    };
    if let Some((what, label)) = few.filter(|_| !column.allow_low_cardinality) {
        let message = format!("equality on {what} gives the values away by their frequency");
        let issue = Issue::new("policy/low-cardinality", message)
            .help("leave `mode` out, or accept it with `allow_low_cardinality: true`");
        check.push(issue.at(file.mode.as_ref().map_or(file.ty.at, |f| f.at)).label(label));
    }
    if let Some(normalize) = &file.normalize
        && !matches!(ty, LogicalType::Text | LogicalType::Varchar(_) | LogicalType::Char(_))
    {
        let issue = Issue::new("policy/not-text", "`normalize` works on text, varchar and char only");
        check.push(issue.at(normalize.at).label("no effect on this type").related(file.ty.at, "not a text"));
    }
}
