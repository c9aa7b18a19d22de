//! stub
#![allow(missing_docs)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Class {
    pub commits: bool,
    pub rolls_back: bool,
    pub read_only: bool,
}
pub fn classify(text: &[u8]) -> Class {
    let t = String::from_utf8_lossy(text).trim_start().to_ascii_lowercase();
    Class {
        commits: t.starts_with("commit") || t.starts_with("end") || t.contains("commit"),
        rolls_back: t.starts_with("rollback") || t.starts_with("abort"),
        read_only: t.starts_with("show"),
    }
}
