//! Keys of one protected database: the keystore in Postgres, the keyring (cache), and the key
//! handles that the data path pins.
//!
//! [`Keyring`] is opened once per protected database and shared by its sessions. The data path asks
//! it for [`ColumnKeys`] once per column and then seals and opens synchronously; only a DEK that is
//! not cached needs an await ([`ColumnKeys::fetch`]).

mod column;
mod error;
mod keyring;
pub mod keystore;

pub use column::{ColumnKeys, Sealed, Unopened};
pub use error::KeyError;
pub use keyring::Keyring;
