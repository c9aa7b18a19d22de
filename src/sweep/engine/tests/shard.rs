//! What a shard leaves behind.

use super::Room;
use crate::sweep::Kind;

#[tokio::test]
async fn every_value_is_sealed_anew_and_holds_what_it_held() {
    let room = Room::usual().await;
    room.fill(0, 5000).await;
    let tokens = "SELECT string_agg(encode(substr(c2, 9, 16), 'hex'), ',' ORDER BY id) FROM people";
    let before: String = room.client.query_one(tokens, &[]).await.unwrap().get(0);
    let (old, new) = room.rotate().await;
    assert_ne!(old, new);
    let id = room.job(Kind::Reencrypt, 3).await;
    let progress = room.sweep(id).await;
    assert_eq!((progress.rows_seen, progress.rows_done, progress.values_done), (5000, 5000, 15_000));
    assert_eq!((progress.rows_missed, progress.problems, progress.shards_open, progress.shards_done), (0, 0, 0, 3));
    assert!(progress.bytes > 5000 * 3 * 50, "{progress:?}");
    room.assert_all(5000, new).await;
    let after: String = room.client.query_one(tokens, &[]).await.unwrap().get(0);
    assert_eq!(before, after, "tokens stay");
    // Once more: there is nothing to do.
    let id = room.job(Kind::Reencrypt, 1).await;
    let progress = room.sweep(id).await;
    assert_eq!((progress.rows_seen, progress.rows_done), (0, 0));
}
