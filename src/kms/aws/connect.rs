//! Clients of KMS and STS as the policy and the environment want them: no retries, no timeouts of the
//! SDK's own.

use std::{error::Error, time::Duration};

use aws_config::{
    AppName, BehaviorVersion, Region, identity::IdentityCache, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_sdk_kms::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
    types::{KeyMetadata, KeySpec, KeyUsageType},
};

use super::{
    classify::{self, Failure},
    credentials::{Login, Source},
    failed,
};
use crate::{
    config::KmsSettings,
    kms::{KmsError, KmsErrorKind},
};

/// As long as all attempts of a call together.
const RESOLVES_WITHIN: Duration = Duration::from_secs(5);

/// What all calls for a key share.
pub(super) struct Connection {
    /// The policy's name of the service.
    pub(super) name: String,
    pub(super) kms: aws_sdk_kms::Client,
    pub(super) sts: aws_sdk_sts::Client,
    login: Login,
    /// Where it connects to, for messages.
    place: String,
}

impl Connection {
    /// Connects nowhere yet. `region`, of an ARN, goes before the settings' and the environment's.
    pub(super) async fn open(name: &str, settings: &KmsSettings, region: Option<&str>) -> Result<Self, KmsError> {
        let text = |setting: &str| settings.text(setting).map(str::to_owned);
        let region = region.map(str::to_owned).or_else(|| text("region"));
        let endpoint = text("endpoint");
        let sts = endpoint.clone().filter(|endpoint| !is_aws(endpoint));
        let (profile, file) = (text("profile"), settings.path("credentials").map(ToOwned::to_owned));
        let source =
            Source { region: region.clone(), profile: profile.clone(), file, role: text("role"), sts: sts.clone() };

        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .identity_cache(IdentityCache::no_cache());
        if let Ok(app) = AppName::new("pgveil") {
            loader = loader.app_name(app);
        }
        if let Some(region) = &region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &profile {
            loader = loader.profile_name(profile);
        }
        if let Some(files) = source.files() {
            loader = loader.profile_files(files);
        }
        let login = Login::new(source);
        let config = loader.credentials_provider(login.clone()).load().await;
        let Some(region) = config.region().map(ToString::to_string) else {
            let message = "no region: write `region` into the policy, or name the key by its ARN";
            return Err(KmsError::new(name, KmsErrorKind::Misconfigured, message));
        };
        let place = endpoint.clone().unwrap_or_else(|| format!("AWS KMS in {region}"));
        let mut for_kms = aws_sdk_kms::config::Builder::from(&config);
        if endpoint.is_some() {
            for_kms.set_endpoint_url(endpoint);
        }
        let mut for_sts = aws_sdk_sts::config::Builder::from(&config);
        if sts.is_some() {
            for_sts.set_endpoint_url(sts);
        }
        Ok(Self {
            name: name.to_owned(),
            kms: aws_sdk_kms::Client::from_conf(for_kms.build()),
            sts: aws_sdk_sts::Client::from_conf(for_sts.build()),
            login,
            place,
        })
    }

    /// [`Self::resolve`] for who opens a service: there are no guards around that.
    pub(super) async fn resolve_in_time(&self, key: &str) -> Result<String, KmsError> {
        tokio::time::timeout(RESOLVES_WITHIN, self.resolve(key)).await.unwrap_or_else(|_| {
            let message = format!("`{key}` cannot be looked up: no answer from {}", self.place);
            Err(KmsError::new(&self.name, KmsErrorKind::Unavailable, message))
        })
    }

    /// The ARN of the key that a name means now.
    pub(super) async fn resolve(&self, key: &str) -> Result<String, KmsError> {
        let metadata = self.metadata(key).await?;
        let is_symmetric = metadata.key_spec() == Some(&KeySpec::SymmetricDefault)
            && metadata.key_usage() == Some(&KeyUsageType::EncryptDecrypt);
        match metadata.arn() {
            Some(arn) if is_symmetric => Ok(arn.to_owned()),
            _ => Err(KmsError::new(
                &self.name,
                KmsErrorKind::Misconfigured,
                format!("`{key}` is no symmetric encryption key; `aws kms create-key` without options makes one"),
            )),
        }
    }

    /// What KMS knows about a key.
    pub(super) async fn metadata(&self, key: &str) -> Result<KeyMetadata, KmsError> {
        let reply = match self.kms.describe_key().key_id(key).send().await {
            Ok(reply) => reply,
            Err(error) => return Err(self.error("kms:DescribeKey", key, &Failure::of(&error))),
        };
        let request_id = request_id(&reply);
        reply.key_metadata.ok_or_else(|| {
            let message = format!("{} described `{key}` without a word; is it AWS KMS?", self.place);
            KmsError::new(&self.name, KmsErrorKind::Unavailable, message).of_request(request_id)
        })
    }

    /// A failure in its class, with what to do about it.
    pub(super) fn error(&self, action: &str, key: &str, failure: &Failure) -> KmsError {
        self.error_of(failure.kind(self.login.was_ever()), action, key, failure)
    }

    /// A failure of a class that is known.
    pub(super) fn error_of(&self, kind: KmsErrorKind, action: &str, key: &str, failure: &Failure) -> KmsError {
        KmsError::new(&self.name, kind, failed::message(kind, action, key, &self.place, &failure.message))
            .retry_after(failure.retry_after)
            .of_request(failure.request_id.clone())
    }

    /// Of a call to STS.
    pub(super) fn error_of_sts<E>(&self, action: &str, error: &SdkError<E, HttpResponse>) -> KmsError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        self.error(action, "AWS STS", &Failure::of(error))
    }

    pub(super) async fn renew(&self) -> Result<(), KmsError> {
        match self.login.renew().await {
            Ok(_) => Ok(()),
            Err(error) => Err(KmsError::new(
                &self.name,
                KmsErrorKind::AuthExpired,
                format!("no new AWS credentials: {}", classify::deepest(&error)),
            )),
        }
    }

    /// Where they come from, in words.
    pub(super) async fn source_of_credentials(&self) -> String {
        self.login.origin().await
    }
}

/// The id of a request that succeeded, as CloudTrail has it.
pub(super) fn request_id(reply: &impl RequestId) -> Option<String> {
    reply.request_id().map(str::to_owned)
}

/// AWS's own endpoints of KMS (of a VPC, FIPS) know nothing of STS; an emulator is both.
fn is_aws(endpoint: &str) -> bool {
    let authority = endpoint.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonwebservices.com.cn"]
        .iter()
        .any(|domain| host.ends_with(domain))
}
