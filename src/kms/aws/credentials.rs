//! Who pgveil is to AWS: AWS's own chain of credential sources, kept here so that they can be renewed on
//! demand, by one caller at a time, in a task that no caller's deadline cancels.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwapOption;
use aws_config::{
    BehaviorVersion, Region, SdkConfig, default_provider::credentials::DefaultCredentialsChain,
    profile::ProfileFileCredentialsProvider, provider_config::ProviderConfig, retry::RetryConfig,
    sts::AssumeRoleProvider,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};

/// Credentials that end so soon are replaced before they are used again.
const BEFORE_END: Duration = Duration::from_secs(300);

/// Where credentials come from. Clones share what they hold.
#[derive(Clone, Debug)]
pub(super) struct Login(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    held: ArcSwapOption<Credentials>,
    /// Held by who renews.
    turn: tokio::sync::Mutex<()>,
}

/// What the policy says about it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) region: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) file: Option<PathBuf>,
    pub(super) role: Option<String>,
    /// Of an emulator, which is its own STS.
    pub(super) sts: Option<String>,
}

impl Login {
    pub(super) fn new(source: Source) -> Self {
        Self(Arc::new(Inner { source, held: ArcSwapOption::empty(), turn: tokio::sync::Mutex::default() }))
    }

    /// Has there ever been a credential?
    pub(super) fn was_ever(&self) -> bool {
        self.0.held.load().is_some()
    }

    /// Gets new credentials from the source, whatever is held.
    pub(super) async fn renew(&self) -> Result<Arc<Credentials>, CredentialsError> {
        let before = self.0.held.load_full();
        self.replaced(before).await
    }

    /// Those in use, or new ones.
    pub(super) async fn current(&self) -> Result<Arc<Credentials>, CredentialsError> {
        let held = self.0.held.load_full();
        let Some(credentials) = &held else { return self.replaced(held).await };
        let left = |credentials: &Credentials| match credentials.expiry() {
            Some(end) => end.duration_since(SystemTime::now()).unwrap_or_default(),
            None => Duration::MAX,
        };
        if left(credentials) > BEFORE_END {
            return Ok(credentials.clone());
        }
        match self.replaced(held.clone()).await {
            // What is still good is used while its source is away.
            Err(_) if !left(credentials).is_zero() => Ok(credentials.clone()),
            outcome => outcome,
        }
    }

    /// Where they come from, in words.
    pub(super) async fn origin(&self) -> String {
        let Source { profile, file, role, .. } = &self.0.source;
        let base = match (file, profile) {
            (Some(file), None) => format!("the file {}", file.display()),
            (Some(file), Some(profile)) => format!("profile `{profile}` of the file {}", file.display()),
            (None, Some(profile)) => format!("profile `{profile}` of AWS's shared files"),
            (None, None) => {
                let id = std::env::var("AWS_ACCESS_KEY_ID").ok();
                let is_of_environment = role.is_none()
                    && self.current().await.is_ok_and(|held| Some(held.access_key_id()) == id.as_deref());
                if is_of_environment {
                    "environment variables"
                } else {
                    "AWS's usual chain: environment, profile, web identity, container, instance"
                }
                .to_owned()
            }
        };
        match role {
            Some(role) => format!("role {role}, assumed with {base}"),
            None => base,
        }
    }

    /// New credentials instead of these; those that somebody else got meanwhile will do.
    async fn replaced(&self, old: Option<Arc<Credentials>>) -> Result<Arc<Credentials>, CredentialsError> {
        let login = self.clone();
        let task = tokio::spawn(async move {
            let _turn = login.0.turn.lock().await;
            let held = login.0.held.load_full();
            let is_old = match (&held, &old) {
                (Some(held), Some(old)) => Arc::ptr_eq(held, old),
                (held, _) => held.is_none(),
            };
            match held {
                Some(held) if !is_old => Ok(held),
                _ => {
                    let new = Arc::new(login.0.source.load().await?);
                    login.0.held.store(Some(new.clone()));
                    Ok(new)
                }
            }
        });
        task.await.map_err(|_| CredentialsError::provider_error("loading credentials was interrupted"))?
    }
}

impl ProvideCredentials for Login {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move { Ok(self.current().await?.as_ref().clone()) })
    }
}

impl Source {
    /// Reads files and asks services anew each time: a chain remembers what its files said.
    async fn load(&self) -> Result<Credentials, CredentialsError> {
        let region = self.region.clone().map(Region::new);
        let config = ProviderConfig::default().with_region(region.clone());
        let base = if self.profile.is_some() || self.file.is_some() {
            let mut profile = ProfileFileCredentialsProvider::builder().configure(&config);
            if let Some(name) = &self.profile {
                profile = profile.profile_name(name);
            }
            if let Some(files) = self.files() {
                profile = profile.profile_files(files);
            }
            SharedCredentialsProvider::new(profile.build())
        } else {
            SharedCredentialsProvider::new(DefaultCredentialsChain::builder().configure(config).build().await)
        };
        let Some(role) = &self.role else { return base.provide_credentials().await };
        let mut sts = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .retry_config(RetryConfig::disabled())
            .region(region);
        sts.set_endpoint_url(self.sts.clone());
        let defaults = aws_config::defaults(BehaviorVersion::v2026_01_12()).no_credentials().load().await;
        sts.set_http_client(defaults.http_client());
        sts.set_sleep_impl(defaults.sleep_impl());
        sts.set_time_source(defaults.time_source());
        let assumed = AssumeRoleProvider::builder(role)
            .configure(&sts.build())
            .session_name("pgveil")
            .build_from_provider(base)
            .await;
        assumed.provide_credentials().await
    }

    /// The files that the SDK reads, if the policy names one.
    pub(super) fn files(&self) -> Option<EnvConfigFiles> {
        let file = self.file.as_ref()?;
        Some(EnvConfigFiles::builder().with_file(EnvConfigFileKind::Credentials, file).build())
    }
}
