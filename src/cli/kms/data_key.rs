//! `pgveil kms generate-data-key`: a data key for something else than pgveil, made as pgveil's own are.

use std::io::IsTerminal as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{Service, ServiceArgs};
use crate::{
    cli::{Outcome, console::Console, error::CliError, shown},
    kms::WrapContext,
};

/// What such keys are bound to: no key of a keystore, so neither can stand in for the other.
const CONTEXT: (&str, &str) = ("purpose", "data-key");

/// Arguments of `pgveil kms generate-data-key`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DataKeyArgs {
    #[command(flatten)]
    pub(in crate::cli) service: ServiceArgs,
    /// Only the wrapped key: the plaintext is shown to nobody.
    #[arg(long)]
    without_plaintext: bool,
    /// Show the plaintext even on a terminal.
    #[arg(long, short)]
    yes: bool,
}

/// What is printed. Not a `Value`: that would leave copies of the plaintext behind.
#[derive(Serialize)]
struct DataKey<'a> {
    kms: &'a str,
    key_id: String,
    algorithm: &'static str,
    wrap_algorithm: &'a str,
    key_version: Option<&'a str>,
    context: &'a [(&'a str, &'a str)],
    ciphertext: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<&'a str>,
    created_at: Option<String>,
    request_id: Option<&'a str>,
}

/// Makes one and prints it.
pub(super) async fn generate(service: &Service, args: &DataKeyArgs, console: Console) -> Result<Outcome, CliError> {
    let shows = !args.without_plaintext;
    if shows && !args.yes && std::io::stdout().is_terminal() {
        return Err(CliError::usage(
            "the plaintext of a key would be shown on this terminal",
            "add --without-plaintext, or send the output into a pipe, or add --yes to see it",
        ));
    }
    let (name, value) = CONTEXT;
    let generated = service.kms.generate(&WrapContext(vec![(name, value.to_owned())]), shows).await?;
    let wrapped = &generated.wrapped;
    let plaintext =
        generated.plaintext.as_ref().filter(|_| shows).map(|key| Zeroizing::new(STANDARD.encode(key.expose())));
    if shows {
        Console::note(
            "warning: the output holds a key in plaintext; do not keep it in files, logs or a shell's history",
        );
    }
    let key = DataKey {
        kms: &service.name,
        key_id: service.kms.key_ref(),
        algorithm: "aes_256_gcm",
        wrap_algorithm: &wrapped.algorithm,
        key_version: wrapped.provider_version.as_deref(),
        context: &[CONTEXT],
        ciphertext: STANDARD.encode(&wrapped.blob),
        plaintext: plaintext.as_ref().map(|text| text.as_str()),
        created_at: shown::instant(Some(shown::now())),
        request_id: wrapped.request_id.as_deref(),
    };
    Console::secret(&if console.is_json() { json(&key)? } else { key.text() });
    Ok(Outcome::Fine)
}

impl DataKey<'_> {
    fn text(&self) -> Zeroizing<String> {
        let created_at = self.created_at.as_deref().unwrap_or_default();
        // Room for all of it, so that no half-grown copy is left behind.
        let mut text = Zeroizing::new(String::with_capacity(1024 + self.key_id.len() + self.ciphertext.len()));
        for (name, value) in [
            ("key_id", self.key_id.as_str()),
            ("algorithm", self.algorithm),
            ("ciphertext", &self.ciphertext),
            ("plaintext", self.plaintext.unwrap_or("-")),
            ("created_at", created_at),
        ] {
            for part in [name, " = ", value, "\n"] {
                text.push_str(part);
            }
        }
        text
    }
}

fn json(key: &DataKey<'_>) -> Result<Zeroizing<String>, CliError> {
    let mut bytes = Vec::with_capacity(4096 + 2 * key.key_id.len() + key.ciphertext.len());
    serde_json::to_writer_pretty(&mut bytes, key)
        .map_err(|error| CliError::Io { what: "writing JSON", source: error.into() })?;
    bytes.push(b'\n');
    let text = String::from_utf8(bytes).unwrap_or_default();
    Ok(Zeroizing::new(text))
}
