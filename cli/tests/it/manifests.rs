//! Every image in rendered manifests, and why one of them may not run.

use std::io::Write as _;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::serve::world::World;

/// Runs a command that reads `text` from standard input.
fn with_input(world: &World, arguments: &[&str], text: &str) -> Output {
    let mut command = world.command();
    command.args(arguments);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    child.wait_with_output().unwrap()
}

fn deployment(name: &str, image: &str) -> String {
    format!(
        "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: pay}}
spec: {{template: {{spec: {{containers: [{{name: one, image: \"{image}\"}}]}}}}}}
"
    )
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    })
}

const VERIFY: [&str; 10] = [
    "verify",
    "--env",
    "prod",
    "--policy",
    "policy",
    "--layout",
    "oci:layout",
    "--output",
    "json",
    "--manifests",
];
const WHY: [&str; 10] = [
    "why",
    "-",
    "--env",
    "prod",
    "--policy",
    "policy",
    "--layout",
    "oci:layout",
    "--output",
    "json",
];

#[test]
fn every_image_of_rendered_manifests_is_verified() {
    let world = World::new(&["good", "halfway"]);
    world.promote("good", &["dev", "prod"]);
    world.promote("halfway", &["dev"]);
    let (good, halfway) = (World::reference("good"), World::reference("halfway"));
    let rollout = format!(
        "---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {{name: side}}
spec: {{template: {{spec: {{initContainers: [{{image: \"{good}\"}}]}}}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: settings}}
data: {{image: \"not an image\"}}
"
    );
    let arguments = [&VERIFY[..], &["-"]].concat();
    let text = deployment("api", &good) + &rollout;
    let output = with_input(&world, &arguments, &text);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    let verdicts = report["verdicts"].as_array().unwrap();
    assert_eq!(verdicts.len(), 1, "the same image once: {report:#}");
    assert_eq!(verdicts[0]["target"], good.as_str());
    assert_eq!(
        verdicts[0]["places"],
        serde_json::json!([
            "Deployment pay/api /spec/template/spec/containers/0/image (standard input, document 1)",
            "Rollout side /spec/template/spec/initContainers/0/image (standard input, document 2)",
        ])
    );

    let output = with_input(
        &world,
        &arguments,
        &(text.clone() + &deployment("b", &halfway)),
    );
    assert_eq!(output.status.code(), Some(1), "{:#}", json(&output));
    // What cannot be looked up, or said to run something, fails; the rest is verified all the same.
    for (more, said) in [
        (
            deployment("b", "registry.example.test/pay/api:good"),
            "named by a tag",
        ),
        (deployment("b", "nginx"), "docker.io/library/nginx"),
        (
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n".to_owned(),
            "a pod specification expected",
        ),
    ] {
        let output = with_input(&world, &arguments, &(text.clone() + &more));
        let report = json(&output);
        assert_eq!(output.status.code(), Some(2), "{report:#}");
        assert_eq!(report["verdicts"][0]["verdict"]["decision"], "allow");
        assert!(
            report["verdicts"][1]["error"].to_string().contains(said),
            "{report:#}"
        );
    }
    // A kind of somebody else's that names no image is no yes, unless whoever asks knows it.
    let project =
        "---\napiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: pay}\n";
    let text = text.clone() + project;
    let output = with_input(&world, &arguments, &text);
    assert_eq!(output.status.code(), Some(3), "{:#}", json(&output));
    let skip = [&VERIFY[..], &["-", "--skip-kind", "AppProject.argoproj.io"]].concat();
    let output = with_input(&world, &skip, &text);
    assert_eq!(output.status.code(), Some(0), "{:#}", json(&output));
    // Nothing was verified is never "everything is well", of each file.
    std::fs::write(world.path("good.yaml"), deployment("api", &good)).unwrap();
    let both = [&VERIFY[..], &["good.yaml", "--manifests", "-"]].concat();
    for nothing in ["apiVersion: v1\nkind: Namespace\n", ""] {
        let output = with_input(&world, &arguments, nothing);
        assert_eq!(output.status.code(), Some(2), "{nothing}");
    }
    assert_eq!(with_input(&world, &both, "").status.code(), Some(2));
}

#[test]
fn why_names_the_shortest_way_into_the_environment() {
    let world = World::new(&["built", "halfway", "good"]);
    world.promote("built", &[]);
    world.promote("halfway", &["dev"]);
    world.promote("good", &["dev", "prod"]);
    let text = deployment("built", &World::reference("built"))
        + &deployment("halfway", &World::reference("halfway"))
        + &deployment("good", &World::reference("good"));
    let output = with_input(&world, &WHY, &text);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(1), "{report:#}");
    let answers = report["answers"].as_array().unwrap();
    let to_allow = |at: usize| answers[at]["toAllow"].clone();
    let place = |name: &str| format!("oci:layout@{}", World::digest(name));
    let built = place("built");
    assert_eq!(
        to_allow(0),
        serde_json::json!([
            {"command": format!("bulla promote {built} --to dev")},
            {
                "command": format!("bulla approve {built} --to prod"),
                "note": "by 1 of release-manager",
            },
            {"command": format!("bulla promote {built} --to prod")},
        ])
    );
    let halfway = place("halfway");
    assert_eq!(
        to_allow(1),
        serde_json::json!([
            {
                "command": format!("bulla approve {halfway} --to prod"),
                "note": "0 of 1 approvals; by alice",
            },
            {"command": format!("bulla promote {halfway} --to prod")},
        ])
    );
    assert_eq!(to_allow(2), Value::Null);
    // The commands are those that do it.
    world.promote("halfway", &["prod"]);
    let output = with_input(
        &world,
        &WHY,
        &deployment("halfway", &World::reference("halfway")),
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn why_asks_about_what_the_node_says_it_runs() {
    let world = World::new(&["good"]);
    world.promote("good", &["dev", "prod"]);
    let digest = World::digest("good");
    let pod = |status: &str| {
        format!(
            "apiVersion: v1
kind: Pod
metadata: {{name: api-0}}
spec: {{containers: [{{name: one, image: \"registry.example.test/pay/api:1.8.2\"}}]}}
{status}"
        )
    };
    let id = format!("registry.example.test/pay/api@{digest}");
    let status = format!("status: {{containerStatuses: [{{name: one, imageID: \"{id}\"}}]}}\n");
    let output = with_input(&world, &WHY, &pod(&status));
    assert_eq!(output.status.code(), Some(0), "{:#}", json(&output));
    let output = with_input(&world, &WHY, &pod(""));
    assert_eq!(
        output.status.code(),
        Some(2),
        "a layout knows no tag of a registry"
    );
}
