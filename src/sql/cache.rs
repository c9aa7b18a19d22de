//! Plans by text and everything they depend on.
//!
//! For statements of the extended protocol, which are prepared once and executed often. Their texts
//! are kept, and may hold literals: the cache is bounded, but nothing in it is zeroised. Statements of
//! the simple protocol, whose literals are data, do not belong here.
//!
//! Bounded by bytes, in shards. Each shard has two generations: what is used moves to the young one,
//! and when that is full it becomes the old one, whose former content is dropped. That keeps what is
//! in use, costs nothing on a hit, and needs no order to be maintained.

use std::{
    hash::{BuildHasher, DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{catalog::Oid, env::Env};

/// Everything but its text and parameters that a plan depends on.
///
/// Built when the session's environment or the catalog changes, and then shared by its statements.
#[derive(Debug, Eq)]
pub struct Scope {
    /// Of all that follows, so that it isn't hashed again for each look-up.
    hash: u64,
    database: String,
    epoch: u64,
    role: String,
    search_path: Vec<String>,
    temp: Vec<Temp>,
    standard_conforming_strings: bool,
}

/// A temporary relation as far as plans depend on it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Temp {
    oid: Oid,
    schema: String,
    name: String,
    kind: char,
    columns: Vec<(i16, String, Oid, i32)>,
}

impl Scope {
    /// The scope of a session in a database, under one snapshot of the catalog
    /// ([`Catalog::epoch`](super::catalog::Catalog::epoch)).
    pub fn new(database: &str, epoch: u64, env: &Env) -> Arc<Self> {
        let temp = env.temp.iter().map(|relation| Temp {
            oid: relation.oid,
            schema: relation.schema.clone(),
            name: relation.name.clone(),
            kind: relation.kind,
            columns: relation.columns.iter().map(|c| (c.number, c.name.clone(), c.type_oid, c.typmod)).collect(),
        });
        let mut scope = Self {
            hash: 0,
            database: database.to_owned(),
            epoch,
            role: env.role.clone(),
            search_path: env.search_path.clone(),
            temp: temp.collect(),
            standard_conforming_strings: env.standard_conforming_strings,
        };
        let mut hasher = DefaultHasher::new();
        scope.parts().hash(&mut hasher);
        scope.hash = hasher.finish();
        Arc::new(scope)
    }

    fn parts(&self) -> (u64, &str, &str, &[String], &[Temp], bool) {
        let strings = self.standard_conforming_strings;
        (self.epoch, &self.database, &self.role, &self.search_path, &self.temp, strings)
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.parts() == other.parts()
    }
}

/// What a plan is found by.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The statement's text, byte for byte.
    pub text: &'a str,
    /// Parameter types as the client declared them.
    pub declared: &'a [Oid],
    /// Where it runs.
    pub scope: &'a Arc<Scope>,
}

impl Key<'_> {
    fn is(&self, text: &str, declared: &[Oid], scope: &Arc<Scope>) -> bool {
        self.text == text && self.declared == declared && (Arc::ptr_eq(self.scope, scope) || self.scope == scope)
    }
}

/// Look-ups so far, and what is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Found.
    pub hits: u64,
    /// Not found.
    pub misses: u64,
    /// Entries held.
    pub entries: usize,
    /// Bytes held, as weighed.
    pub bytes: usize,
}

/// A bounded cache of plans (or whatever else `V` is).
#[derive(Debug)]
pub struct PlanCache<V> {
    hasher: DefaultHashBuilder,
    shards: Box<[Mutex<Shard<V>>]>,
    /// Bytes that one generation of one shard may hold.
    generation: usize,
}

#[derive(Debug)]
struct Shard<V> {
    young: Generation<V>,
    old: Generation<V>,
    hits: u64,
    misses: u64,
}

