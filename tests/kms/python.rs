//! Other people's programs in Python: where `scripts/setup.sh moto localstack` has put them, and how they are run.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

/// Who owns what is in a server.
const KEY_ID: &str = "AKIAFIRSTUSER0000001";
const SECRET: &str = "first";

/// The interpreter of a tool, or None, loudly, where it could not be installed.
pub(crate) fn interpreter(tool: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("target/test-tools/kms/{tool}/bin/python"));
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {tool} is not installed; `scripts/setup.sh {tool}` does that");
    None
}

/// Runs statements with boto3's clients `kms`, `sts`, `iam`, and `fails(code, function, **arguments)`; gives
/// what they print.
pub(crate) fn boto3(tool: &str, endpoint: &str, environment: &[(&str, String)], statements: &str) -> Option<String> {
    let region = crate::fake_kms::REGION;
    let script = format!(
        "
import boto3, botocore.exceptions
from botocore.config import Config
config = Config(retries={{'total_max_attempts': 1}}, connect_timeout=5, read_timeout=20)
kms, sts, iam = (boto3.client(s, region_name='{region}', endpoint_url='{endpoint}', config=config)
    for s in ('kms', 'sts', 'iam'))
def fails(code, function, **arguments):
    try: function(**arguments)
    except botocore.exceptions.ClientError as error:
        assert error.response['Error']['Code'] == code, error.response
        return error.response
    raise AssertionError('no ' + code)
{statements}
"
    );
    let mut child = Command::new(interpreter(tool)?)
        .arg("-")
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// A server of a tool, which ends with it.
pub(crate) struct Server {
    tool: &'static str,
    child: Child,
    folder: tempfile::TempDir,
    /// What it printed first: its endpoint.
    pub(crate) endpoint: String,
}

impl Server {
    /// Runs a script that prints its endpoint as soon as it listens, and that ends with its standard input.
    pub(crate) fn start(tool: &'static str, script: &str) -> Option<Self> {
        let mut child = Command::new(interpreter(tool)?)
            .args(["-c", script])
            .env("AWS_ACCESS_KEY_ID", KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let endpoint = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("endpoint=").map(str::to_owned))
            .unwrap_or_else(|| panic!("{tool} did not start"));
        // Or it would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { tool, child, folder: tempfile::tempdir().unwrap(), endpoint })
    }

    /// Prepares it with boto3 as its first user; gives what the statements print.
    pub(crate) fn boto3(&self, statements: &str) -> String {
        let environment = [("AWS_ACCESS_KEY_ID", KEY_ID.to_owned()), ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned())];
        boto3(self.tool, &self.endpoint, &environment, statements).unwrap()
    }

    /// The provider of a policy for a key of it, as its first user.
    pub(crate) fn policy(&self, key: &str) -> String {
        self.policy_as(key, KEY_ID, SECRET)
    }

    /// Likewise, as somebody else.
    pub(crate) fn policy_as(&self, key: &str, id: &str, secret: &str) -> String {
        let file = self.folder.path().join(id);
        std::fs::write(&file, format!("[default]\naws_access_key_id={id}\naws_secret_access_key={secret}\n")).unwrap();
        format!(
            "aws: {{ key: \"{key}\", region: {}, endpoint: \"{}\", credentials: \"{}\" }}",
            crate::fake_kms::REGION,
            self.endpoint,
            file.display()
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its standard input ends, and it cleans up; what does not end by itself is ended.
        drop(self.child.stdin.take());
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
