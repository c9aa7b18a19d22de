//! What AWS's errors mean. The table is in docs/kms/aws.md.

use std::{error::Error, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};

use crate::kms::KmsErrorKind;

/// A failed call, as far as its class needs it.
#[derive(Debug, Default)]
pub(super) struct Failure {
    /// The exception, e.g. `DisabledException`.
    pub(super) code: Option<String>,
    /// What AWS says, or what the connection died of. Never key material: errors of KMS hold none.
    pub(super) message: String,
    pub(super) request_id: Option<String>,
    pub(super) retry_after: Option<Duration>,
    status: Option<u16>,
    /// There were no credentials to sign with.
    unsigned: bool,
}

impl Failure {
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let response = error.raw_response();
        let header = |name: &str| response.and_then(|response| response.headers().get(name));
        let metadata = error.as_service_error().map(ProvideErrorMetadata::meta);
        // Some emulators answer in XML, which the SDK does not read here.
        let body = response.and_then(|response| std::str::from_utf8(response.body().bytes()?).ok()).unwrap_or_default();
        let code = metadata.and_then(|meta| meta.code()).or_else(|| element(body, "Code"));
        let message = metadata.and_then(|meta| meta.message()).or_else(|| element(body, "Message"));
        let status = response.map(|response| response.status().as_u16());
        Self {
            message: match (message, status) {
                (Some(message), _) if !message.is_empty() => message.to_owned(),
                (_, Some(status)) => code.map_or_else(|| format!("HTTP status {status}"), str::to_owned),
                (_, None) => deepest(error),
            },
            code: code.map(str::to_owned),
            request_id: error.request_id().map(str::to_owned),
            retry_after: header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs),
            status,
            unsigned: causes(error).any(<dyn Error>::is::<CredentialsError>),
        }
    }

    /// Its class, apart from [`INVALID_STATE`], which only the key itself can explain.
    pub(super) fn kind(&self, had_credentials: bool) -> KmsErrorKind {
        use KmsErrorKind as K;
        let status = self.status.unwrap_or_default();
        let Some(code) = self.code.as_deref() else {
            return match status {
                // Nothing has ever been signed: set up wrongly. Later it is an outage of their source.
                0 if self.unsigned && !had_credentials => K::Misconfigured,
                0 if self.unsigned => K::AuthExpired,
                401 => K::AuthExpired,
                403 => K::Denied,
                429 => K::Throttled,
                // What is no KMS's answer says nothing about the key.
                _ => K::Unavailable,
            };
        };
        match code.trim_end_matches("Exception") {
            "Disabled" => K::Disabled,
            // The host's clock is wrong: nothing about key or secret.
            "InvalidSignature" | "SignatureDoesNotMatch"
                if self.message.contains("expired") || self.message.contains("not yet current") =>
            {
                K::AuthExpired
            }
            "NotFound" => K::NotFound,
            "AccessDenied"
            | "NotAuthorized"
            | "UnauthorizedOperation"
            | "UnrecognizedClient"
            | "InvalidClientTokenId"
            | "InvalidAccessKeyId"
            | "InvalidSignature"
            | "SignatureDoesNotMatch" => K::Denied,
            "IncorrectKey" | "InvalidCiphertext" => K::Integrity,
            "Throttling"
            | "ThrottledRequest"
            | "ThrottlingException.Retryable"
            | "LimitExceeded"
            | "TooManyRequests"
            | "RequestLimitExceeded"
            | "SlowDown" => K::Throttled,
            "ExpiredToken" | "RequestExpired" | "TokenRefreshRequired" => K::AuthExpired,
            "InvalidKeyUsage"
            | "InvalidGrantToken"
            | "Validation"
            | "ValidationError"
            | "InvalidArn"
            | "InvalidAliasName"
            | "UnsupportedOperation"
            | "UnknownOperation"
            | "InvalidAction"
            | "Serialization"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "OptInRequired" => K::Misconfigured,
            _ if status == 501 => K::Misconfigured,
            _ if status == 403 => K::Denied,
            _ if status == 401 => K::AuthExpired,
            _ if status == 429 => K::Throttled,
            // KeyUnavailable, DependencyTimeout, KMSInternal, ServiceUnavailable, and what nobody knows yet.
            _ => K::Unavailable,
        }
    }

    /// Is this code, with or without `Exception` at its end, the one?
    pub(super) fn is(&self, code: &str) -> bool {
        self.code.as_deref().is_some_and(|found| found.trim_end_matches("Exception") == code)
    }

    /// Is the operation unknown to who answered? Emulators do not have all of them.
    pub(super) fn is_not_implemented(&self) -> bool {
        self.status == Some(501) || self.is("UnknownOperation")
    }
}

