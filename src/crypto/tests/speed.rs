//! What a value costs, on one core. Not a test of anything; run it optimised:
//! `CARGO_PROFILE_TEST_OPT_LEVEL=3 CARGO_PROFILE_TEST_DEBUG_ASSERTIONS=false
//! cargo test --lib crypto::tests::speed -- --ignored --nocapture`

use std::{hint::black_box, time::Instant};

use crate::crypto::{
    Cipher, ColumnCipher, ColumnId, Dek, DekId, Envelope, IndexKey, IndexRoot, Padding, crypto_verified, nonce,
};

/// Nanoseconds per call, the best of several rounds.
fn measure(what: &str, mut work: impl FnMut()) {
    let mut best = f64::MAX;
    let start = Instant::now();
    while start.elapsed().as_millis() < 300 {
        let round = Instant::now();
        for _ in 0..200 {
            work();
        }
        best = best.min(round.elapsed().as_secs_f64() * 1e9 / 200.0);
    }
    println!("{what:44} {best:9.1} ns");
}

#[test]
#[ignore = "a measurement"]
fn nanoseconds_per_value() {
    let dek = Dek::from_bytes([1; 32]);
    let column = ColumnCipher::derive(&dek, DekId(1), &ColumnId::of("public.people.ssn"));
    let index = IndexKey::derive(&IndexRoot::from_bytes([2; 32]), "public.people.ssn", b"", 1);
    for len in [16, 32, 64, 256, 4096, 1 << 20] {
        let canon = vec![7; len];
        for cipher in [Cipher::Aes256Gcm, Cipher::Aes256GcmSiv] {
            let mut out = Vec::with_capacity(2 * len + 100);
            measure(&format!("seal {len} B, {cipher:?}"), || {
                out.clear();
                column.seal(cipher, None, 1, b"", Padding::None, black_box(&canon), &mut out).unwrap();
            });
            let stored = out.clone();
            measure(&format!("parse and open {len} B, {cipher:?}"), || {
                out.clear();
                column.open(&Envelope::parse(black_box(&stored)).unwrap(), b"", &mut out).unwrap();
            });
        }
        measure(&format!("token of {len} B"), || {
            black_box(index.token(black_box(&canon)));
        });
    }
    let token = index.token(b"123456789");
    let mut out = Vec::with_capacity(100);
    measure("seal 32 B with token, tenant, padme", || {
        out.clear();
        column.seal(Cipher::Aes256Gcm, Some(&token), 1, b"acme", Padding::Padme, &[7; 32], &mut out).unwrap();
    });
    measure("nonce", || {
        black_box(nonce::next().unwrap());
    });
    measure("derive a column cipher", || {
        black_box(ColumnCipher::derive(black_box(&dek), DekId(1), &ColumnId([3; 16])));
    });
    measure("crypto verified", || crypto_verified().unwrap());
    println!("{:44} {:9} B, and what aws-lc allocates", "size of a column cipher", size_of::<ColumnCipher>());
}
