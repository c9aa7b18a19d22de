//! Values that are sealed anew, under the primary DEK.

use std::sync::Arc;

use super::{Making, column, kms::Scripted, live, live_of, open, refresh, refresh_with, seal, ssn};
use crate::{
    config::{Mode, ProtectedColumn},
    crypto::{Cipher, Envelope, OpenError, Padding},
    keys::{
        ColumnKeys, KeyError,
        KeyState::{Deprecated, Primary},
        Resealed, Unopened, Unresealed,
    },
    values::LogicalType,
};

fn reseal(keys: &ColumnKeys, stored: &[u8]) -> Result<(Resealed, Vec<u8>), Unresealed> {
    let mut out = b"before".to_vec();
    let outcome = keys.reseal(&keys.permit().unwrap(), stored, &mut out);
    assert!(out.starts_with(b"before"));
    match outcome {
        Ok(done) => Ok((done, out.split_off(6))),
        Err(error) => {
            assert_eq!(out, b"before", "after an error it is as before");
            Err(error)
        }
    }
}

#[tokio::test]
async fn a_value_keeps_its_contents_and_its_token_and_changes_its_key() {
    let kms = Scripted::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let keys = ssn(&live);
    let old = seal(&keys, "Bob");
    refresh(&live, &kms, &[(1, Deprecated), (2, Primary)]).await;
    let (done, new) = reseal(&keys, &old).unwrap();
    assert_eq!(done, Resealed { from: 1, to: 2 });
    let (before, after) = (Envelope::parse(&old).unwrap(), Envelope::parse(&new).unwrap());
    assert_eq!((after.dek.0, after.token), (2, before.token));
    assert!(after.token.is_some() && after.nonce != before.nonce);
    assert_eq!(open(&keys, &new).unwrap(), "Bob");
    assert_eq!(reseal(&keys, &new).unwrap(), (Resealed { from: 2, to: 2 }, vec![]), "under the primary already");
}

#[tokio::test]
async fn the_policy_says_how_it_is_sealed_and_the_value_what_it_is() {
    let kms = Scripted::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let former = ProtectedColumn {
        mode: Mode::Equality,
        ..(*column(LogicalType::Varchar(None), "a.b.c", Mode::Equality)).clone()
    };
    let old = seal(&ColumnKeys::new(&live, &Arc::new(former.clone())), "Bob");
    refresh(&live, &kms, &[(1, Deprecated), (2, Primary)]).await;
    // Another type, mode, cipher and padding than it was sealed with.
    let (cipher, padding) = (Cipher::Aes256GcmSiv, Padding::Bucket(64));
    let policy = ProtectedColumn { ty: LogicalType::Int4, mode: Mode::Randomized, cipher, padding, ..former.clone() };
    let keys = ColumnKeys::new(&live, &Arc::new(policy));
    keys.fetch(1).await.unwrap();
    let (_, new) = reseal(&keys, &old).unwrap();
    let (before, after) = (Envelope::parse(&old).unwrap(), Envelope::parse(&new).unwrap());
    assert_eq!((after.cipher, after.token), (cipher, before.token));
    assert_eq!(after.sealed.len() - 16, 64, "padded");
    assert!(matches!(open(&keys, &new), Err(Unopened::Kind { .. })), "it is no int4, before and after");
    let right = ColumnKeys::new(&live, &Arc::new(former));
    assert_eq!(open(&right, &new).unwrap(), "Bob");
}

#[tokio::test]
async fn what_does_not_open_is_told_apart() {
    let kms = Scripted::new().await;
    let live = live(&kms, &[(1, Primary)]).await;
    let keys = ssn(&live);
    let old = seal(&keys, "Bob");
    refresh(&live, &kms, &[(1, Deprecated), (2, Primary)]).await;
    let mut bad = old.clone();
    *bad.last_mut().unwrap() ^= 1;
    let other = ColumnKeys::new(&live, &column(LogicalType::Text, "public.people.other", Mode::Randomized));
    other.fetch(1).await.unwrap();
    for (keys, stored) in [(&keys, &bad), (&other, &old)] {
        let error = reseal(keys, stored).unwrap_err();
        assert!(matches!(error, Unresealed::Unopened(Unopened::Open(OpenError::Authentication))), "{error}");
    }
    let fresh = ssn(&live);
    assert!(matches!(reseal(&fresh, &old), Err(Unresealed::Unopened(Unopened::NeedsKey(1)))));
    assert!(matches!(reseal(&keys, b"plaintext"), Err(Unresealed::Unopened(Unopened::Envelope(_)))));
    assert!(matches!(reseal(&keys, &old[..40]), Err(Unresealed::Unopened(Unopened::Envelope(_) | Unopened::Open(_)))));
}

#[tokio::test]
async fn uses_are_counted_and_nothing_is_sealed_beyond_them() {
    let kms = Scripted::new().await;
    let live = live_of(&kms, Making { max_uses: 2, ..Making::of(&[(1, Primary)]) }).await;
    let keys = ssn(&live);
    let old = [seal(&keys, "a"), seal(&keys, "b")];
    refresh_with(&live, &kms, Making { max_uses: 1, ..Making::of(&[(1, Deprecated), (2, Primary)]) }).await;
    let mut bad = old[0].clone();
    *bad.last_mut().unwrap() ^= 1;
    assert!(reseal(&keys, &bad).is_err());
    reseal(&keys, &old[0]).expect("what does not open uses nothing");
    assert!(matches!(reseal(&keys, &old[1]), Err(Unresealed::Key(KeyError::Exhausted(2)))));
    refresh(&live, &kms, &[(1, Deprecated)]).await;
    assert!(matches!(reseal(&keys, &old[1]), Err(Unresealed::Key(KeyError::NoPrimary))));
}
