//! An independent client checks `fake-kms`: boto3, whose model of AWS KMS validates every answer.

use std::collections::BTreeMap;

use super::python;
use crate::fake_kms::{FakeKms, Outage};

fn boto3(fake: &FakeKms, variables: &BTreeMap<&str, &str>, statements: &str) -> Option<String> {
    let variables: String = variables.iter().map(|(name, value)| format!("{name} = {value:?}\n")).collect();
    python::boto3("moto", &fake.endpoint(), &fake.environment(), &format!("{variables}{statements}"))
}

#[test]
fn boto3_does_with_fake_kms_what_it_does_with_aws() {
    let fake = FakeKms::start();
    let (key, other) = (fake.create_key(), fake.create_key());
    fake.alias("alias/orders", &key);
    let statements = "
context = {'tenant': '7', 'purpose': 'dek'}
made = kms.generate_data_key(KeyId=key, KeySpec='AES_256', EncryptionContext=context)
assert len(made['Plaintext']) == 32 and made['KeyId'] == key and made['KeyMaterialId']
opened = kms.decrypt(CiphertextBlob=made['CiphertextBlob'], KeyId=key, EncryptionContext=context)
assert opened['Plaintext'] == made['Plaintext'] and opened['KeyId'] == key
assert kms.decrypt(CiphertextBlob=made['CiphertextBlob'], EncryptionContext=context)['Plaintext'] == made['Plaintext']
fails('InvalidCiphertextException', kms.decrypt, CiphertextBlob=made['CiphertextBlob'], KeyId=key)
fails('InvalidCiphertextException', kms.decrypt, CiphertextBlob=b'nonsense', KeyId=key)
fails('IncorrectKeyException', kms.decrypt, CiphertextBlob=made['CiphertextBlob'], KeyId=other, EncryptionContext=context)
sealed = kms.generate_data_key_without_plaintext(KeyId='alias/orders', KeySpec='AES_256', EncryptionContext=context)
assert 'Plaintext' not in sealed and sealed['KeyId'] == key
wrapped = kms.encrypt(KeyId=key, Plaintext=b'x' * 4096, EncryptionContext=context)['CiphertextBlob']
moved = kms.re_encrypt(CiphertextBlob=wrapped, SourceKeyId=key, SourceEncryptionContext=context,
    DestinationKeyId=other, DestinationEncryptionContext={'tenant': '8'})
assert moved['SourceKeyId'] == key and moved['KeyId'] == other
assert kms.decrypt(CiphertextBlob=moved['CiphertextBlob'], KeyId=other, EncryptionContext={'tenant': '8'})['Plaintext'] == b'x' * 4096
described = kms.describe_key(KeyId='alias/orders')['KeyMetadata']
assert described['Arn'] == key and described['KeyState'] == 'Enabled' and described['KeySpec'] == 'SYMMETRIC_DEFAULT'
assert kms.rotate_key_on_demand(KeyId=key)['KeyId'] == key
rotations = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial='ALL_KEY_MATERIAL')['Rotations']
assert [r['KeyMaterialState'] for r in rotations] == ['CURRENT', 'NON_CURRENT'] and rotations[0]['RotationDate']
assert len(kms.list_key_rotations(KeyId=key)['Rotations']) == 1
assert kms.get_key_rotation_status(KeyId=key)['KeyRotationEnabled'] is False
assert kms.decrypt(CiphertextBlob=made['CiphertextBlob'], KeyId=key, EncryptionContext=context)['Plaintext'] == made['Plaintext']
fails('DryRunOperationException', kms.encrypt, KeyId=key, Plaintext=b'x', DryRun=True)
fails('NotFoundException', kms.describe_key, KeyId='alias/nothing')
fails('ValidationException', kms.encrypt, KeyId=key, Plaintext=b'x' * 4097)
who = sts.get_caller_identity()
assert who['Arn'].endswith(':user/pgveil-tests') and who['Account'] == '111122223333'
role = sts.assume_role(RoleArn='arn:aws:iam::111122223333:role/veil', RoleSessionName='session')['Credentials']
session = boto3.client('kms', region_name=kms.meta.region_name, endpoint_url=kms.meta.endpoint_url,
    aws_access_key_id=role['AccessKeyId'], aws_secret_access_key=role['SecretAccessKey'], aws_session_token=role['SessionToken'])
assert session.describe_key(KeyId=key)['KeyMetadata']['Arn'] == key
";
    let variables = BTreeMap::from([("key", key.as_str()), ("other", &other)]);
    if boto3(&fake, &variables, statements).is_none() {
        return;
    }
    assert_eq!(fake.rotations(&key), 1);
    assert_eq!((fake.calls("ReEncrypt"), fake.calls("GetCallerIdentity")), (1, 1));
    assert_eq!(fake.log().iter().filter(|call| call.outcome == "InvalidCiphertextException").count(), 2);
}

#[test]
fn boto3_sees_every_fault() {
    let fake = FakeKms::start();
    let key = fake.create_key();
    let variables = BTreeMap::from([("key", key.as_str())]);
    if boto3(&fake, &variables, "kms.encrypt(KeyId=key, Plaintext=b'x')").is_none() {
        return;
    }
    let fails = |code: &str, more: &str| {
        let call = format!("answer = fails('{code}', kms.encrypt, KeyId=key, Plaintext=b'x')\n{more}");
        boto3(&fake, &variables, &call).unwrap();
        fake.heal();
        fake.enable(&key);
    };
    fake.throttle(1, Some(7));
    fails("ThrottlingException", "assert answer['ResponseMetadata']['HTTPHeaders']['retry-after'] == '7'");
    fake.throttle(1, None);
    fails("ThrottlingException", "assert 'retry-after' not in answer['ResponseMetadata']['HTTPHeaders']");
    fake.deny("Encrypt");
    fails("AccessDeniedException", "assert 'kms:Encrypt' in answer['Error']['Message']");
    fake.disable(&key);
    fails("DisabledException", "assert kms.describe_key(KeyId=key)['KeyMetadata']['KeyState'] == 'Disabled'");
    let date = fake.schedule_deletion(&key, 7);
    let dated = format!("assert kms.describe_key(KeyId=key)['KeyMetadata']['DeletionDate'].timestamp() == {date}");
    fails("KMSInvalidStateException", &dated);
    fake.unavailable(&key);
    fails("KMSInvalidStateException", "");
    fake.expire_credentials(true);
    fails("ExpiredTokenException", "");
    fake.outage(Outage::Status(503));
    fails("503", "");
    for outage in [Outage::Refused, Outage::Reset] {
        fake.outage(outage);
        let broken = "
try: kms.encrypt(KeyId=key, Plaintext=b'x')
except (botocore.exceptions.EndpointConnectionError, botocore.exceptions.ConnectionClosedError): print('broken')";
        assert_eq!(boto3(&fake, &variables, broken).unwrap(), "broken", "{outage:?}");
        fake.heal();
    }
    let hidden = fake.create_key_hidden_for(std::time::Duration::from_secs(600));
    let missing = BTreeMap::from([("key", hidden.as_str())]);
    boto3(&fake, &missing, "fails('NotFoundException', kms.encrypt, KeyId=key, Plaintext=b'x')").unwrap();
    boto3(&fake, &variables, "kms.encrypt(KeyId=key, Plaintext=b'x')").unwrap();
    fake.destroy(&key);
    boto3(&fake, &variables, "fails('NotFoundException', kms.encrypt, KeyId=key, Plaintext=b'x')").unwrap();
}
