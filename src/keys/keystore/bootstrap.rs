//! Making the first keys of a database.

use tokio_postgres::Client;
use zeroize::Zeroizing;

use super::{
    super::{
        KeyError, KeyState,
        budget::HARD_LIMIT,
        context::{self, Purpose},
        mac::{MacKey, kcv},
    },
    read::{self, Snapshot},
    rows::{DekRow, KekRow, KeystoreRow, PLATFORM, RootRow, ScopeRow, WrappedRow},
    schema,
    transaction::{Kind, Transaction},
    verify::{unlock_root, unwrap_checked, verify},
    write,
};
use crate::{
    crypto::{IndexRoot, SealError},
    kms::{Kms, KmsError, KmsErrorKind, WrapContext, Wrapped},
};

/// What [`bootstrap`] found or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrapped {
    /// The keystore's random id (32 hex digits), to which its keys are bound.
    pub keystore: String,
    /// Was the keystore made now? False: it existed, and is genuine.
    pub created: bool,
    /// The primary DEK.
    pub dek: u32,
    /// Was the primary DEK made now?
    pub dek_created: bool,
    /// Kind of the KMS that holds the KEK.
    pub provider: String,
    /// The KMS's name of the KEK.
    pub key_ref: String,
    /// Epoch of the keystore afterwards.
    pub epoch: i64,
}

/// Makes platform scope, KEK row, index root and primary DEK if they are not there, in one
/// transaction; if they are, checks them instead. Of several callers at once one makes them and the
/// others find them. The tables must be there ([`super::install`]).
pub async fn bootstrap(client: &Client, database: &str, kms: &dyn Kms) -> Result<Bootstrapped, KeyError> {
    if !super::exists(client).await? {
        return Err(KeyError::NoKeystore(database.to_owned()));
    }
    let transaction = Transaction::begin(client, Kind::Write).await?;
    let outcome = find_or_make(client, database, kms).await;
    transaction.end(outcome).await
}

async fn find_or_make(client: &Client, database: &str, kms: &dyn Kms) -> Result<Bootstrapped, KeyError> {
    // Whoever comes second waits here, and then sees what the first one committed.
    client.batch_execute(schema::LOCK).await?;
    let before = read::rows(client, database).await?;
    let created = before.is_none();
    let root = match &before {
        Some(snapshot) => {
            let root = unlock_root(snapshot, kms).await?;
            verify(snapshot, &root)?;
            root
        }
        None => make_keystore(client, database, kms).await?,
    };
    let snapshot = match before {
        Some(snapshot) => snapshot,
        None => reread(client, database).await?,
    };
    let kek = snapshot.kek().ok_or_else(|| KeyError::Tampered("kek".to_owned()))?;
    let (dek, dek_created) = match snapshot.primary() {
        Some(row) => {
            opens(kms, row, &snapshot.keystore.id).await?;
            (row.key.id, false)
        }
        None => (make_dek(client, kms, &root, &snapshot).await?, true),
    };
    let epoch = if created || dek_created {
        write::manifest(client, database, &MacKey::derive(&root, &snapshot.keystore.id)).await?
    } else {
        snapshot.epoch
    };
    Ok(Bootstrapped {
        keystore: snapshot.keystore.id.clone(),
        created,
        dek: u32::try_from(dek).map_err(|_| KeyError::Tampered("dek".to_owned()))?,
        dek_created,
        provider: kek.provider.clone(),
        key_ref: kek.key_ref.clone(),
        epoch,
    })
}

