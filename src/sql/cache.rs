//! stub
#![allow(missing_docs)]
use super::env::Env;
pub struct PlanCache<V>(std::sync::Mutex<std::collections::HashMap<String, V>>);
pub struct PlanKey(String);
impl PlanKey {
    pub fn new(text: &str, epoch: u64, env: &Env, oids: &[u32]) -> Self {
        Self(format!("{text}{epoch}{:?}{:?}{oids:?}", env.search_path, env.role))
    }
}
impl<V: Clone> PlanCache<V> {
    pub fn new(_b: usize) -> Self {
        Self(Default::default())
    }
    pub fn get(&self, k: &PlanKey) -> Option<V> {
        self.0.lock().ok()?.get(&k.0).cloned()
    }
    pub fn insert(&self, k: &PlanKey, v: V, _w: usize) {
        if let Ok(mut m) = self.0.lock() {
            m.insert(k.0.clone(), v);
        }
    }
}
