//! What holds for every value: it opens as itself, as nothing else, and nowhere else.

use proptest::{collection::vec, option, prelude::*};

use super::{Unopened, open};
use crate::crypto::{
    Cipher, ColumnCipher, ColumnId, Dek, DekId, Envelope, IndexKey, IndexRoot, MAX_CANON, OpenError, Padding,
    SealError, Token,
    awslc::AwsLc,
    column::{Column, Plain},
    portable::Portable,
};

const DEK: [u8; 32] = [1; 32];
const ID: DekId = DekId(0x0102_0304);

/// The same column in both engines.
fn columns(dek: [u8; 32], id: DekId, identity: &str) -> (Column<AwsLc>, Column<Portable>) {
    let (dek, column) = (Dek::from_bytes(dek), ColumnId::of(identity));
    (Column::derive(&dek, id, &column), Column::derive(&dek, id, &column))
}

#[derive(Clone, Debug)]
struct Value {
    cipher: Cipher,
    token: Option<Token>,
    kind: u8,
    tenant: Vec<u8>,
    padding: Padding,
    canon: Vec<u8>,
    nonce: [u8; 12],
}

impl Value {
    fn plain(&self) -> Plain<'_> {
        let Self { cipher, ref token, kind, ref tenant, padding, ref canon, .. } = *self;
        Plain { cipher, token: token.as_ref(), kind, tenant, padding, canon }
    }

    fn sealed(&self) -> Vec<u8> {
        let mut out = Vec::new();
        columns(DEK, ID, "s.t.c").0.seal(&self.plain(), &self.nonce, &mut out).unwrap();
        out
    }
}

fn value() -> impl Strategy<Value = Value> {
    let cipher = prop_oneof![Just(Cipher::Aes256Gcm), Just(Cipher::Aes256GcmSiv)];
    let padding = prop_oneof![Just(Padding::None), Just(Padding::Padme), (0..700u32).prop_map(Padding::Bucket)];
    let token = option::of(any::<[u8; 16]>().prop_map(Token));
    let canon =
        prop_oneof![vec(any::<u8>(), 0..40), vec(prop_oneof![Just(0), Just(0x80)], 0..40), vec(any::<u8>(), 0..3000)];
    (cipher, token, 1..=127u8, vec(any::<u8>(), 0..200), padding, canon, any::<[u8; 12]>()).prop_map(
        |(cipher, token, kind, tenant, padding, canon, nonce)| Value {
            cipher,
            token,
            kind,
            tenant,
            padding,
            canon,
            nonce,
        },
    )
}

const FAILED: Result<(u8, Vec<u8>), Unopened> = Err(Unopened::Open(OpenError::Authentication));

