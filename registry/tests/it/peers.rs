//! Registries and tools of others. Each is looked for on `PATH`; `BULLA_PEERS=required` makes a
//! missing one a failure.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bulla_model::{Limits, Repository, Tag};
use bulla_registry::{
    AnyStore, CopyOptions, Credential, Layout, Remote, RemoteClient, RemoteOptions, Store,
    StoreError, Target, attach, copy, read_bundles,
};

use crate::faulty::store_at;
use crate::{sample, suite};

#[expect(clippy::print_stdout, reason = "a skipped peer has to be seen")]
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file());
    if found.is_none() {
        let required = std::env::var("BULLA_PEERS").is_ok_and(|peers| peers == "required");
        assert!(!required, "peer {name} is required and not on PATH");
        println!("SKIPPED peer {name}");
    }
    found
}

/// Debian's docker-registry 2.8, which has no referrers API. Ends with the test.
struct DockerRegistry {
    process: Child,
    host: String,
    directory: tempfile::TempDir,
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

impl DockerRegistry {
    /// Starts it; `http` and `rest` are added to those parts of its configuration.
    fn start(http: &str, rest: &str, prepare: impl FnOnce(&Path)) -> Option<Self> {
        let program = peer("docker-registry")?;
        let directory = tempfile::tempdir().unwrap();
        prepare(directory.path());
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let host = free.local_addr().unwrap().to_string();
        drop(free);
        let root = directory.path().display().to_string();
        let configuration = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: '{root}/data'}}, delete: {{enabled: true}}}}\nhttp:\n  addr: {host}\n  secret: test\n{http}\n{rest}\n"
        )
        .replace("DIR", &root);
        let file = directory.path().join("config.yml");
        fs::write(&file, configuration).unwrap();
        let log = File::create(directory.path().join("log")).unwrap();
        let process = Command::new(program)
            .arg("serve")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let registry = Self {
            process,
            host,
            directory,
        };
        let started = Instant::now();
        while std::net::TcpStream::connect(&registry.host).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "it does not start"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(registry)
    }

    fn plain() -> Option<Self> {
        Self::start("", "", |_| ())
    }

    fn repository(&self, path: &str) -> Repository {
        format!("{}/{path}", self.host).parse().unwrap()
    }
}

