//! What each host is and how it is reached, for `pgveil check`.

use tokio_postgres::{Client, config};

use super::{
    ConnectError, Upstream,
    own::{OwnError, ServiceLogin},
    shown,
    target::nature,
};
use crate::config::ChannelBinding;

/// A host that pgveil's own login was made at.
pub struct Seen {
    /// The connection.
    pub client: Client,
    /// `server_version`, e.g. 15.18.
    pub version: String,
    /// `a primary`, `a standby` …
    pub nature: &'static str,
    /// The version of TLS; None: it was reached without.
    pub tls: Option<&'static str>,
    /// Was the login bound to the server's certificate (SCRAM-SHA-256-PLUS)?
    pub bound: bool,
}

impl Upstream {
    /// Logs in to every host, in their order. The first of each pair is the host and its port.
    pub async fn look(&self, login: &ServiceLogin) -> Vec<(String, Result<Seen, OwnError>)> {
        let mut seen = Vec::new();
        for (index, host) in self.hosts.iter().enumerate() {
            seen.push((shown(host), Box::pin(self.look_at(index, login)).await));
        }
        seen
    }

    /// Is there a host that `target_session_attrs` allows for clients?
    pub async fn suits_clients(&self) -> Result<(), ConnectError> {
        self.target.candidates(self).await.map(drop)
    }

    async fn look_at(&self, index: usize, login: &ServiceLogin) -> Result<Seen, OwnError> {
        let mut config = login.config().await?;
        let (client, link) = self.own_connection(index, &config).await?;
        let version = client.query_one("SELECT pg_catalog.current_setting('server_version')", &[]).await?.try_get(0)?;
        let nature = nature(&client).await?;
        // The login does not tell how it was made. One that insists does, by its success.
        let bound = link.can_bind && self.channel_binding != ChannelBinding::Disable && {
            config.channel_binding(config::ChannelBinding::Require);
            self.own_connection(index, &config).await.is_ok()
        };
        Ok(Seen { client, version, nature: nature.told(), tls: link.tls, bound })
    }
}
