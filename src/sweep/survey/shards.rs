//! Cutting stored relations into ranges of blocks that processes claim.

use super::Stored;
use crate::sweep::journal::NewShard;

/// A relation is cut into so many pieces at most …
const PIECES: i64 = 64;
/// … of so many bytes at least: claiming a shard costs a round trip, and those of a small table nobody needs.
const LEAST_BYTES: i64 = 8 * 1024 * 1024;

/// All blocks of all relations; empty ones have none.
pub(super) fn cut(relations: &[Stored]) -> Vec<NewShard> {
    relations.iter().flat_map(|relation| ranges(relation, 0, relation.blocks)).collect()
}

/// The blocks from `first` to before `end` of a relation.
pub(super) fn ranges(relation: &Stored, first: i64, end: i64) -> Vec<NewShard> {
    let (first, end) = (first.max(0), end.max(0));
    // Wide values lie out of line: few blocks can be much work.
    let bytes_a_block = relation.bytes.checked_div(relation.blocks).unwrap_or(0).max(1);
    let least = (LEAST_BYTES / bytes_a_block).max(1);
    let blocks = end.saturating_sub(first);
    let pieces = (blocks / least).clamp(1, PIECES);
    let size = blocks.saturating_add(pieces - 1).checked_div(pieces).unwrap_or(0).max(1);
    let mut shards = Vec::new();
    let mut from = first;
    while from < end {
        let to = from.saturating_add(size).min(end);
        shards.push(NewShard {
            relation: relation.oid,
            schema: relation.schema.clone(),
            table: relation.name.clone(),
            columns: relation.columns.clone(),
            first_block: from,
            end_block: to,
        });
        from = to;
    }
    shards
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(blocks: i64, bytes: i64) -> Stored {
        Stored { oid: 1, schema: "s".into(), name: "t".into(), blocks, rows: 0, bytes, columns: vec![] }
    }

    fn covered(shards: &[NewShard], first: i64, end: i64) {
        assert_eq!(shards.first().map(|shard| shard.first_block), (first < end).then_some(first));
        assert!(shards.windows(2).all(|pair| pair[0].end_block == pair[1].first_block));
        assert!(shards.iter().all(|shard| shard.first_block < shard.end_block));
        assert_eq!(shards.last().map(|shard| shard.end_block), (first < end).then_some(end));
    }

    #[test]
    fn an_empty_relation_is_no_work_and_a_small_one_is_one_piece() {
        assert!(cut(&[relation(0, 0)]).is_empty());
        let small = cut(&[relation(1, 8192), relation(1000, 8_192_000)]);
        assert_eq!(small.iter().map(|shard| shard.end_block).collect::<Vec<_>>(), [1, 1000]);
    }

    #[test]
    fn a_large_relation_is_cut_into_64_and_none_is_left_out() {
        let large = cut(&[relation(1_000_003, 8_192_024_576)]);
        assert_eq!(large.len(), 64);
        covered(&large, 0, 1_000_003);
        // 40 MiB: five pieces of 8.
        assert_eq!(cut(&[relation(5 * 1024, 40 * 1024 * 1024)]).len(), 5);
    }

    #[test]
    fn what_lies_out_of_line_counts_as_work() {
        let shards = cut(&[relation(100, 100 * 8192 + 1024 * 1024 * 1024)]);
        assert!(shards.len() > 32, "{}", shards.len());
        covered(&shards, 0, 100);
    }

    proptest::proptest! {
        #[test]
        fn pieces_cover_a_range_once(blocks in 1_i64..5_000_000, toast in 0_i64..1_000_000_000, first in 0_i64..100, more in 0_i64..5_000_000) {
            let shards = ranges(&relation(blocks, blocks * 8192 + toast), first, first + more);
            covered(&shards, first, first + more);
            proptest::prop_assert!(shards.len() <= 64);
        }
    }
}
