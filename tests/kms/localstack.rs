//! The AWS provider against LocalStack, which knows the states of keys. Slow to install: `make test-kms`.

use pgveil::kms::{Condition, KmsErrorKind};

use super::{
    contract::Quirks,
    opened::{bare, context, holds_the_contract, policy},
    python::Server,
};

const KEY: [u8; 32] = [7; 32];

const SCRIPT: &str = "
import os, shutil, socket, sys, tempfile, threading, time, urllib.request
# Whatever else it wants to bind, nobody outside of this host reaches it.
bind = socket.socket.bind
def bind_here(self, address):
    if self.family == socket.AF_INET and isinstance(address, tuple):
        address = ('127.0.0.1', *address[1:])
    return bind(self, address)
socket.socket.bind = bind_here
with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    port = probe.getsockname()[1]
folder = tempfile.mkdtemp()
os.environ.update(GATEWAY_LISTEN=f'127.0.0.1:{port}', SERVICES='kms,sts', EAGER_SERVICE_LOADING='1',
    DISABLE_EVENTS='1', SKIP_SSL_CERT_DOWNLOAD='1', DNS_ADDRESS='0', OVERRIDE_IN_DOCKER='0', FILESYSTEM_ROOT=folder)
def end_with_input():
    sys.stdin.read()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)
def announce():
    while True:
        try:
            urllib.request.urlopen(f'http://127.0.0.1:{port}/_localstack/health', timeout=2).read()
            break
        except OSError:
            time.sleep(0.1)
    print(f'endpoint=http://127.0.0.1:{port}', flush=True)
for work in end_with_input, announce:
    threading.Thread(target=work, daemon=True).start()
from localstack.runtime.main import main
main()
";

/// Asked for by name: then it has to be there.
fn localstack() -> Server {
    Server::start("localstack", SCRIPT).expect("scripts/setup.sh localstack")
}

#[tokio::test]
#[ignore = "needs LocalStack: make test-kms"]
async fn the_contract_holds() {
    let server = localstack();
    let new_key = || server.policy(&server.boto3("print(kms.create_key()['KeyMetadata']['Arn'])"));
    let quirks = Quirks { hides_versions: true, ..Quirks::default() };
    holds_the_contract(new_key(), new_key(), quirks).await;
}

#[tokio::test]
#[ignore = "needs LocalStack: make test-kms"]
async fn states_of_keys_have_their_classes() {
    let server = localstack();
    let arns = server.boto3(
        "
keys = [kms.create_key()['KeyMetadata']['Arn'] for _ in range(2)]
signing = kms.create_key(KeySpec='RSA_2048', KeyUsage='SIGN_VERIFY')['KeyMetadata']['Arn']
kms.create_alias(AliasName='alias/orders', TargetKeyId=keys[0])
print(*keys, signing)",
    );
    let [arn, other, signing] = arns.split(' ').collect::<Vec<_>>()[..] else { panic!("{arns}") };
    let policy = policy(&[
        ("prod", server.policy("alias/orders")),
        ("next", server.policy(other)),
        ("signing", server.policy(signing)),
    ]);
    let (kms, next) = (bare(&policy, "prod").await.unwrap(), bare(&policy, "next").await.unwrap());
    assert_eq!(kms.key_ref(), arn);

    let made = kms.generate(&context(1), true).await.unwrap();
    assert!(kms.unwrap(&made.wrapped, &context(1)).await.unwrap() == made.plaintext.unwrap());
    let wrapped = kms.wrap(&KEY, &context(1)).await.unwrap();
    let moved = next.rewrap(&*kms, &wrapped, &context(1), &context(2)).await.unwrap();
    assert_eq!(next.unwrap(&moved, &context(2)).await.unwrap().expose(), &KEY);
    assert_eq!(kms.unwrap(&wrapped, &context(2)).await.err().unwrap().kind, KmsErrorKind::Integrity, "another context");
    assert_eq!(next.unwrap(&wrapped, &context(1)).await.err().unwrap().kind, KmsErrorKind::Integrity, "another key");
    let error = bare(&policy, "signing").await.unwrap().wrap(&KEY, &context(1)).await.unwrap_err();
    assert_eq!(error.kind, KmsErrorKind::Misconfigured, "{error}");
    kms.rotate().await.unwrap();
    assert_eq!(kms.unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY);
    assert!(kms.versions().await.unwrap().iter().filter(|version| version.is_primary).count() == 1);
    for permission in kms.permissions().await.unwrap() {
        permission.outcome.unwrap();
    }

    server.boto3(&format!("kms.disable_key(KeyId='{arn}')"));
    let error = kms.unwrap(&wrapped, &context(1)).await.err().unwrap();
    assert_eq!(error.kind, KmsErrorKind::Disabled, "{error}");
    assert_eq!(kms.describe().await.unwrap().condition, Condition::Disabled);
    server.boto3(&format!("kms.enable_key(KeyId='{arn}')"));
    assert_eq!(kms.unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY);

    let date = server.boto3(&format!(
        "print(int(kms.schedule_key_deletion(KeyId='{arn}', PendingWindowInDays=7)['DeletionDate'].timestamp()))"
    ));
    let error = kms.unwrap(&wrapped, &context(1)).await.err().unwrap();
    let KmsErrorKind::PendingDestroy { at: Some(at) } = error.kind else { panic!("{error}") };
    assert_eq!(at / 1_000_000, date.parse::<i64>().unwrap());
    assert!(matches!(kms.describe().await.unwrap().condition, Condition::PendingDestroy(Some(_))));
    server.boto3(&format!("kms.cancel_key_deletion(KeyId='{arn}')"));
    assert_eq!(kms.unwrap(&wrapped, &context(1)).await.err().unwrap().kind, KmsErrorKind::Disabled);
}
