//! Who hears about calls: metrics, and tests that count them.

use std::{sync::Arc, time::Duration};

use super::super::KmsErrorKind;

/// One call to a service, attempts counted one by one.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The policy's name of the service.
    pub kms: &'a str,
    /// What was asked: `wrap`, `unwrap`, `generate`, `rewrap`, `describe`, `versions`, `rotate`,
    /// `principal`, `permissions` or `refresh-credential`.
    pub operation: &'static str,
    /// What came of it.
    pub result: Result<(), KmsErrorKind>,
    /// How long it took.
    pub took: Duration,
}

/// Told of every call when it has ended. Must not block.
pub type Observer = Arc<dyn Fn(&Call<'_>) + Send + Sync>;

/// Counts calls in pgveil's metrics.
pub(in crate::kms) fn meters() -> Observer {
    Arc::new(|call| {
        let result = call.result.map_or_else(KmsErrorKind::class, |()| "ok");
        crate::admin::metrics::kms_called(call.kms, call.operation, result, call.took);
    })
}
