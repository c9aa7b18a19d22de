//! `pgveil keys import`: a key that a customer has made becomes a KEK.

use std::{io::IsTerminal as _, os::unix::fs::PermissionsExt as _, path::Path};

use clap::Args;
use zeroize::Zeroizing;

use super::{DatabaseArgs, Done, create::staged, target::Target};
use crate::{
    cli::{console::Console, error::CliError, kms::named},
    config::Policy,
    keys::keystore,
    kms::{
        KekRef,
        byok::{self, ImportError},
    },
};

/// Arguments of `pgveil keys import`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    #[command(flatten)]
    pub(super) database: DatabaseArgs,
    /// The service that it is imported into, by its name in the policy: one of kind `byok`.
    #[arg(long, value_name = "NAME")]
    kms: String,
    /// The file with the material; `-` or none: standard input. Never the material itself.
    #[arg(value_name = "FILE")]
    file: Option<String>,
}

/// What was read, and where it belongs.
pub(super) struct Given<'a> {
    /// The service that it becomes a key of.
    service: &'a str,
    text: Zeroizing<Vec<u8>>,
}

/// Reads the material; says what is wrong with the arguments.
pub(super) fn material<'a>(policy: &'a Policy, args: &'a ImportArgs) -> Result<Given<'a>, CliError> {
    // Before anything that would repeat the argument.
    let file = args.file.as_deref().filter(|file| *file != "-");
    if file.is_some_and(|file| looks_like_material(file) && !Path::new(file).exists()) {
        return Err(CliError::failed(
            "keys/material-in-arguments",
            "the argument looks like key material; arguments can be seen by every user of this host and stay in histories",
            "take that material for disclosed: make another one, and give the name of its file, or send it to standard input",
        ));
    }
    let service = named(policy, Some(&args.kms))?;
    if policy.kms.get(service).is_none_or(|config| config.kind != "byok") {
        return Err(CliError::usage(
            format!("keys are imported into a kms of kind `byok`, and `{service}` is of another kind"),
            format!("add one to the policy: kms: {{ org: {{ byok: {{ under: {service} }} }} }}, and import into that"),
        ));
    }
    if file.is_none() && std::io::stdin().is_terminal() {
        return Err(CliError::usage(
            "key material is not typed in: the terminal would show it",
            "give the name of its file, or send it to standard input",
        ));
    }
    if let Some(path) = file
        && std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o077 != 0)
    {
        Console::note(&format!("warning: {path} can be read by other users of this host"));
    }
    let text = byok::read(file.map(Path::new)).map_err(ImportError::from).map_err(failed)?;
    Ok(Given { service, text })
}

/// Checks it, has it wrapped, stages it.
pub(super) async fn import(target: &Target<'_>, given: &Given<'_>) -> Result<Done, CliError> {
    let access = target.access();
    let inventory = target.newest().await?;
    let imported = byok::import(&target.directory, given.service, &inventory.keystore, &given.text);
    let imported = imported.await.map_err(failed)?;
    let kek = KekRef {
        kms: Some(given.service.to_owned()),
        provider: "byok".to_owned(),
        key_ref: imported.fingerprint,
        material: Some(imported.material),
        created_at: None,
    };
    Ok(staged(&keystore::stage_kek(&access, &kek).await?, given.service))
}

fn failed(error: ImportError) -> CliError {
    match error {
        ImportError::Kms(error) => error.into(),
        ImportError::Material(error) => CliError::failed(error.code(), error.to_string(), error.hint()),
    }
}

/// 32 bytes in base64 or in hexadecimal digits, with or without what belongs around them. Its last bits are
/// not looked at: a typing error there does not make a key public.
fn looks_like_material(argument: &str) -> bool {
    let text = argument.trim();
    let base64 = text.trim_end_matches('=').as_bytes();
    let is_symbol = |b: &u8| b.is_ascii_alphanumeric() || b"+/-_".contains(b);
    (base64.len() == 43 && base64.iter().all(is_symbol))
        || (text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::looks_like_material;

    #[test]
    fn keys_are_recognised_in_every_common_spelling_and_names_of_files_are_not() {
        let standard = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=";
        for key in [
            standard,
            &format!(" {standard}\n"),
            standard.trim_end_matches('='),
            "-_3vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=",
            "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4l=",
            &"0a".repeat(32),
        ] {
            assert!(looks_like_material(key), "{key}");
        }
        for name in
            ["-", "material.b64", "/run/secrets/customer-key-of-the-third-quarter.b64", "", "äöüäöüäöüäöüäöüäöüäöü="]
        {
            assert!(!looks_like_material(name), "{name}");
        }
    }
}
