//! Manifests: files with many objects, as `helm template`, `kustomize build` and `kubectl get -o yaml`
//! write them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bulla_model::{PinnedReference, Reference};
use serde_json::Value;

use super::table::{ImageUse, Row, WorkloadError};
use super::{Kind, custom};
use crate::Failure;
use crate::failure::FailureKind;
use crate::join::file;

/// What was found in manifests.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// The objects that run images, or of which that cannot be said.
    pub objects: Vec<Object>,
    /// Objects of kinds that others define, in which no image was found: what they run is not known.
    pub silent: Vec<String>,
}

/// An object, and what it runs.
#[derive(Clone, Debug)]
pub struct Object {
    /// Kind, namespace and name, for people.
    pub name: String,
    /// The file it is in, with the number of its document.
    pub place: String,
    /// Its images.
    pub images: Result<Vec<ImageUse>, WorkloadError>,
    /// Of a pod that a cluster answered: what the node says it runs, by the image as written.
    pub nodes: BTreeMap<String, PinnedReference>,
}

impl Manifests {
    /// Reads files of YAML or JSON; `-` is standard input.
    pub fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut found = Self::default();
        for path in files {
            let bytes = file::read(path, BYTES)?;
            found.add(path, &bytes)?;
        }
        Ok(found)
    }

    fn add(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        let called = if path == Path::new("-") {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        let text = std::str::from_utf8(bytes).map_err(|_| refused(&called, "not UTF-8"))?;
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(|error| {
            let at = error.location().map_or_else(String::new, |location| {
                format!(":{}:{}", location.line(), location.column())
            });
            let reason = error.without_snippet().to_string();
            let reason = reason.lines().next().unwrap_or_default();
            refused(&format!("{called}{at}"), reason)
        })?;
        for (at, document) in documents.iter().enumerate() {
            let place = if documents.len() > 1 {
                format!("{called}, document {}", at + 1)
            } else {
                called.clone()
            };
            self.object(document, &place, None, LISTS)?;
        }
        Ok(())
    }

    /// Adds an object. What a list holds may leave out its kind.
    fn object(
        &mut self,
        object: &Value,
        place: &str,
        listed: Option<&Kind>,
        depth: usize,
    ) -> Result<(), Failure> {
        let Some(kind) = Kind::of(object).or_else(|| listed.cloned()) else {
            return Err(refused(place, "no object of a cluster")
                .with_hint("each document needs `apiVersion` and `kind`"));
        };
        if let (Some(single), Some(Value::Array(items))) =
            (kind.kind.strip_suffix("List"), object.get("items"))
        {
            let depth = depth
                .checked_sub(1)
                .ok_or_else(|| refused(place, "lists in lists in lists"))?;
            let single = (!single.is_empty()).then(|| Kind {
                kind: single.to_owned(),
                ..kind.clone()
            });
            return items
                .iter()
                .try_for_each(|item| self.object(item, place, single.as_ref(), depth));
        }
        let name = name_of(&kind, object);
        let images = match Row::of(&kind) {
            // A list's element was said to be of this kind by the list.
            Some(row) if Kind::of(object).is_none() => row.images_in(object),
            Some(row) => row.images(&kind, object),
            None if is_builtin(&kind) => return Ok(()),
            None => custom::images(object),
        };
        if images.as_ref().is_ok_and(Vec::is_empty) {
            self.silent.push(format!("{name} ({place})"));
            return Ok(());
        }
        self.objects.push(Object {
            name,
            place: place.to_owned(),
            images,
            nodes: nodes(object),
        });
        Ok(())
    }
}

/// What a node reports in the status of a pod, <https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#containerstatus-v1-core>.
/// An `imageID` without a repository is the digest of a configuration, and of no manifest.
fn nodes(object: &Value) -> BTreeMap<String, PinnedReference> {
    let statuses = [
        "initContainerStatuses",
        "containerStatuses",
        "ephemeralContainerStatuses",
    ];
    let lists = statuses
        .iter()
        .filter_map(|list| object.get("status")?.get(list)?.as_array());
    let containers = ["initContainers", "containers", "ephemeralContainers"];
    let specs = containers
        .iter()
        .filter_map(|list| object.get("spec")?.get(list)?.as_array());
    let text =
        |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let ids: BTreeMap<String, String> = lists
        .flatten()
        .filter_map(|status| Some((text(status, "name")?, text(status, "imageID")?)))
        .collect();
    let seen = |container: &Value| {
        let id = ids.get(&text(container, "name")?)?;
        let id = id.split_once("://").map_or(id.as_str(), |(_, id)| id);
        let reference: Reference = id.parse().ok()?;
        let digest = reference.digest()?.clone();
        Some((
            text(container, "image")?,
            reference.repository().pinned(digest),
        ))
    };
    specs.flatten().filter_map(seen).collect()
}