proptest! {
    #[test]
    fn a_value_opens_as_itself_in_both_engines(value in value()) {
        let (aws, portable) = columns(DEK, ID, "s.t.c");
        let stored = value.sealed();
        let mut second = Vec::new();
        portable.seal(&value.plain(), &value.nonce, &mut second).unwrap();
        prop_assert_eq!(&second, &stored);
        let expected = Ok((value.kind, value.canon.clone()));
        prop_assert_eq!(open(&aws, &stored, &value.tenant), expected.clone());
        prop_assert_eq!(open(&portable, &stored, &value.tenant), expected);
        prop_assert_eq!(Envelope::parse(&stored).unwrap().token, value.token.as_ref().map(|token| &token.0));
    }

    #[test]
    fn any_flipped_bit_is_noticed(value in value(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut stored = value.sealed();
        *at.get_mut(&mut stored) ^= 1 << bit;
        let (aws, portable) = columns(DEK, ID, "s.t.c");
        let result = open(&aws, &stored, &value.tenant);
        prop_assert!(result.is_err());
        prop_assert_eq!(open(&portable, &stored, &value.tenant), result);
    }

    #[test]
    fn any_truncation_or_extension_is_noticed(value in value(), at in any::<prop::sample::Index>(), more in vec(any::<u8>(), 1..20)) {
        let (aws, _) = columns(DEK, ID, "s.t.c");
        let mut stored = value.sealed();
        prop_assert!(open(&aws, &stored[..at.index(stored.len())], &value.tenant).is_err());
        stored.extend(more);
        prop_assert_eq!(open(&aws, &stored, &value.tenant), FAILED);
    }

    #[test]
    fn it_opens_nowhere_else(value in value(), tenant in vec(any::<u8>(), 0..20), bit in 0..256usize) {
        let stored = value.sealed();
        prop_assert_eq!(open(&columns(DEK, ID, "s.t.d").0, &stored, &value.tenant), FAILED, "other column");
        let (aws, _) = columns(DEK, ID, "s.t.c");
        if tenant != value.tenant {
            prop_assert_eq!(open(&aws, &stored, &tenant), FAILED, "other tenant");
        }
        let mut other = DEK;
        other[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(open(&columns(other, ID, "s.t.c").0, &stored, &value.tenant), FAILED, "other DEK");
        prop_assert_eq!(open(&columns(DEK, DekId(1), "s.t.c").0, &stored, &value.tenant), FAILED, "other DEK id");
    }

    #[test]
    fn lengths_show_only_as_far_as_padding_lets_them(value in value()) {
        let fixed = 8 + value.token.map_or(0, |_| 16) + 12 + 16;
        let inner = value.sealed().len() - fixed;
        match value.padding {
            Padding::None => prop_assert_eq!(inner, value.canon.len() + 1),
            Padding::Padme => prop_assert!((value.canon.len() + 2..=(value.canon.len() + 2) * 112 / 100).contains(&inner)),
            Padding::Bucket(size) => {
                prop_assert_eq!(inner % size.max(1) as usize, 0);
                prop_assert!((value.canon.len() + 2..value.canon.len() + 2 + size.max(1) as usize).contains(&inner));
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_open(tail in vec(any::<u8>(), 0..100), layout in prop_oneof![Just(0x10u8), Just(0x11), Just(0x20), Just(0x21)]) {
        let stored = [&crate::crypto::MAGIC[..], &[layout], &ID.0.to_be_bytes(), &tail].concat();
        prop_assert!(open(&columns(DEK, ID, "s.t.c").0, &stored, b"").is_err());
    }

    #[test]
    fn tokens_are_equal_exactly_where_all_inputs_are(
        one in (".{0,3}", vec(any::<u8>(), 0..3), 0..3u32, vec(0..3u8, 0..3)),
        two in (".{0,3}", vec(any::<u8>(), 0..3), 0..3u32, vec(0..3u8, 0..3)),
    ) {
        let root = IndexRoot::from_bytes([2; 32]);
        let token = |(domain, tenant, version, canon): &(String, Vec<u8>, u32, Vec<u8>)| {
            IndexKey::derive(&root, domain, tenant, *version).token(canon)
        };
        prop_assert_eq!(token(&one) == token(&two), one == two);
        prop_assert_eq!(token(&one), token(&one.clone()));
    }
}

#[test]
fn the_same_value_is_never_sealed_alike_and_takes_46_or_62_bytes() {
    let cipher = ColumnCipher::derive(&Dek::from_bytes(DEK), ID, &ColumnId::of("public.people.ssn"));
    for (token, len) in [(None, 46), (Some(&Token([9; 16])), 62)] {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..1000 {
            let mut out = Vec::new();
            cipher.seal(Cipher::Aes256Gcm, token, 1, b"", Padding::None, b"123456789", &mut out).unwrap();
            let mut canon = Vec::new();
            assert_eq!(cipher.open(&Envelope::parse(&out).unwrap(), b"", &mut canon), Ok(1));
            assert_eq!((out.len(), canon.as_slice()), (len, b"123456789".as_slice()));
            assert!(seen.insert(out));
        }
    }
}

#[test]
fn limits_are_refused_and_leave_no_trace() {
    let sealed = |id, plain: Plain<'_>| {
        let mut out = b"before".to_vec();
        let result = columns(DEK, id, "s.t.c").0.seal(&plain, &[0; 12], &mut out);
        if result.is_err() {
            assert_eq!(out, b"before");
        }
        result.map(|()| out.len())
    };
    let plain =
        Plain { cipher: Cipher::Aes256Gcm, token: None, kind: 1, tenant: b"", padding: Padding::None, canon: b"x" };
    assert_eq!(sealed(ID, plain), Ok(6 + 38));
    assert_eq!(sealed(DekId(0), plain), Err(SealError::Cipher));
    for kind in [0, 0x80, 0xFF] {
        assert_eq!(sealed(ID, Plain { kind, ..plain }), Err(SealError::Cipher));
    }
    let tenant = vec![0; 65_536];
    assert_eq!(sealed(ID, Plain { tenant: &tenant[1..], ..plain }), Ok(6 + 38));
    assert_eq!(sealed(ID, Plain { tenant: &tenant, ..plain }), Err(SealError::Cipher));
    assert_eq!(sealed(ID, Plain { padding: Padding::Bucket(u32::MAX), ..plain }), Err(SealError::Cipher));
    let canon = vec![0; MAX_CANON + 1];
    assert_eq!(sealed(ID, Plain { canon: &canon, ..plain }), Err(SealError::Cipher));
    assert_eq!(sealed(ID, Plain { canon: &canon[1..], ..plain }), Ok(6 + 37 + MAX_CANON));
}
