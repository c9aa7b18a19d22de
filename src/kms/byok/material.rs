//! Imported key material: where it may be read from, what it has to look like, its fingerprint.
//!
//! It comes from a file or from standard input, nowhere else: arguments and environments of processes
//! can be seen by others, statements are logged.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::kms::KeyBytes;

/// A key and its newline are 46 bytes at most. Some more are read to say how it is too long.
const MAX_INPUT: usize = 4096;
/// 32 bytes as base64.
const ENCODED: usize = 44;

/// Why material is refused. Says nothing of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum MaterialError {
    /// The file or standard input cannot be read.
    #[error("cannot read the key material from {}: {source}", from.as_deref().map_or("standard input".into(), Path::to_string_lossy))]
    Unreadable {
        /// The file; None: standard input.
        from: Option<PathBuf>,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing came.
    #[error("the key material is empty")]
    Empty,
    /// Not standard base64 with its padding.
    #[error("the key material is not one line of base64: {0}")]
    Encoding(&'static str),
    /// Another length.
    #[error("the key material is {0} bytes long, not exactly 32")]
    Length(usize),
    /// Far more than a key.
    #[error("the key material is more than {MAX_INPUT} characters long; 32 bytes of base64 are {ENCODED}")]
    TooLong,
    /// Bits after the end of the key are set: another text for the same key, or a typing error.
    #[error("the key material's last character before `=` has bits that are not part of the key: was it typed or cut?")]
    NotCanonical,
    /// All bytes are the same.
    #[error("all 32 bytes of the key material are the same; a key is random")]
    Uniform,
    /// All bytes are printable characters.
    #[error("the key material consists of printable characters only: that is a passphrase or a name, a key is random")]
    Printable,
    /// It can be read in public documentation.
    #[error("the key material is the sample of a public documentation: everybody has it")]
    Sample,
}

impl MaterialError {
    /// A stable code with an anchor in docs/errors.md.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "keys/material-unreadable",
            Self::Empty => "keys/material-empty",
            Self::Encoding(_) => "keys/material-encoding",
            Self::Length(_) | Self::TooLong => "keys/material-length",
            Self::NotCanonical => "keys/material-not-canonical",
            Self::Uniform => "keys/material-uniform",
            Self::Printable => "keys/material-printable",
            Self::Sample => "keys/material-sample",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "Give a file that pgveil can read, or `-` and the material on standard input.",
            _ => "Make it with `openssl rand -base64 32`: 32 random bytes, 44 characters of base64.",
        }
    }
}

/// Key material that passed all checks. Wiped when dropped; there is no way to print it.
pub(super) struct RawKey(KeyBytes);

opaque!(RawKey);

/// Reads material from a file, or from standard input if there is none.
///
/// Past the standard library's buffer, which nobody wipes.
pub fn read(from: Option<&Path>) -> Result<Zeroizing<Vec<u8>>, MaterialError> {
    let unreadable = |source| MaterialError::Unreadable { from: from.map(Path::to_owned), source };
    let file = match from {
        Some(path) => File::open(path),
        None => io::stdin().as_fd().try_clone_to_owned().map(File::from),
    };
    // Room for all that is read: growing would leave a copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_INPUT + 2));
    file.and_then(|file| file.take(MAX_INPUT as u64 + 1).read_to_end(&mut text)).map_err(unreadable)?;
    Ok(text)
}

impl RawKey {
    /// Checks material as a customer hands it over, with or without one line break at its end.
    pub(super) fn parse(text: &[u8]) -> Result<Self, MaterialError> {
        let line = text.strip_suffix(b"\n").map_or(text, |line| line.strip_suffix(b"\r").unwrap_or(line));
        check_text(line)?;
        let mut bytes = Zeroizing::new([0; ENCODED]);
        let length = BASE64_STANDARD
            .decode_slice(line, bytes.as_mut_slice())
            .map_err(|_| MaterialError::Encoding("it cannot be decoded"))?;
        let own = bytes.get(..length).and_then(KeyBytes::copied).ok_or(MaterialError::Length(length))?;
        let key = own.expose();
        if key.iter().all(|byte| *byte == key[0]) {
            return Err(MaterialError::Uniform);
        }
        if key.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')) {
            return Err(MaterialError::Printable);
        }
        // One that a vendor's page shows as the result of its command.
        if line.starts_with(b"4K1tGHHq") && line.ends_with(b"RJA=") {
            return Err(MaterialError::Sample);
        }
        Ok(Self(own))
    }

    /// Of material that passed the checks before.
    pub(super) fn of(key: KeyBytes) -> Self {
        Self(key)
    }

    pub(super) fn is(&self, other: &KeyBytes) -> bool {
        self.0 == *other
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        self.0.expose()
    }

    /// Names the material without giving it away: a PRF under it, cut to 128 bits, in hex.
    pub(super) fn fingerprint(&self) -> String {
        // HMAC fills a key with zeros to the block of its hash.
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(self.0.expose());
        let mac = Hmac::<Sha256>::new((&*block).into()).chain_update(b"pgveil byok fingerprint v1");
        const_hex::encode(&mac.finalize().into_bytes()[..16])
    }
}

/// `^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$`, with a word on what is wrong.
fn check_text(line: &[u8]) -> Result<(), MaterialError> {
    if line.is_empty() {
        return Err(MaterialError::Empty);
    }
    if line.len() > MAX_INPUT {
        return Err(MaterialError::TooLong);
    }
    let digits = line.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).count();
    let rest = line.get(digits..).unwrap_or_default();
    if !matches!(rest, b"" | b"=" | b"==") {
        return Err(MaterialError::Encoding(match rest {
            _ if line.len() == 32 => "these seem to be 32 raw bytes",
            _ if line.iter().any(u8::is_ascii_whitespace) => "it has white space or more than one line",
            [b'-' | b'_', ..] => "it has characters of the URL alphabet (`-`, `_`)",
            _ => "it has characters that base64 does not have",
        }));
    }
    if !line.len().is_multiple_of(4) {
        return Err(MaterialError::Encoding("it is cut, or its padding (`=`) is missing"));
    }
    if line.len() == 2 * 32 && rest.is_empty() && line.iter().all(u8::is_ascii_hexdigit) {
        return Err(MaterialError::Encoding("these seem to be hexadecimal digits"));
    }
    let length = digits * 3 / 4;
    if length != 32 {
        return Err(MaterialError::Length(length));
    }
    match line {
        [.., last, b'='] if b"AEIMQUYcgkosw048".contains(last) => Ok(()),
        _ => Err(MaterialError::NotCanonical),
    }
}
