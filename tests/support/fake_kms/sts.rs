//! The two operations of AWS STS that a KMS's client needs; the query protocol with XML.

use super::{
    ACCOUNT, Reply, Shared, lock,
    signature::Login,
    vault::{now, random, uuid},
};

pub(super) fn answer(shared: &Shared, operation: &str, caller: &str, body: &[u8]) -> Reply {
    let text = match operation {
        "GetCallerIdentity" => {
            format!("<Arn>{caller}</Arn><UserId>AIDAFAKE</UserId><Account>{ACCOUNT}</Account>")
        }
        "AssumeRole" => {
            let form = String::from_utf8_lossy(body).into_owned();
            let field = |name: &str| {
                let found = form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
                found.unwrap_or_default().replace("%3A", ":").replace("%2F", "/")
            };
            let role = field("RoleArn");
            let name = role.rsplit('/').next().unwrap_or_default();
            let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{}", field("RoleSessionName"));
            let (id, secret, token) =
                (format!("ASIA{}", &uuid()[..8]), const_hex::encode(random::<20>()), const_hex::encode(random::<40>()));
            let expires = jiff::Timestamp::from_second(now() + 3600).unwrap();
            lock(&shared.logins).insert(id.clone(), Login::temporary(secret.clone(), token.clone(), arn.clone()));
            format!(
                "<Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
                 <SessionToken>{token}</SessionToken><Expiration>{expires}</Expiration></Credentials>\
                 <AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>AROAFAKE:x</AssumedRoleId></AssumedRoleUser>"
            )
        }
        _ => return error(400, "InvalidAction", "Could not find operation"),
    };
    let body = format!(
        "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{operation}Result>{text}\
         </{operation}Result><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{operation}Response>",
        uuid()
    );
    Reply {
        outcome: "ok".to_owned(),
        status: 200,
        content_type: "text/xml",
        retry_after: None,
        body: body.into_bytes(),
    }
}

pub(super) fn error(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>{}</RequestId></ErrorResponse>",
        uuid()
    );
    Reply { outcome: code.to_owned(), status, content_type: "text/xml", retry_after: None, body: body.into_bytes() }
}