/// Attaches from eight processes at once; `place` says where.
fn attach_from_processes(place: &str) {
    let program = std::env::current_exe().unwrap();
    let processes: Vec<Child> = (0..8)
        .map(|number| {
            Command::new(&program)
                .args(["--exact", "--ignored", "peers::a_process_attaches"])
                .env("BULLA_TEST_PLACE", place)
                .env("BULLA_TEST_NAME", format!("process {number}"))
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}

#[tokio::test]
#[ignore = "the tests of several writers run it as processes of their own"]
async fn a_process_attaches() {
    let place = std::env::var("BULLA_TEST_PLACE").unwrap();
    let name = std::env::var("BULLA_TEST_NAME").unwrap();
    let limits = Limits::default();
    let store = match place.strip_prefix("oci:") {
        Some(directory) => AnyStore::Layout(Layout::open(Path::new(directory), &limits).unwrap()),
        None => AnyStore::Remote(store_at(&place, &limits, Credential::Anonymous)),
    };
    let subject = store.resolve(&subject_tag()).await.unwrap();
    attach(&store, &subject, &sample::bundle(&name), sample::created())
        .await
        .unwrap();
}

fn subject_tag() -> Target {
    Target::Tag("subject".parse().unwrap())
}

async fn tagged_subject<S: Store>(store: &S) -> bulla_model::Descriptor {
    let subject = sample::image(store, b"attested by many").await;
    let bytes = store.manifest(&subject.digest).await.unwrap();
    let tag: Tag = "subject".parse().unwrap();
    store
        .put_manifest(bytes.bytes(), bytes.media_type(), Some(&tag))
        .await
        .unwrap()
}

#[tokio::test]
async fn processes_writing_one_layout_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::create(directory.path(), &Limits::default()).unwrap();
    let subject = tagged_subject(&layout).await;
    attach_from_processes(&format!("oci:{}", directory.path().display()));
    let set = read_bundles(&layout, &subject.digest).await.unwrap();
    assert_eq!(set.bundles.len(), 8);
}

#[tokio::test]
async fn processes_writing_one_docker_registry_lose_nothing() {
    // O1: it ignores If-Match, so only looking again helps.
    let Some(registry) = DockerRegistry::plain() else {
        return;
    };
    let store = store_at(&registry.host, &Limits::default(), Credential::Anonymous);
    let subject = tagged_subject(&store).await;
    attach_from_processes(&registry.host);
    let set = read_bundles(&store, &subject.digest).await.unwrap();
    assert_eq!(set.bundles.len(), 8);
}

#[tokio::test]
async fn docker_registry_does_what_every_store_has_to_do() {
    let Some(registry) = DockerRegistry::plain() else {
        return;
    };
    let store = store_at(&registry.host, &Limits::default(), Credential::Anonymous);
    suite::run(&AnyStore::Remote(store)).await;
}

#[tokio::test]
async fn blobs_are_mounted_between_repositories_of_one_registry() {
    let Some(registry) = DockerRegistry::plain() else {
        return;
    };
    let client = RemoteClient::new(RemoteOptions::default()).unwrap();
    let store = |path: &str| Remote::new(&client, registry.repository(path), Credential::Anonymous);
    let (dev, prod) = (store("dev/app"), store("prod/app"));
    let (index, _) = sample::index(&dev).await;
    attach(&dev, &index, &sample::bundle("a"), sample::created())
        .await
        .unwrap();
    let report = copy(&dev, &prod, &index.digest, &CopyOptions::default())
        .await
        .unwrap();
    assert_eq!(report.mounted.len(), 5, "{report:?}");
    let set = read_bundles(&prod, &index.digest).await.unwrap();
    assert_eq!(set.bundles.len(), 1);
}

#[tokio::test]
async fn docker_registry_with_tls_and_a_password_is_reached() {
    let key = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = key.cert.pem();
    let started = DockerRegistry::start(
        "  tls: {certificate: 'DIR/tls.crt', key: 'DIR/tls.key'}",
        "auth: {htpasswd: {realm: test, path: 'DIR/htpasswd'}}",
        |directory| {
            fs::write(directory.join("tls.crt"), &certificate).unwrap();
            fs::write(directory.join("tls.key"), key.signing_key.serialize_pem()).unwrap();
            fs::write(directory.join("htpasswd"), HTPASSWD).unwrap();
        },
    );
    let Some(registry) = started else { return };
    let repository = registry.repository("team/app");
    let mut options = RemoteOptions::default();
    let stranger = RemoteClient::new(options.clone()).unwrap();
    let untrusted = Remote::new(&stranger, repository.clone(), Credential::Anonymous);
    let error = untrusted.tags().await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");

    options.certificates = vec![certificate.into_bytes()];
    let client = RemoteClient::new(options).unwrap();
    let store = |password: Option<&str>| {
        let credential = password.map_or(Credential::Anonymous, |password| Credential::Basic {
            username: "alice".to_owned(),
            password: password.to_owned().into(),
        });
        Remote::new(&client, repository.clone(), credential)
    };
    for wrong in [None, Some("wrong")] {
        let error = store(wrong).put_blob(b"x".to_vec()).await.unwrap_err();
        assert!(matches!(error, StoreError::Unauthorized { .. }), "{error}");
    }
    suite::run(&store(Some("s3cret"))).await;
    assert!(registry.directory.path().join("data").exists());
}

#[tokio::test]
async fn skopeo_reads_our_layouts_and_we_read_its_own() {
    let Some(skopeo) = peer("skopeo") else { return };
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits::default();
    let ours = directory.path().join("ours");
    let layout = Layout::create(&ours, &limits).unwrap();
    let subject = tagged_subject(&layout).await;
    attach(&layout, &subject, &sample::bundle("a"), sample::created())
        .await
        .unwrap();
    let theirs = directory.path().join("theirs");
    let copied = Command::new(skopeo)
        .args(["--insecure-policy", "copy", "--quiet", "--preserve-digests"])
        .arg(format!("oci:{}:subject", ours.display()))
        .arg(format!("oci:{}:v1", theirs.display()))
        .output()
        .unwrap();
    assert!(
        copied.status.success(),
        "{}",
        String::from_utf8_lossy(&copied.stderr)
    );
    let layout = Layout::open(&theirs, &limits).unwrap();
    let target = Target::Tag("v1".parse().unwrap());
    assert_eq!(
        layout.resolve(&target).await.unwrap().digest,
        subject.digest
    );
    let images = layout.images().await.unwrap();
    assert_eq!(images.len(), 1);
}

/// `alice` with the password `s3cret`, by `htpasswd -B`.
const HTPASSWD: &str = "alice:$2y$05$TvyD0/CZ3r5JHFkznFiWZ.ZtacD92XUW0GLO1UgKCqTFAniZMH.5m\n";
