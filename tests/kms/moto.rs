//! The AWS provider against moto: signatures, IAM's refusals (in XML), rotations.

use pgveil::kms::{Condition, KmsErrorKind};

use super::{
    contract::Quirks,
    opened::{bare, context, holds_the_contract, policy},
    python::Server,
};

const KEY: [u8; 32] = [7; 32];

const SCRIPT: &str = "
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print('endpoint=http://%s:%d' % server.get_host_and_port(), flush=True)
sys.stdin.read()
";

fn moto() -> Option<Server> {
    Server::start("moto", SCRIPT)
}

fn new_key(server: &Server) -> String {
    server.boto3("print(kms.create_key()['KeyMetadata']['Arn'])")
}

#[tokio::test]
async fn the_contract_holds() {
    let Some(server) = moto() else { return };
    let quirks = Quirks { denies_other_keys: true, ..Quirks::default() };
    holds_the_contract(server.policy(&new_key(&server)), server.policy(&new_key(&server)), quirks).await;
}

#[tokio::test]
async fn keys_are_made_wrapped_moved_described_and_rotated() {
    let Some(server) = moto() else { return };
    let (arn, other) = (new_key(&server), new_key(&server));
    let policy = policy(&[("prod", server.policy(&arn)), ("next", server.policy(&other))]);
    let (kms, next) = (bare(&policy, "prod").await.unwrap(), bare(&policy, "next").await.unwrap());
    let made = kms.generate(&context(1), true).await.unwrap();
    assert!(kms.unwrap(&made.wrapped, &context(1)).await.unwrap() == made.plaintext.unwrap());
    let sealed = kms.generate(&context(1), false).await.unwrap();
    assert!(sealed.plaintext.is_none());
    let wrapped = kms.wrap(&KEY, &context(1)).await.unwrap();
    assert!(wrapped.request_id.is_some());
    assert_eq!(kms.unwrap(&wrapped, &context(2)).await.err().unwrap().kind, KmsErrorKind::Integrity);
    let moved = next.rewrap(&*kms, &wrapped, &context(1), &context(2)).await.unwrap();
    assert_eq!(next.unwrap(&moved, &context(2)).await.unwrap().expose(), &KEY);
    assert_eq!(kms.rotate().await.unwrap(), arn);
    assert_eq!(kms.unwrap(&wrapped, &context(1)).await.unwrap().expose(), &KEY);
    let versions = kms.versions().await.unwrap();
    assert_eq!(versions.iter().map(|version| version.is_primary).collect::<Vec<_>>(), [true, false], "{versions:?}");
    let described = kms.describe().await.unwrap();
    assert_eq!((described.key_ref, described.condition), (arn, Condition::Enabled));
    let refused: Vec<_> =
        kms.permissions().await.unwrap().into_iter().filter_map(|permission| permission.outcome.err()).collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert!(kms.principal().await.unwrap().identity.starts_with("arn:aws:"));
}

#[tokio::test]
async fn what_iam_does_not_grant_is_denied_and_named() {
    let Some(server) = moto() else { return };
    let arn = new_key(&server);
    let user = server.boto3(&format!(
        "
import json, urllib.request
iam.create_user(UserName='veil')
key = iam.create_access_key(UserName='veil')['AccessKey']
iam.put_user_policy(UserName='veil', PolicyName='p', PolicyDocument=json.dumps({{'Version': '2012-10-17', 'Statement': [
    {{'Effect': 'Allow', 'Action': ['kms:Encrypt', 'kms:GenerateDataKey', 'kms:DescribeKey'], 'Resource': '*'}}]}}))
print(key['AccessKeyId'], key['SecretAccessKey'])
urllib.request.urlopen(urllib.request.Request('{}/moto-api/reset-auth', data=b'0', headers={{'content-type': 'text/plain'}}))
",
        server.endpoint
    ));
    let (id, secret) = user.split_once(' ').unwrap();
    let kms = bare(&policy(&[("prod", server.policy_as(&arn, id, secret))]), "prod").await.unwrap();
    let wrapped = kms.wrap(&KEY, &context(1)).await.unwrap();
    let error = kms.unwrap(&wrapped, &context(1)).await.err().unwrap();
    assert_eq!(error.kind, KmsErrorKind::Denied, "{error}");
    assert!(error.message.contains("kms:Decrypt") && error.message.contains("not authorized"), "{error}");
    let mut refused: Vec<_> = kms.permissions().await.unwrap();
    refused.retain(|permission| permission.outcome.is_err());
    let names: Vec<_> = refused.iter().map(|permission| permission.name).collect();
    let expected = [
        "kms:Decrypt",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "kms:GetKeyRotationStatus",
        "kms:ListKeyRotations",
    ];
    assert_eq!(names, expected);

    for (id, secret) in [(id, "wrong"), ("AKIANOBODY0000000001", "x")] {
        let kms = bare(&policy(&[("prod", server.policy_as(&arn, id, secret))]), "prod").await.unwrap();
        let error = kms.wrap(&KEY, &context(1)).await.unwrap_err();
        assert_eq!(error.kind, KmsErrorKind::Denied, "{error}");
    }
}
