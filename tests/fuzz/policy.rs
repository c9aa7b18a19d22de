//! The policy file.

use std::path::Path;

use pgveil::config::load_from;

use super::run::{Target, saw};

/// Findings or a policy; what is found can be printed.
pub fn policies() -> Target {
    Target {
        name: "policies",
        seeds: vec![
            include_bytes!("../../config/full.yaml").to_vec(),
            b"upstream: { hosts: db }\nservice: { user: pgveil }\nkms: { main: { local: { keyring: k } } }\nkeys: { kms: main }\ndatabases: { app: { tables: { people: { columns: { email: { type: varchar(120), mode: equality } } } } } }".to_vec(),
            include_bytes!("../../config/keys.yaml").to_vec(),
            b"listen: [127.0.0.1:1, unix:/run]\nlog: { level: info, format: text }".to_vec(),
        ],
        dictionary: vec![
            b"&a ", b"*a", b"<<: *a", b"- ", b"? ", b": ", b"{", b"}", b"[", b"]", b"\n  ", b"\t", b"|", b">-", b"\"", b"'", b"!!binary ",
            b"!!str", b"---\n", b"...\n", b"%YAML 1.2\n", b"~", b"null", b"0x10", b"1e9", b".inf", b"64MiB", b"\xc3\xa9", b"\xf0\x9f\xa6\x80",
            b"\xff", b"\0", b"\r", b"type: ", b"columns: ", b"numeric(12,2)", b"char(11)", b"{ env: X }", b"\"a.b\".people", b"identity: ",
            b"kms: ", b"{ byok: { under: main } }", b"{ local: { keyring: k } }", b"aws: ", b"key: ", b"region: ", b"endpoint: http://h", b"keys: ", b"max_unverified: ",
            b"fail_open_max: ", b"failure_policy: open", b"dek_max_uses: 4294967296", b"99999999999999999999d", b"0", b"owner: ",
        ],
        longest: 8192,
        runs: 1_500,
        run: |input| match load_from(Path::new("pgveil.yaml"), input, [], &pgveil::kms::declarations()) {
            Ok(loaded) => saw(loaded.policy.databases.len()),
            Err(findings) => {
                assert!(!findings.is_empty() && findings.len() < 200);
                for finding in &findings {
                    assert!(!finding.rendered.contains('\u{1b}'), "{}", finding.rendered);
                }
                let mut codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
                codes.sort_unstable();
                codes.dedup();
                saw(codes)
            }
        },
    }
}
