//! A folder of its own, the command in it, and a small image.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use bulla_model::Digest;
use tempfile::TempDir;

/// A folder in which nothing of the machine's own settings is seen.
pub(crate) struct Sandbox {
    folder: TempDir,
}

/// What a run of the command answered.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) data: String,
    pub(crate) talk: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The command with these arguments, separated by spaces.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulla"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin");
        // Windows programs do not start without it.
        if let Some(root) = option_env!("SystemRoot") {
            command.env("SystemRoot", root);
        }
        command
    }

    /// Runs it without a password to give.
    pub(crate) fn run(&self, arguments: &str) -> Answer {
        Answer::of(&self.command(arguments).output().unwrap())
    }

    /// Runs it with the password the sandbox's key has, and expects it to work.
    pub(crate) fn done(&self, arguments: &str) -> Answer {
        let answer = Answer::of(
            &self
                .command(arguments)
                .env("BULLA_PASSWORD", PASSWORD)
                .output()
                .unwrap(),
        );
        assert_eq!(
            answer.code, 0,
            "bulla {arguments}\n{}{}",
            answer.data, answer.talk
        );
        answer
    }

    /// Makes `bulla.key` and `bulla.pub`.
    pub(crate) fn with_key(self) -> Self {
        self.done("key generate");
        self
    }

    /// Makes `image`, a layout with one image `1.0` of one layer with a dpkg status file.
    pub(crate) fn with_image(self) -> Self {
        let layer = layer();
        let layer = self.blob(&layer, "application/vnd.oci.image.layer.v1.tar");
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","created":"2026-01-02T03:04:05Z","rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
            layer.0
        );
        let config = self.blob(
            config.as_bytes(),
            "application/vnd.oci.image.config.v1+json",
        );
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
            config.1, layer.1
        );
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = self.blob(manifest.as_bytes(), kind);
        let entry = manifest.1.replace(
            '}',
            r#","annotations":{"org.opencontainers.image.ref.name":"1.0"}}"#,
        );
        self.write(
            "image/index.json",
            &format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#),
        );
        self.write("image/oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        self
    }

    /// Stores a blob; its digest and its descriptor.
    pub(crate) fn blob(&self, bytes: &[u8], kind: &str) -> (String, String) {
        let digest = Digest::sha256(bytes);
        let path = self.path("image/blobs/sha256").join(digest.hex());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        let descriptor = format!(
            r#"{{"mediaType":"{kind}","digest":"{digest}","size":{}}}"#,
            bytes.len()
        );
        (digest.to_string(), descriptor)
    }
}

impl Answer {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            data: String::from_utf8(output.stdout.clone()).unwrap(),
            talk: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {}", self.data))
    }
}

fn layer() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in [
        (
            "etc/os-release",
            "ID=debian\nVERSION_ID=12\nPRETTY_NAME=\"Debian 12\"\n",
        ),
        (
            "var/lib/dpkg/status",
            "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\nArchitecture: amd64\n",
        ),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive
            .append_data(&mut header, Path::new(name), text.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap()
}

pub(crate) const PASSWORD: &str = "correct horse battery";
