//! Who pgveil is to AWS, and the policy that this identity needs.

use serde_json::json;

use super::Aws;
use crate::kms::{KmsError, Principal};

impl Aws {
    pub(super) async fn principal(&self) -> Result<Principal, KmsError> {
        let who = match self.connection.sts.get_caller_identity().send().await {
            Ok(who) => who,
            Err(error) => return Err(self.connection.error_of_sts("sts:GetCallerIdentity", &error)),
        };
        Ok(Principal {
            identity: who.arn.unwrap_or_default(),
            source: self.connection.source_of_credentials().await,
            grant: self.policy_document(),
        })
    }

    /// The IAM policy with the least rights, for the identity; or, with a `Principal`, for the key.
    fn policy_document(&self) -> String {
        let document = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "PgveilWrapsDataKeys",
                "Effect": "Allow",
                "Action": [
                    "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"
                ],
                "Resource": self.arn
            }]
        });
        format!("{document:#}")
    }
}