/// The code of a key that is in no state to work; without `Exception`.
pub(super) const INVALID_STATE: &str = "KMSInvalidState";
/// The code of a probe that would have succeeded.
pub(super) const DRY_RUN: &str = "DryRunOperation";

/// The text of the first element of this name.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// An error and what caused it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// What it was in the end: `Connection refused (os error 111)`.
pub(super) fn deepest(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(code: &str, message: &str, status: u16) -> KmsErrorKind {
        let failure = Failure {
            code: Some(code.to_owned()),
            message: message.to_owned(),
            status: Some(status),
            ..Failure::default()
        };
        failure.kind(true)
    }

    #[test]
    fn every_documented_exception_has_its_class() {
        use KmsErrorKind as K;
        let table = [
            (K::Disabled, "DisabledException", 400),
            (K::NotFound, "NotFoundException", 400),
            (K::Denied, "AccessDeniedException", 400),
            (K::Denied, "AccessDenied", 403),
            (K::Denied, "UnrecognizedClientException", 400),
            (K::Denied, "InvalidClientTokenId", 403),
            (K::Integrity, "IncorrectKeyException", 400),
            (K::Integrity, "InvalidCiphertextException", 400),
            (K::Throttled, "ThrottlingException", 400),
            (K::Throttled, "LimitExceededException", 400),
            (K::AuthExpired, "ExpiredTokenException", 400),
            (K::AuthExpired, "ExpiredToken", 403),
            (K::Unavailable, "KeyUnavailableException", 500),
            (K::Unavailable, "DependencyTimeoutException", 500),
            (K::Unavailable, "KMSInternalException", 500),
            (K::Unavailable, "ServiceUnavailable", 503),
            (K::Unavailable, "SomethingNewException", 400),
            (K::Denied, "SomethingNewException", 403),
            (K::Misconfigured, "InvalidKeyUsageException", 400),
            (K::Misconfigured, "InvalidGrantTokenException", 400),
            (K::Misconfigured, "ValidationException", 400),
            (K::Misconfigured, "InternalFailure", 501),
        ];
        for (kind, code, status) in table {
            assert_eq!(coded(code, "", status), kind, "{code} {status}");
        }
    }

    #[test]
    fn a_wrong_clock_is_no_revocation_and_a_wrong_secret_is() {
        let late = "Signature expired: 20261123T000000Z is now earlier than 20261123T001500Z";
        assert_eq!(coded("InvalidSignatureException", late, 400), KmsErrorKind::AuthExpired);
        let wrong = "The request signature we calculated does not match the signature you provided.";
        assert_eq!(coded("InvalidSignatureException", wrong, 400), KmsErrorKind::Denied);
    }

    #[test]
    fn answers_without_a_code_are_told_apart_by_their_status() {
        use KmsErrorKind as K;
        for (status, kind) in [
            (401, K::AuthExpired),
            (403, K::Denied),
            (429, K::Throttled),
            (404, K::Unavailable),
            (400, K::Unavailable),
            (500, K::Unavailable),
            (503, K::Unavailable),
        ] {
            assert_eq!(Failure { status: Some(status), ..Failure::default() }.kind(true), kind, "{status}");
        }
    }

    #[test]
    fn missing_credentials_are_a_mistake_at_first_and_an_outage_later() {
        let failure = Failure { unsigned: true, ..Failure::default() };
        assert_eq!(failure.kind(false), KmsErrorKind::Misconfigured);
        assert_eq!(failure.kind(true), KmsErrorKind::AuthExpired);
    }

    #[test]
    fn xml_tells_its_code() {
        let xml = "<ErrorResponse><Errors><Error><Code>AccessDenied</Code><Message>no</Message></Error></Errors>";
        assert_eq!((element(xml, "Code"), element(xml, "Message")), (Some("AccessDenied"), Some("no")));
        assert_eq!(element("<Code>open", "Code"), None);
    }
}
