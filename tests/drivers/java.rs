//! Drivers for Java.

use super::{
    compare::notices_nothing,
    tools::{Driver, Start},
};

fn pgjdbc(name: &'static str) -> Driver {
    Driver::new(name, Start::Java("Main"))
}

#[test]
#[ignore = "make test-clients"]
fn pgjdbc_notices_nothing() {
    notices_nothing(&pgjdbc("pgjdbc"));
}

#[test]
#[ignore = "make test-clients"]
fn pgjdbc_notices_nothing_in_every_query_mode() {
    notices_nothing(&pgjdbc("pgjdbc-simple").with("preferQueryMode=simple"));
    notices_nothing(&pgjdbc("pgjdbc-prepared").with("preferQueryMode=extendedForPrepared"));
    notices_nothing(&pgjdbc("pgjdbc-cached").with("preferQueryMode=extendedCacheEverything"));
}

#[test]
#[ignore = "make test-clients"]
fn pgjdbc_notices_nothing_with_every_prepare_threshold() {
    notices_nothing(&pgjdbc("pgjdbc-unprepared").with("prepareThreshold=0"));
    notices_nothing(&pgjdbc("pgjdbc-prepared-at-once").with("prepareThreshold=1"));
    notices_nothing(&pgjdbc("pgjdbc-always-binary").with("prepareThreshold=-1"));
    notices_nothing(&pgjdbc("pgjdbc-text").with("prepareThreshold=1").with("binaryTransfer=false"));
}

#[test]
#[ignore = "make test-clients"]
fn pgjdbc_notices_nothing_with_rewritten_batches_savepoints_and_portals() {
    notices_nothing(&pgjdbc("pgjdbc-batches").with("reWriteBatchedInserts=true"));
    notices_nothing(&pgjdbc("pgjdbc-autosave").with("autosave=conservative"));
    notices_nothing(&pgjdbc("pgjdbc-autosave-always").with("autosave=always").with("cleanupSavepoints=true"));
    notices_nothing(&pgjdbc("pgjdbc-portals").with("defaultRowFetchSize=2"));
    notices_nothing(&pgjdbc("pgjdbc-strings").with("stringtype=unspecified"));
}
