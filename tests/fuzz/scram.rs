//! Messages and stored secrets of SCRAM, read on both sides.

use pgveil::wire::scram::{
    Binding, Client, Secret, Server, Verifier,
    client::{ClientError, Step},
};
use zeroize::Zeroizing;

use super::run::{Target, saw};

const VERIFIER: &[u8] = b"SCRAM-SHA-256$1:c2FsdA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const PLUS: &[u8] = b"SCRAM-SHA-256-PLUS";
const PLAIN: &[u8] = b"SCRAM-SHA-256";

/// A line for each of three messages. In the last two `@` stands for the nonce so far, which is random.
pub fn scram() -> Target {
    Target {
        name: "scram",
        seeds: vec![
            b"n,,n=,r=abc\nc=biws,r=@,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nr=@x,s=c2FsdA==,i=1".to_vec(),
            b"y,,n=u,r=abc,x=1\nc=eSws,r=@,x=1,p=AAAA\nr=@x,s=c2FsdA==,i=4096".to_vec(),
            b"p=tls-server-end-point,,n=,r=abc\nc=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsaGFzaA==,r=@,p=\nv=AAAA".to_vec(),
            VERIFIER.to_vec(),
        ],
        dictionary: vec![
            b"n,,",
            b"y,,",
            b"p=tls-server-end-point,,",
            b"p=tls-unique,,",
            b"a=ann",
            b"m=1",
            b"n=",
            b",r=@",
            b",p=",
            b",x=1",
            b"c=biws",
            b"c=eSws",
            b"i=1",
            b"i=0",
            b"i=1000001",
            b"s=",
            b"e=other-error",
            b"v=",
            b"SCRAM-SHA-256$",
            b"\n",
        ],
        longest: 1024,
        runs: 20_000,
        run: |input| {
            let lines: Vec<&[u8]> = input.splitn(3, |&byte| byte == b'\n').collect();
            let line = |n: usize| lines.get(n).copied().unwrap_or_default();
            let servers = [(PLAIN, None), (PLAIN, Some(&b"hash"[..])), (PLUS, Some(b"hash"))];
            let asked = servers.map(|(mechanism, end_point)| server(mechanism, end_point, line(0), line(1)));
            saw((asked, client(line(2)), Verifier::parse(input).err()))
        },
    }
}

/// What the server says to the two messages. Nobody gets in: the stored key is no hash of anything known.
fn server(mechanism: &[u8], end_point: Option<&[u8]>, first: &[u8], last: &[u8]) -> String {
    let server = Server::new(Verifier::parse(VERIFIER).expect("a verifier"), end_point);
    let error = match server.first(mechanism, first) {
        Err(error) => error,
        Ok((challenge, challenged)) => {
            let nonce = challenge.split(|&byte| byte == b',').next().and_then(|r| r.strip_prefix(b"r="));
            match challenged.last(&filled(last, nonce.expect("a nonce"))) {
                Err(error) => error,
                Ok(_) => panic!("a wrong proof was taken"),
            }
        }
    };
    assert!(error.to_string().is_ascii() && error.detail().is_none_or(str::is_ascii));
    format!("{} {error} {:?}", error.sqlstate(), error.detail().map(|detail| detail.split('"').next()))
}

/// What the client says to a challenge: never more work than it was told to be able to bear.
fn client(challenge: &[u8]) -> Option<ClientError> {
    let secret = Secret::Password(Zeroizing::new(b"secret".to_vec()));
    let client = Client::new(secret, &[PLAIN], None, Binding::Prefer, false).expect("a mechanism");
    let nonce = client.first().split_off(b"n,,n=,r=".len());
    match client.challenge(&filled(challenge, &nonce)) {
        Err(error) => Some(error),
        Ok(Step::Derive(_)) => None,
        Ok(Step::Answer(_)) => panic!("an answer without keys"),
    }
}

fn filled(text: &[u8], nonce: &[u8]) -> Vec<u8> {
    text.split(|&byte| byte == b'@').collect::<Vec<_>>().join(nonce)
}
