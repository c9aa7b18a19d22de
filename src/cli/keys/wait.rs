//! No running proxy may miss a key: a promotion waits until all have fetched what is staged.

use std::time::{Duration, Instant};

use super::target::Target;
use crate::{
    cli::{console::Console, error::CliError, shown},
    keys::keystore::{self, Proxy},
};

/// How often proxies are looked at.
const EVERY: Duration = Duration::from_millis(250);
/// When people begin to wonder why nothing happens.
const SAY_AFTER: Duration = Duration::from_secs(3);

/// Waits until every live proxy has at hand what the keystore holds at this epoch. Names those that do not
/// get there in time.
pub(super) async fn for_prefetch(target: &Target<'_>, epoch: i64, limit: Duration) -> Result<(), CliError> {
    let began = Instant::now();
    let mut said = Vec::new();
    loop {
        let lagging = lagging(&keystore::proxies(&target.client).await?, epoch);
        if lagging.is_empty() {
            return Ok(());
        }
        if began.elapsed() >= limit {
            return Err(CliError::failed(
                "keys/not-prefetched",
                format!(
                    "after {} not every running proxy can use the key: {}",
                    shown::duration(limit),
                    lagging.join("; ")
                ),
                "mend or stop what is named (a proxy that is gone is waited for for 60 seconds), then run the command again; \
                 the key stays staged",
            ));
        }
        if began.elapsed() >= SAY_AFTER && said != lagging {
            Console::note(&format!("waiting for {}", lagging.join("; ")));
            said = lagging;
        }
        tokio::time::sleep(EVERY.min(limit.saturating_sub(began.elapsed()))).await;
    }
}

/// The live proxies that have not got so far, with their reasons.
fn lagging(proxies: &[Proxy], epoch: i64) -> Vec<String> {
    proxies
        .iter()
        .filter(|proxy| proxy.is_live() && proxy.row.prefetched_epoch < epoch)
        .map(|proxy| {
            let why = match &proxy.row.problem {
                Some(problem) => problem.clone(),
                None => format!("has not read epoch {epoch} yet, only {}", proxy.row.prefetched_epoch),
            };
            format!("{}: {why}", name(proxy))
        })
        .collect()
}

/// A proxy as people find it: host and process.
pub(in crate::cli) fn name(proxy: &Proxy) -> String {
    let address = proxy.address.as_deref().map(|address| format!(", {address}")).unwrap_or_default();
    format!("proxy {} (pid {}{address})", proxy.row.host, proxy.row.pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::keystore::ProxyRow;

    fn proxy(host: &str, prefetched_epoch: i64, silent: u64, problem: Option<&str>) -> Proxy {
        let row = ProxyRow {
            host: host.to_owned(),
            pid: 7,
            prefetched_epoch,
            problem: problem.map(str::to_owned),
            ..ProxyRow::default()
        };
        Proxy { row, address: None, started_at: 0, silent: Duration::from_secs(silent) }
    }

    #[test]
    fn proxies_that_live_and_have_not_fetched_are_named_with_their_reason() {
        let proxies = [
            proxy("ready", 5, 1, None),
            proxy("later", 6, 1, Some("keys/kms-denied")),
            proxy("slow", 4, 59, None),
            proxy("ill", 3, 1, Some("keys/kms-denied")),
            proxy("gone", 1, 60, Some("keys/kms-denied")),
        ];
        let expected = ["proxy slow (pid 7): has not read epoch 5 yet, only 4", "proxy ill (pid 7): keys/kms-denied"];
        assert_eq!(lagging(&proxies, 5), expected);
        assert!(lagging(&[], 5).is_empty());
    }
}
