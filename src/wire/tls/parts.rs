//! The fields of a certificate that decisions are made by, as they stand in its bytes.
//!
//! More lenient than a full parser on purpose: a field that nobody asks for (a serial number that is
//! too long, an extension that is unknown) must not make a server unreachable that libpq reaches.
//! <https://datatracker.ietf.org/doc/html/rfc5280#section-4.1>

use std::time::Duration;

use x509_cert::{
    der::{
        self, Decode, Reader, SliceReader, Tag, TagNumber, Tagged,
        asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef},
    },
    spki::AlgorithmIdentifierRef,
    time::Time,
};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// A certificate, taken apart.
pub(super) struct Parts<'a> {
    /// How the issuer signed it.
    pub signature: AlgorithmIdentifierRef<'a>,
    /// Start and end of its validity, since 1970.
    pub validity: (Duration, Duration),
    /// The SubjectPublicKeyInfo, whole.
    pub public_key: &'a [u8],
    subject: AnyRef<'a>,
    /// The contents of every subjectAltName extension.
    alternatives: Vec<&'a [u8]>,
}

/// A name of the subjectAltName extension, as its bytes.
#[derive(Clone, Copy)]
pub(super) enum Alternative<'a> {
    /// rfc822Name
    Email(&'a [u8]),
    /// dNSName
    Dns(&'a [u8]),
    /// uniformResourceIdentifier
    Uri(&'a [u8]),
    /// iPAddress
    Ip(&'a [u8]),
    /// Any other kind.
    Other,
}

impl<'a> Parts<'a> {
    /// Of a certificate in DER.
    pub fn of(certificate: &'a [u8]) -> der::Result<Self> {
        let mut outer = sequence(AnyRef::from_der(certificate)?)?;
        let mut fields = sequence(outer.decode()?)?;
        let signature = outer.decode()?;
        let _: BitStringRef<'_> = outer.decode()?;
        outer.finish()?;

        if is_context(&fields, 0) {
            let _version: AnyRef<'_> = fields.decode()?;
        }
        for _ in ["serialNumber", "signature", "issuer"] {
            let _: AnyRef<'_> = fields.decode()?;
        }
        let mut dates = sequence(fields.decode()?)?;
        let (from, to): (Time, Time) = (dates.decode()?, dates.decode()?);
        let subject: AnyRef<'_> = fields.decode()?;
        subject.tag().assert_eq(Tag::Sequence)?;
        let public_key = fields.tlv_bytes()?;
        let mut alternatives = Vec::new();
        while !fields.is_finished() {
            let extensions = is_context(&fields, 3);
            let field: AnyRef<'_> = fields.decode()?;
            if extensions {
                alternatives = alternative_names(field.value())?;
            }
        }
        let validity = (from.to_unix_duration(), to.to_unix_duration());
        Ok(Self { signature, validity, public_key, subject, alternatives })
    }

    /// The subject's common name: the first one, as `X509_NAME_get_text_by_NID` and
    /// `X509_NAME_get_index_by_NID` give it. None, too, if it has a NUL or is not decodable text.
    pub fn common_name(&self) -> Option<&'a str> {
        for set in elements(self.subject.value()) {
            for attribute in elements(set.ok()?.value()) {
                let mut attribute = sequence(attribute.ok()?).ok()?;
                if attribute.decode::<ObjectIdentifier>().ok()? == COMMON_NAME {
                    return text(attribute.decode().ok()?);
                }
            }
        }
        None
    }

    /// The names of the subjectAltName extension; empty without one.
    pub fn alternatives(&self) -> der::Result<Vec<Alternative<'a>>> {
        let list = match self.alternatives.as_slice() {
            [] => return Ok(Vec::new()),
            [one] => sequence(AnyRef::from_der(one)?)?,
            // RFC 5280 section 4.2: not more than one. Which one would count?
            _ => return Err(der::ErrorKind::Failed.into()),
        };
        let mut names = Vec::new();
        for name in Elements::new(list) {
            let name = name?;
            names.push(match context(name.tag()) {
                Some(1) => Alternative::Email(name.value()),
                Some(2) => Alternative::Dns(name.value()),
                Some(6) => Alternative::Uri(name.value()),
                Some(7) => Alternative::Ip(name.value()),
                _ => Alternative::Other,
            });
        }
        Ok(names)
    }

    /// The algorithm and the bits of the public key: what a signature is verified with. The algorithm is
    /// without its outer header, as the crypto provider names algorithms.
    pub fn verifying_key(&self) -> der::Result<(&'a [u8], &'a [u8])> {
        let mut key = sequence(AnyRef::from_der(self.public_key)?)?;
        let algorithm: AnyRef<'_> = key.decode()?;
        let bits: BitStringRef<'_> = key.decode()?;
        let bits = bits.as_bytes().ok_or(der::ErrorKind::Failed)?;
        Ok((algorithm.value(), bits))
    }
}

/// Text without NUL. Only encodings whose bytes are the text: elsewhere (BMPString) the same bytes mean
/// something else.
fn text(value: AnyRef<'_>) -> Option<&str> {
    let text = match value.tag() {
        Tag::Utf8String => std::str::from_utf8(value.value()).ok()?,
        Tag::PrintableString | Tag::Ia5String | Tag::VisibleString | Tag::NumericString | Tag::TeletexString => {
            ascii(value.value())?
        }
        _ => return None,
    };
    (!text.contains('\0')).then_some(text)
}

/// ASCII without NUL.
pub(super) fn ascii(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii() && !text.contains('\0'))
}

fn alternative_names(extensions: &[u8]) -> der::Result<Vec<&[u8]>> {
    let mut found = Vec::new();
    for extension in Elements::new(sequence(AnyRef::from_der(extensions)?)?) {
        let mut extension = sequence(extension?)?;
        if extension.decode::<ObjectIdentifier>()? == SUBJECT_ALT_NAME {
            if Tag::peek(&extension)? == Tag::Boolean {
                let _critical: AnyRef<'_> = extension.decode()?;
            }
            let value: &OctetStringRef = extension.decode()?;
            found.push(value.as_bytes());
        }
    }
    Ok(found)
}

/// The inside of a SEQUENCE.
pub(super) fn sequence(value: AnyRef<'_>) -> der::Result<SliceReader<'_>> {
    value.tag().assert_eq(Tag::Sequence)?;
    SliceReader::new(value.value())
}

/// The number of a context-specific tag.
pub(super) fn context(tag: Tag) -> Option<u32> {
    match tag {
        Tag::ContextSpecific { number: TagNumber(number), .. } => Some(number),
        _ => None,
    }
}

fn is_context(reader: &SliceReader<'_>, number: u32) -> bool {
    Tag::peek(reader).is_ok_and(|tag| context(tag) == Some(number))
}

/// The values that stand one behind the other; ends behind the first that cannot be decoded.
fn elements(bytes: &[u8]) -> impl Iterator<Item = der::Result<AnyRef<'_>>> {
    SliceReader::new(bytes).into_iter().flat_map(Elements::new)
}

struct Elements<'a>(Option<SliceReader<'a>>);

impl<'a> Elements<'a> {
    fn new(reader: SliceReader<'a>) -> Self {
        Self(Some(reader))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = der::Result<AnyRef<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut reader = self.0.take().filter(|reader| !reader.is_finished())?;
        let element = reader.decode();
        self.0 = element.is_ok().then_some(reader);
        Some(element)
    }
}
