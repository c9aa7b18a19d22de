//! The published test vectors, against both engines. docs/vectors/check.py computes them
//! independently of this code.

use serde::Deserialize;

use super::{Unopened, open};
use crate::crypto::{
    Cipher, ColumnId, Dek, DekId, Envelope, EnvelopeError, IndexKey, IndexRoot, OpenError, Padding, Token,
    aad::with_aad,
    awslc::AwsLc,
    column::{Column, Engine, Plain},
    derive::{column_key, index_key},
    portable::Portable,
};

#[derive(Deserialize)]
struct Vectors {
    dek: String,
    dek_id: String,
    index_root: String,
    columns: Vec<OneColumn>,
    tokens: Vec<OneToken>,
    envelopes: Vec<OneEnvelope>,
    rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
struct OneColumn {
    identity: String,
    id: String,
    key: String,
}

#[derive(Deserialize)]
struct OneToken {
    domain: String,
    tenant: String,
    version: u32,
    key: String,
    canon: String,
    token: String,
}

#[derive(Deserialize)]
struct OneEnvelope {
    name: String,
    cipher: String,
    identity: String,
    tenant: String,
    kind: u8,
    padding: OnePadding,
    canon: String,
    token: Option<String>,
    nonce: String,
    aad: String,
    envelope: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OnePadding {
    Bucket(u32),
    Named(String),
}

#[derive(Deserialize)]
struct Rejected {
    name: String,
    identity: String,
    tenant: String,
    stored: String,
    error: String,
}

fn hex(text: &str) -> Vec<u8> {
    const_hex::decode(text).unwrap()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

impl Vectors {
    fn load() -> Self {
        serde_json::from_str(include_str!("../../../docs/vectors/envelope.json")).unwrap()
    }

    fn dek(&self) -> Dek {
        Dek::from_bytes(array(&self.dek))
    }

    fn column<E: Engine>(&self, identity: &str) -> Column<E> {
        let id = DekId(u32::from_be_bytes(array(&self.dek_id)));
        Column::derive(&self.dek(), id, &ColumnId::of(identity))
    }
}

#[test]
fn column_ids_and_keys() {
    let vectors = Vectors::load();
    for column in &vectors.columns {
        let id = ColumnId::of(&column.identity);
        assert_eq!(id.0, array(&column.id), "{}", column.identity);
        assert_eq!(*column_key(&vectors.dek(), &id), array(&column.key), "{}", column.identity);
    }
}

#[test]
fn tokens() {
    let vectors = Vectors::load();
    let root = IndexRoot::from_bytes(array(&vectors.index_root));
    for token in &vectors.tokens {
        let tenant = token.tenant.as_bytes();
        assert_eq!(*index_key(&root, &token.domain, tenant, token.version), array(&token.key));
        let key = IndexKey::derive(&root, &token.domain, tenant, token.version);
        assert_eq!(key.token(&hex(&token.canon)).0, array(&token.token));
    }
}

#[test]
fn envelopes_of_aws_lc() {
    envelopes::<AwsLc>();
}

#[test]
fn envelopes_of_the_portable_engine() {
    envelopes::<Portable>();
}

fn envelopes<E: Engine>() {
    let vectors = Vectors::load();
    for vector in &vectors.envelopes {
        let (name, stored, canon) = (&vector.name, hex(&vector.envelope), hex(&vector.canon));
        let tenant = vector.tenant.as_bytes();
        let column = vectors.column::<E>(&vector.identity);
        assert_eq!(open(&column, &stored, tenant), Ok((vector.kind, canon.clone())), "{name}");

        let parsed = Envelope::parse(&stored).unwrap();
        let token = vector.token.as_deref().map(|token| Token(array(token)));
        assert_eq!(parsed.token, token.as_ref().map(|token| &token.0), "{name}");
        let aad = with_aad(parsed.head, &ColumnId::of(&vector.identity), tenant, <[u8]>::to_vec);
        assert_eq!(aad, Some(hex(&vector.aad)), "{name}");

        let padding = match &vector.padding {
            OnePadding::Bucket(size) => Padding::Bucket(*size),
            OnePadding::Named(name) if name == "padme" => Padding::Padme,
            OnePadding::Named(name) => {
                assert_eq!(name, "none");
                Padding::None
            }
        };
        let cipher = match vector.cipher.as_str() {
            "aes-256-gcm" => Cipher::Aes256Gcm,
            "aes-256-gcm-siv" => Cipher::Aes256GcmSiv,
            other => panic!("{other}"),
        };
        let plain = Plain { cipher, token: token.as_ref(), kind: vector.kind, tenant, padding, canon: &canon };
        let mut sealed = b"before".to_vec();
        column.seal(&plain, &array(&vector.nonce), &mut sealed).unwrap();
        assert_eq!(sealed.strip_prefix(b"before"), Some(stored.as_slice()), "{name}");
    }
}

#[test]
fn rejected_by_aws_lc() {
    rejected::<AwsLc>();
}

#[test]
fn rejected_by_the_portable_engine() {
    rejected::<Portable>();
}

fn rejected<E: Engine>() {
    let vectors = Vectors::load();
    for vector in &vectors.rejected {
        let column = vectors.column::<E>(&vector.identity);
        let error = open(&column, &hex(&vector.stored), vector.tenant.as_bytes()).unwrap_err();
        let expected = match vector.error.as_str() {
            "not_an_envelope" => Unopened::Envelope(EnvelopeError::NotAnEnvelope),
            "truncated" => Unopened::Envelope(EnvelopeError::Truncated),
            "unknown_layout" => Unopened::Envelope(EnvelopeError::UnknownLayout),
            "authentication" => Unopened::Open(OpenError::Authentication),
            "contents" => Unopened::Open(OpenError::Contents),
            other => panic!("{other}"),
        };
        assert_eq!(error, expected, "{}", vector.name);
    }
}
