//! The search for many needles at once.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind, packed};

use super::{
    Mentions,
    needles::{Kind, Needle},
};

/// Bytes that are folded and searched at a time, on the stack: for short and for long texts.
/// Preparing the large one would take longer than a short text's whole search.
const SMALL: usize = 128;
const LARGE: usize = 1024;

/// Needles and a finder of places where one of them may stand.
#[derive(Debug)]
pub(super) struct Search {
    needles: Vec<Needle>,
    /// Needles (indexes) by first byte.
    by_first: Vec<Vec<usize>>,
    finder: Finder,
    longest: usize,
}

/// Finds the first place where a needle stands, in folded text.
#[derive(Debug)]
enum Finder {
    /// SIMD, for up to some 64 needles: about 0.2 ns a byte.
    Packed(Box<packed::Searcher>),
    /// For any number: about 1.5 ns a byte.
    Automaton(AhoCorasick),
    /// If neither could be built: every place may be one.
    Everywhere,
}

impl Finder {
    fn new(needles: &[Needle]) -> Self {
        let patterns = || needles.iter().map(|n| &n.bytes);
        if let Some(packed) = packed::Config::new().builder().extend(patterns()).build() {
            return Self::Packed(Box::new(packed));
        }
        // A DFA is the fastest, and takes some 2 KB a needle.
        let kind = (needles.len() < 2000).then_some(AhoCorasickKind::DFA);
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).kind(kind).build(patterns());
        automaton.map_or(Self::Everywhere, Self::Automaton)
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Packed(packed) => packed.find(text).map(|m| m.start()),
            Self::Automaton(automaton) => automaton.find(text).map(|m| m.start()),
            Self::Everywhere => (!text.is_empty()).then_some(0),
        }
    }
}

impl Search {
    pub(super) fn new(needles: Vec<Needle>) -> Self {
        let mut by_first = vec![Vec::new(); 256];
        for (index, needle) in needles.iter().enumerate() {
            if let Some(slot) = needle.bytes.first().and_then(|&b| by_first.get_mut(usize::from(b))) {
                slot.push(index);
            }
        }
        let longest = needles.iter().map(|n| n.bytes.len()).max().unwrap_or(1);
        Self { finder: Finder::new(&needles), needles, by_first, longest }
    }

    /// Adds what the text mentions.
    pub(super) fn look(&self, text: &[u8], mentions: &mut Mentions) {
        if text.len() <= SMALL {
            self.look_by_chunks::<SMALL>(text, mentions);
        } else {
            self.look_by_chunks::<LARGE>(text, mentions);
        }
    }

    fn look_by_chunks<const SIZE: usize>(&self, text: &[u8], mentions: &mut Mentions) {
        let mut folded = [0; SIZE];
        let mut from = 0;
        loop {
            let rest = text.get(from..).unwrap_or_default();
            let len = rest.len().min(SIZE);
            let (Some(chunk), Some(source)) = (folded.get_mut(..len), rest.get(..len)) else { return };
            chunk.copy_from_slice(source);
            chunk.make_ascii_lowercase();
            self.look_at_chunk(text, from, chunk, mentions);
            if len == rest.len() || *mentions == Mentions::ALL {
                return;
            }
            // Chunks overlap, so that no needle is cut in two.
            from += SIZE + 1 - self.longest;
        }
    }

    /// `chunk` is the folded text from `base` on.
    fn look_at_chunk(&self, text: &[u8], base: usize, chunk: &[u8], mentions: &mut Mentions) {
        let mut at = 0;
        while let Some(start) = chunk.get(at..).and_then(|rest| self.finder.find(rest)).map(|found| at + found) {
            // The finder names one needle of those that stand here; one that does not count (a longer
            // word) may cover one that does.
            let here = chunk.get(start..).unwrap_or_default();
            let candidates = here.first().and_then(|&b| self.by_first.get(usize::from(b))).into_iter().flatten();
            for needle in candidates.filter_map(|&index| self.needles.get(index)) {
                if here.starts_with(&needle.bytes) && needle.counts(text, base + start) {
                    match needle.kind {
                        Kind::Protected => mentions.protected = true,
                        Kind::Env => mentions.env = true,
                    }
                }
            }
            if *mentions == Mentions::ALL {
                return;
            }
            at = start + 1;
        }
    }
}