#[derive(Debug)]
struct Generation<V> {
    entries: HashTable<Entry<V>>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<V> {
    hash: u64,
    text: Box<str>,
    declared: Box<[Oid]>,
    scope: Arc<Scope>,
    value: Arc<V>,
    /// Bytes of the entry with its key and value.
    weight: usize,
}

/// Enough that sessions on a few dozen cores seldom meet.
const SHARDS: usize = 32;

impl<V> PlanCache<V> {
    /// A cache that holds at most `bytes`, as weighed. 0 holds nothing.
    pub fn new(bytes: usize) -> Self {
        let shards = std::iter::repeat_with(|| Mutex::new(Shard::new())).take(SHARDS).collect();
        Self { hasher: DefaultHashBuilder::default(), shards, generation: bytes / SHARDS / 2 }
    }

    /// The value of a key.
    pub fn get(&self, key: &Key<'_>) -> Option<Arc<V>> {
        let hash = self.hash(key);
        let mut shard = self.shard(hash)?;
        if let Some(entry) = shard.young.find(hash, key) {
            let value = Arc::clone(&entry.value);
            shard.hits += 1;
            return Some(value);
        }
        let Some(entry) = shard.old.take(hash, key) else {
            shard.misses += 1;
            return None;
        };
        shard.hits += 1;
        let value = Arc::clone(&entry.value);
        let dropped = shard.add(entry, self.generation);
        // Freeing many plans takes a while: not under the lock.
        drop(shard);
        drop(dropped);
        Some(value)
    }

    /// Keeps a value that takes `weight` bytes, its key not counted. What is too large to be kept is
    /// left out.
    pub fn insert(&self, key: &Key<'_>, value: Arc<V>, weight: usize) {
        let hash = self.hash(key);
        let own = size_of::<Entry<V>>() + key.text.len() + size_of_val(key.declared);
        let entry = Entry {
            hash,
            text: key.text.into(),
            declared: key.declared.into(),
            scope: Arc::clone(key.scope),
            value,
            weight: weight.saturating_add(own),
        };
        if entry.weight > self.generation {
            return;
        }
        let Some(mut shard) = self.shard(hash) else { return };
        let replaced = (shard.young.take(hash, key), shard.old.take(hash, key));
        let dropped = shard.add(entry, self.generation);
        drop(shard);
        drop((replaced, dropped));
    }

    /// Look-ups so far, and what is held.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            stats.hits += shard.hits;
            stats.misses += shard.misses;
            stats.entries += shard.young.entries.len() + shard.old.entries.len();
            stats.bytes += shard.young.bytes + shard.old.bytes;
        }
        stats
    }

    fn hash(&self, key: &Key<'_>) -> u64 {
        self.hasher.hash_one((key.scope.hash, key.declared, key.text))
    }

    fn shard(&self, hash: u64) -> Option<MutexGuard<'_, Shard<V>>> {
        // The table uses the low bits and the top seven: take some between.
        let shard = self.shards.get((hash >> 32) as usize % SHARDS)?;
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<V> Shard<V> {
    fn new() -> Self {
        Self { young: Generation::new(), old: Generation::new(), hits: 0, misses: 0 }
    }

    /// Adds an entry that is in neither generation; gives back what had to make room.
    fn add(&mut self, entry: Entry<V>, limit: usize) -> Option<Generation<V>> {
        let full = self.young.bytes + entry.weight > limit;
        let dropped = full.then(|| {
            let young = std::mem::replace(&mut self.young, Generation::new());
            std::mem::replace(&mut self.old, young)
        });
        self.young.bytes += entry.weight;
        self.young.entries.insert_unique(entry.hash, entry, |entry| entry.hash);
        dropped
    }
}

impl<V> Generation<V> {
    fn new() -> Self {
        Self { entries: HashTable::new(), bytes: 0 }
    }

    fn find(&self, hash: u64, key: &Key<'_>) -> Option<&Entry<V>> {
        self.entries.find(hash, |entry| entry.is(hash, key))
    }

    fn take(&mut self, hash: u64, key: &Key<'_>) -> Option<Entry<V>> {
        let found = self.entries.find_entry(hash, |entry| entry.is(hash, key)).ok()?;
        let (entry, _) = found.remove();
        self.bytes -= entry.weight;
        Some(entry)
    }
}

impl<V> Entry<V> {
    fn is(&self, hash: u64, key: &Key<'_>) -> bool {
        self.hash == hash && key.is(&self.text, &self.declared, &self.scope)
    }
}

#[cfg(test)]
mod tests;
