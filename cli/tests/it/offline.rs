//! Offline means offline: with a trusted root given and the target here, nothing is sent anywhere.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sandbox::{Answer, Sandbox};

const KEYLESS: &str = "--trusted-root trusted_root.json --certificate-identity dev@example.com \
    --certificate-oidc-issuer http://127.0.0.1:15103 --type slsaprovenance1 --output json";

/// A folder with a file, a layout, and a bundle about the file that a certificate signed.
fn keyless() -> Sandbox {
    let sandbox = Sandbox::new().with_image();
    sandbox.write("art.bin", "artifact one\n");
    let testdata = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/interop/sigstore");
    for (from, to) in [
        ("trusted_root.json", "trusted_root.json"),
        (
            "sigstore-python.rekor1.sigstore.json",
            "art.bin.sigstore.json",
        ),
        ("sigstore-python.rekor2.sigstore.json", "second.json"),
    ] {
        std::fs::copy(format!("{testdata}/{from}"), sandbox.path(to)).unwrap();
    }
    sandbox
}

#[cfg(target_os = "linux")]
#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
#[test]
fn keyless_bundles_are_verified_where_there_is_no_network() {
    let allowed = Command::new("unshare")
        .args(["-rn", "true"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !allowed {
        println!("SKIPPED: no network namespace can be made here (unshare -rn)");
        return;
    }
    let sandbox = keyless();
    for (arguments, code) in [
        (format!("verify {KEYLESS} art.bin"), 0),
        (format!("verify {KEYLESS} --bundle second.json art.bin"), 0),
        (format!("verify {KEYLESS} image:1.0"), 10),
        ("inspect second.json".to_owned(), 0),
        ("tree image:1.0".to_owned(), 0),
    ] {
        let output = Command::new("unshare")
            .arg("-rn")
            .arg(env!("CARGO_BIN_EXE_bulla"))
            .args(arguments.split_whitespace())
            .current_dir(sandbox.path("."))
            .env("HOME", sandbox.path("."))
            .output()
            .unwrap();
        let answer = Answer::of(&output);
        assert_eq!(
            answer.code, code,
            "{arguments}: {}{}",
            answer.data, answer.talk
        );
    }
}

#[test]
fn with_a_trusted_root_nothing_is_even_tried() {
    // Whatever wanted to leave would have to come by here.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let sandbox = keyless();
    let run = |arguments: &str| {
        let mut command = sandbox.command(arguments);
        for name in [
            "http_proxy",
            "HTTP_PROXY",
            "https_proxy",
            "HTTPS_PROXY",
            "ALL_PROXY",
        ] {
            command.env(name, &proxy);
        }
        Answer::of(&command.output().unwrap())
    };
    for arguments in ["art.bin", "--bundle second.json art.bin", "image:1.0"] {
        let answer = run(&format!("verify {KEYLESS} {arguments}"));
        assert_ne!(answer.code, 2, "{arguments}: {}", answer.talk);
    }
    assert_eq!(seen.load(Ordering::SeqCst), 0, "something was sent");
    // The trap works: what does need the network is seen.
    run("tree registry.example.test/app:1 --timeout 5s");
    assert!(seen.load(Ordering::SeqCst) > 0, "nothing passed the proxy");
}
