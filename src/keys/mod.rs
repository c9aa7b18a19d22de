//! Keys of one protected database: the keystore in Postgres, the keyring (cache), and the key
//! handles that the data path pins.
//!
//! [`Keyring`] is opened once per protected database and shared by its sessions. The data path asks
//! it for [`ColumnKeys`] once per column and then seals and opens synchronously; only a DEK that is
//! not cached needs an await ([`ColumnKeys::fetch`]).

mod budget;
mod clock;
mod column;
mod context;
mod error;
mod fence;
mod health;
mod kek;
mod keyring;
pub mod keystore;
mod lease;
mod live;
mod mac;
pub mod minder;
mod permit;
mod probe;
mod remembered;
mod retired;
mod rules;
mod state;
mod status;
#[cfg(test)]
pub mod tests;
mod vault;

pub use clock::Clock;
pub use column::{ColumnKeys, Pinned, Resealed, Sealed, Unopened, Unresealed};
pub use error::KeyError;
pub(crate) use error::server_message;
pub use fence::{Patience, fence, fence_within, transactions_over};
pub use keyring::Keyring;
pub use permit::{Generation, Permit, Stamp};
pub use remembered::Remembered;
pub use retired::RetiredReads;
pub use state::KeyState;
pub use status::{DekCounts, Event, Happening, KekCondition, KekStatus, KeyCounts, Missing, Prefetched};
