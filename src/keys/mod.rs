//! Keys of one protected database: the keystore in Postgres, the keyring (cache), and the key
//! handles that the data path pins.
//!
//! [`Keyring`] is opened once per protected database and shared by its sessions. The data path asks
//! it for [`ColumnKeys`] once per column and then seals and opens synchronously; only a DEK that is
//! not cached needs an await ([`ColumnKeys::fetch`]).

mod budget;
mod column;
mod context;
mod error;
mod keyring;
pub mod keystore;
mod live;
mod mac;
mod state;
#[cfg(test)]
pub mod tests;

pub use column::{ColumnKeys, Pinned, Sealed, Unopened};
pub use error::KeyError;
pub use keyring::Keyring;
pub use state::KeyState;