/// Keystore, platform scope, KEK and index root.
async fn make_keystore(client: &Client, database: &str, kms: &dyn Kms) -> Result<IndexRoot, KeyError> {
    let now = super::now();
    let keystore = const_hex::encode(random::<16>()?.as_slice());
    let (kek_id, root_id) = (random_id()?, random_id()?);

    let root_context = context::of(&keystore, Purpose::IndexRoot, PLATFORM, root_id);
    let root_bytes = random::<32>()?;
    let root_wrapped = wrap_checked(kms, &root_bytes, &root_context).await?;
    let root = IndexRoot::from_bytes(*root_bytes);

    let canary = random::<32>()?;
    let canary_context = context::of(&keystore, Purpose::Canary, PLATFORM, kek_id);
    let canary_wrapped = wrap_checked(kms, &canary, &canary_context).await?;

    let key = MacKey::derive(&root, &keystore);
    let mac = Vec::new(); // computed when the row is written
    let row = KeystoreRow { id: keystore, made_in: database.to_owned(), made_at: now, mac: mac.clone() };
    write::keystore(client, &key, &row).await?;
    let scope = ScopeRow {
        id: PLATFORM,
        level: 0,
        path: "platform".to_owned(),
        parent: None,
        created_at: now,
        mac: mac.clone(),
    };
    write::scope(client, &key, &scope).await?;
    let kek = KekRow {
        id: kek_id,
        scope: PLATFORM,
        provider: kms.kind().to_owned(),
        key_ref: kms.key_ref(),
        state: KeyState::Primary,
        canary: canary_wrapped,
        canary_kcv: kcv(&canary, &canary_context).to_vec(),
        created_at: now,
        mac,
    };
    write::kek(client, &key, &kek).await?;
    let wrapped = new_key(root_id, kek_id, now, root_wrapped, kcv(&root_bytes, &root_context).to_vec());
    write::root(client, &key, &RootRow { key: wrapped, version: 1 }).await?;
    Ok(root)
}

/// A new primary DEK of the platform scope; gives its id.
async fn make_dek(client: &Client, kms: &dyn Kms, root: &IndexRoot, snapshot: &Snapshot) -> Result<i64, KeyError> {
    let keystore = &snapshot.keystore.id;
    let kek = snapshot.kek().ok_or_else(|| KeyError::Tampered("kek".to_owned()))?;
    let id = loop {
        let id = random_id()?;
        if snapshot.deks.iter().all(|dek| dek.key.id != id) {
            break id;
        }
    };
    let dek = random::<32>()?;
    let context = context::of(keystore, Purpose::Dek, PLATFORM, id);
    let wrapped = wrap_checked(kms, &dek, &context).await?;
    let key = new_key(id, kek.id, super::now(), wrapped, kcv(&dek, &context).to_vec());
    let row = DekRow { key, max_uses: HARD_LIMIT as i64, expires_at: None };
    write::dek(client, &MacKey::derive(root, keystore), &row).await?;
    Ok(id)
}

fn new_key(id: i64, kek: i64, created_at: i64, wrapped: Wrapped, kcv: Vec<u8>) -> WrappedRow {
    WrappedRow {
        id,
        scope: PLATFORM,
        kek,
        state: KeyState::Primary,
        wrapped: Some(wrapped),
        kcv,
        created_at,
        destroyed_at: None,
        mac: Vec::new(),
    }
}

async fn reread(client: &Client, database: &str) -> Result<Snapshot, KeyError> {
    read::rows(client, database).await?.ok_or_else(|| KeyError::Tampered("keystore".to_owned()))
}

/// Does an existing DEK still open?
async fn opens(kms: &dyn Kms, dek: &DekRow, keystore: &str) -> Result<(), KeyError> {
    let tampered = || KeyError::Tampered(dek.name());
    let wrapped = dek.key.wrapped.as_ref().ok_or_else(tampered)?;
    unwrap_checked(kms, wrapped, &dek.context(keystore), &dek.key.kcv).await?.ok_or_else(tampered)?;
    Ok(())
}

/// Wraps a key and unwraps it again, before the only other copy of it is gone: a KMS may let itself
/// be used for wrapping with a key that it refuses to unwrap with (Azure does).
async fn wrap_checked(kms: &dyn Kms, key: &[u8; 32], context: &WrapContext) -> Result<Wrapped, KeyError> {
    let wrapped = kms.wrap(key, context).await?;
    let back = kms.unwrap(&wrapped, context).await?;
    if *back != *key {
        let message = "a key came back changed from wrapping and unwrapping".to_owned();
        return Err(KmsError { provider: kms.kind().to_owned(), kind: KmsErrorKind::Integrity, message }.into());
    }
    Ok(wrapped)
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, KeyError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| SealError::NoRandomness)?;
    Ok(bytes)
}

/// A non-zero u32. Drawn at random, so that two keystores can be merged.
fn random_id() -> Result<i64, KeyError> {
    loop {
        match u32::from_be_bytes(*random()?) {
            0 => {}
            id => return Ok(id.into()),
        }
    }
}
