//! `pgveil value seal|open`: one value, from standard input to standard output.

use std::{io::Read as _, sync::Arc};

use clap::{Args, Subcommand};
use serde_json::json;
use zeroize::Zeroizing;

use super::{Outcome, connect, console::Console, error::CliError};
use crate::{
    config::{Database, Mode, Policy, ProtectedColumn},
    keys::{Clock, ColumnKeys, Keyring, Unopened},
    kms,
    sql::catalog,
    values::{self, Format, Settings, Source},
};

/// Largest input: the hexadecimal form of a 64 MiB value.
const MAX_INPUT: u64 = 129 << 20;

/// `pgveil value …`
#[derive(Debug, Subcommand)]
pub(super) enum ValueCommand {
    /// Seal the text on standard input as a value of a column; prints `\x…`.
    #[command(after_help = "Example: printf %s 123-45-6789 | pgveil value seal --column public.people.ssn")]
    Seal(ValueArgs),
    /// Open the stored `\x…` on standard input; prints the value's text.
    #[command(
        after_help = "Example: psql -Atc 'SELECT ssn FROM people LIMIT 1' | pgveil value open --column public.people.ssn"
    )]
    Open(ValueArgs),
}

/// Which column.
#[derive(Debug, Args)]
pub(super) struct ValueArgs {
    /// The column as the policy names it: schema.table.column, or table.column in `public`.
    #[arg(long, value_name = "COLUMN")]
    column: String,
    /// Its database; needed only if several have such a column.
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

/// Seals or opens one value.
pub(super) async fn value(policy: &Policy, command: &ValueCommand, console: Console) -> Result<Outcome, CliError> {
    let (ValueCommand::Seal(args) | ValueCommand::Open(args)) = command;
    let (database, column) = find(policy, args)?;
    let input = read_input()?;
    let seals = matches!(command, ValueCommand::Seal(_));
    let keys = keys_of(policy, database, column, seals).await?;
    if seals {
        let sealed = seal_text(column, &keys, &input)?;
        let text = format!("\\x{}", const_hex::encode(sealed));
        console.result(&text, &json!({ "column": column.path(), "sealed": text }));
    } else {
        let stored = decode_hex(&input)?;
        let text = open_text(column, &keys, &stored).await?;
        let text = String::from_utf8_lossy(&text);
        console.result(&text, &json!({ "column": column.path(), "value": text }));
    }
    Ok(Outcome::Fine)
}

/// The column that the arguments name, in the one database that has it.
fn find<'a>(policy: &'a Policy, args: &ValueArgs) -> Result<(&'a Database, &'a Arc<ProtectedColumn>), CliError> {
    let wanted = [args.column.clone(), format!("public.{}", args.column)];
    let mut found = policy
        .databases
        .values()
        .filter(|database| args.database.as_ref().is_none_or(|name| *name == database.name))
        .flat_map(|database| database.columns.iter().map(move |column| (&**database, column)))
        .filter(|(_, column)| wanted.contains(&column.path()));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (Some((one, _)), Some((two, _))) => Err(CliError::usage(
            format!("several databases have a protected column {}", args.column),
            format!("add --database {} or --database {}", one.name, two.name),
        )),
        (None, _) => {
            let known: Vec<String> =
                policy.databases.values().flat_map(|d| d.columns.iter().map(|column| column.path())).collect();
            Err(CliError::usage(
                format!("the policy protects no column {}", args.column),
                format!("protected are: {}", known.join(", ")),
            ))
        }
    }
}

/// Everything on standard input without one trailing line end.
fn read_input() -> Result<Zeroizing<Vec<u8>>, CliError> {
    let mut input = Zeroizing::new(Vec::new());
    std::io::stdin()
        .take(MAX_INPUT + 1)
        .read_to_end(&mut input)
        .map_err(|source| CliError::Io { what: "reading standard input", source })?;
    if input.len() as u64 > MAX_INPUT {
        return Err(CliError::usage("the value on standard input is too long", "a sealed value has at most 64 MiB"));
    }
    if input.ends_with(b"\n") {
        input.pop();
        if input.ends_with(b"\r") {
            input.pop();
        }
    }
    Ok(input)
}