fn refused(place: &str, reason: &str) -> Failure {
    let reason: String = reason.chars().take(300).collect();
    Failure::new(FailureKind::Input, format_args!("{place}: {reason}"))
}

fn name_of(kind: &Kind, object: &Value) -> String {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str);
    let named = text("/metadata/name").or_else(|| text("/metadata/generateName"));
    let path = [text("/metadata/namespace"), named];
    let path: Vec<&str> = path.into_iter().flatten().collect();
    let name = format!("{} {}", kind.kind, path.join("/"));
    name.trim_end().chars().take(200).collect()
}

/// Whether a kind is one of Kubernetes' own that run nothing, whatever its fields are called.
fn is_builtin(kind: &Kind) -> bool {
    GROUPS.contains(&kind.group.as_str()) && !Row::is_named(&kind.kind)
}

/// The API groups of Kubernetes itself,
/// <https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/>.
const GROUPS: [&str; 22] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];
/// Bytes of one file. Stops one that never ends.
const BYTES: u64 = 64 << 20;
/// Lists in lists: `kubectl get` writes one, a function's input another.
const LISTS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Manifests, Failure> {
        let mut found = Manifests::default();
        found.add(Path::new("all.yaml"), text.as_bytes())?;
        Ok(found)
    }

    fn texts(found: &Manifests) -> Vec<&str> {
        let objects = found.objects.iter();
        let images = objects.flat_map(|object| object.images.as_ref().unwrap());
        images.map(|image| image.text.as_str()).collect()
    }

    #[test]
    fn every_document_and_every_list_is_read() {
        let found = read(
            r#"
# Source: chart/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: pay}
spec:
  template:
    spec:
      containers:
        - &api {name: api, image: "a.test/api:1"}
        - {<<: *api, name: other}
        - {<<: *api, image: "a.test/own:1"}
---
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Pod, spec: {containers: [{image: "a.test/pod:1"}]}}
  - {apiVersion: v1, kind: ConfigMap, data: {image: "no image"}}
---
apiVersion: v1
kind: PodList
items:
  - spec: {containers: [{image: "a.test/listed:1"}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
spec: {schema: {image: {name: x}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: r}
spec: {template: {spec: {containers: [{image: "a.test/rollout:1"}]}}}
---
apiVersion: extensions/v1beta1
kind: Deployment
spec: {template: {spec: {containers: [{image: "a.test/old:1"}]}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: app}
spec: {project: default}
"#,
        );
        let found = found.unwrap();
        assert_eq!(
            texts(&found),
            [
                "a.test/api:1",
                "a.test/api:1",
                "a.test/own:1",
                "a.test/pod:1",
                "a.test/listed:1",
                "a.test/rollout:1",
                "a.test/old:1",
            ]
        );
        assert_eq!(found.objects[0].name, "Deployment pay/api");
        assert_eq!(found.objects[1].place, "all.yaml, document 2");
        let [silent] = found.silent.as_slice() else {
            panic!("{:?}", found.silent);
        };
        assert!(silent.starts_with("Application app (all.yaml"), "{silent}");
    }

    #[test]
    fn the_status_of_a_pod_says_what_its_tags_meant() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let found = read(&format!(
            r#"
apiVersion: v1
kind: Pod
spec:
  containers:
    - {{name: a, image: "a.test/api:1"}}
    - {{name: b, image: "a.test/other:1"}}
status:
  containerStatuses:
    - {{name: a, imageID: "docker-pullable://a.test/api@{digest}"}}
    - {{name: b, imageID: "{digest}"}}
"#
        ));
        let nodes = &found.unwrap().objects[0].nodes;
        assert_eq!(nodes.len(), 1);
        assert_eq!(
            nodes["a.test/api:1"].to_string(),
            format!("a.test/api@{digest}")
        );
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_its_place() {
        for (text, expected) in [
            ("a: [", "all.yaml:"),
            ("kind: Pod\nkind: Pod\napiVersion: v1\n", "all.yaml:2:1: "),
            ("just text", "all.yaml: no object of a cluster"),
            ("{}", "no object of a cluster"),
            ("- a\n", "no object of a cluster"),
        ] {
            let failure = read(text).unwrap_err();
            assert!(failure.message().contains(expected), "{failure:?}");
        }
        assert!(Manifests::default().add(Path::new("x"), b"\xff").is_err());
    }

    #[test]
    fn a_workload_without_containers_is_not_passed_over() {
        let found = read("{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}}").unwrap();
        assert!(found.objects[0].images.is_err(), "{found:?}");
    }
}
