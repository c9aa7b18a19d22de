//! Who signed a request: AWS Signature Version 4, checked in full.
//!
//! See "Create a signed AWS API request" in the IAM user guide.

use aws_lc_rs::{digest, hmac};

use super::{Incoming, Shared, lock};

/// An access key.
pub(super) struct Login {
    secret: String,
    /// Of temporary credentials.
    pub(super) token: Option<String>,
    pub(super) expired: bool,
    pub(super) arn: String,
}

impl Login {
    pub(super) fn lasting(secret: &str) -> Self {
        let arn = format!("arn:aws:iam::{}:user/pgveil-tests", super::ACCOUNT);
        Self { secret: secret.to_owned(), token: None, expired: false, arn }
    }

    pub(super) fn temporary(secret: String, token: String, arn: String) -> Self {
        Self { secret, token: Some(token), expired: false, arn }
    }
}

/// The ARN of who signed it, or the code and message of why nobody did.
pub(super) fn signer(shared: &Shared, request: &Incoming) -> Result<String, (&'static str, &'static str)> {
    let Some(authorization) = request.headers.get("authorization") else {
        return Err(("MissingAuthenticationTokenException", "Missing Authentication Token"));
    };
    let incomplete = ("IncompleteSignature", "Authorization header requires all of its parameters.");
    let field = |name: &str| {
        let parts = authorization.strip_prefix("AWS4-HMAC-SHA256")?.split(',');
        parts.map(str::trim).find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    let (Some(credential), Some(signed), Some(signature)) =
        (field("Credential"), field("SignedHeaders"), field("Signature"))
    else {
        return Err(incomplete);
    };
    let [access_key, date, region, service, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..] else {
        return Err(incomplete);
    };
    let logins = lock(&shared.logins);
    let login = logins
        .get(access_key)
        .filter(|login| login.token.as_ref() == request.headers.get("x-amz-security-token"))
        .ok_or(("UnrecognizedClientException", "The security token included in the request is invalid."))?;

    let headers: String = signed
        .split(';')
        .map(|name| format!("{name}:{}\n", request.headers.get(name).map_or("", String::as_str).trim()))
        .collect();
    let payload = const_hex::encode(digest::digest(&digest::SHA256, &request.body));
    let canonical = format!("{}\n{}\n{}\n{headers}\n{signed}\n{payload}", request.method, request.path, request.query);
    let time = request.headers.get("x-amz-date").map_or("", String::as_str);
    let hash = const_hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{date}/{region}/{service}/aws4_request\n{hash}");
    let mut key = format!("AWS4{}", login.secret).into_bytes();
    for part in [date, region, service, "aws4_request"] {
        key = mac(&key, part.as_bytes());
    }
    if const_hex::encode(mac(&key, to_sign.as_bytes())) != signature {
        return Err((
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
        ));
    }
    if login.expired {
        return Err(("ExpiredTokenException", "The security token included in the request is expired"));
    }
    Ok(login.arn.clone())
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
}