async fn keys_of(
    policy: &Policy,
    database: &Database,
    column: &Arc<ProtectedColumn>,
    seals: bool,
) -> Result<Arc<ColumnKeys>, CliError> {
    let client = connect::service(policy, &database.name).await?;
    if column.ty.as_enum().is_some() {
        let types = catalog::named_types(&client, database).await?;
        if let Some(wrong) = catalog::enum_mismatch(column, &types) {
            return Err(CliError::failed(wrong.code, wrong.message, wrong.hint));
        }
        catalog::define_enums(database, &types);
    }
    let keyring = open_keyring(policy, &client, &database.name).await?;
    if seals {
        keyring.take_block(&client, "pgveil value seal", Some(1), None).await?;
    }
    Ok(keyring.column(column))
}

/// Opens the keyring of one database with the policy's platform KMS.
pub(super) async fn open_keyring(
    policy: &Policy,
    client: &tokio_postgres::Client,
    database: &str,
) -> Result<Arc<Keyring>, CliError> {
    let services = Arc::new(kms::Directory::new(policy));
    Ok(Keyring::open(client, database, services, &policy.keys, Clock::system()).await?)
}

/// Text of the logical type → envelope.
pub(super) fn seal_text(column: &ProtectedColumn, keys: &ColumnKeys, text: &[u8]) -> Result<Vec<u8>, CliError> {
    let mut canon = Zeroizing::new(Vec::new());
    // Only casts give NULL.
    let _canon = values::parse(column.ty, Source::UNTYPED, Format::Text, text, &Settings::default(), &mut canon)
        .map_err(CliError::Value)?;
    let mut equality = Zeroizing::new(Vec::new());
    if column.mode == Mode::Equality {
        values::equality_canon(column.ty, &canon, &column.normalize, &mut equality).map_err(CliError::Value)?;
    }
    let mut sealed = Vec::new();
    keys.seal(&keys.permit()?, &canon, (column.mode == Mode::Equality).then_some(equality.as_slice()), &mut sealed)?;
    Ok(sealed)
}

/// Envelope → text of the logical type.
pub(super) async fn open_text(
    column: &ProtectedColumn,
    keys: &ColumnKeys,
    stored: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CliError> {
    let mut canon = Zeroizing::new(Vec::new());
    let mut opened = keys.open(stored, &mut canon);
    if let Err(Unopened::NeedsKey(dek)) = opened {
        keys.fetch(dek).await?;
        opened = keys.open(stored, &mut canon);
    }
    opened.map_err(|error| {
        CliError::failed(
            "value/unopened",
            format!("the value does not open as {}: {error}", column.path()),
            "it was altered, belongs to another column, or was sealed with keys of another keystore",
        )
    })?;
    let mut text = Zeroizing::new(Vec::new());
    values::format(column.ty, &canon, Format::Text, &Settings::default(), &mut text).map_err(CliError::Value)?;
    Ok(text)
}

fn decode_hex(input: &[u8]) -> Result<Vec<u8>, CliError> {
    let wrong = || CliError::usage("standard input is not a stored value", r"a stored value looks like \xff7076…");
    let digits = input.strip_prefix(br"\x").ok_or_else(wrong)?;
    // The decoder would also take a `0x` before the digits.
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(wrong());
    }
    const_hex::decode(digits).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::decode_hex;

    #[test]
    fn only_the_hex_form_of_bytea_is_a_stored_value() {
        assert_eq!(decode_hex(br"\xff70").ok(), Some(vec![0xff, 0x70]));
        for wrong in [&b"ff70"[..], b"\\xf", b"\\xzz", b"plain text", b"\\x\\xff", b"\\x0xff"] {
            assert!(decode_hex(wrong).is_err(), "{wrong:?}");
        }
    }
}
