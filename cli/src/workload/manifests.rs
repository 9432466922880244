//! Manifests: files with many objects, as `helm template`, `kustomize build` and `kubectl get -o yaml`
//! write them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bulla_model::{PinnedReference, Reference};
use serde_json::Value;

use super::table::{ImageUse, Row, WorkloadError};
use super::{Kind, builtin, custom, plain};
use crate::Failure;
use crate::failure::FailureKind;
use crate::join::file;

/// What was found in manifests.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// The objects that run images, or of which that cannot be said.
    pub objects: Vec<Object>,
    /// Kinds of others that run nothing, as whoever asks knows.
    left_out: Vec<String>,
    /// Images named so far.
    uses: usize,
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
    /// Of a pod that a cluster answered: what the node says it runs, by the pointer of the image.
    pub nodes: BTreeMap<String, PinnedReference>,
}

impl Manifests {
    /// Reads files of YAML or JSON; `-` is standard input. Of the kinds of others, those named here run
    /// nothing: `KIND` or `KIND.GROUP`.
    pub fn read(files: &[PathBuf], left_out: &[String]) -> Result<Self, Failure> {
        let mut found = Self {
            left_out: left_out.to_vec(),
            ..Self::default()
        };
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
        let documents = plain::documents(bytes).map_err(|error| {
            let at = error
                .at
                .map_or_else(String::new, |(line, column)| format!(":{line}:{column}"));
            refused(&format!("{called}{at}"), &error.reason)
                .with_hint("have a tool write it plainly, for example yq 'explode(.)'")
        })?;
        if documents.is_empty() {
            return Err(Failure::new(
                FailureKind::NotFound,
                format_args!("{called}: no object in it"),
            )
            .with_hint("nothing was verified: did what renders it fail?"));
        }
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

    fn is_left_out(&self, kind: &Kind) -> bool {
        let long = format!("{}.{}", kind.kind, kind.group);
        self.left_out
            .iter()
            .any(|it| *it == kind.kind || *it == long)
    }

    /// Adds an object. What a list holds may leave out its kind.
    fn object(
        &mut self,
        object: &Value,
        place: &str,
        listed: Option<&Kind>,
        depth: usize,
    ) -> Result<(), Failure> {
        let said = [object.get("apiVersion"), object.get("kind")];
        let says = said.iter().flatten().any(|it| it.as_str() != Some(""));
        // What an element of a list leaves out is filled in; half of it is nobody's kind.
        let filled_in = listed.filter(|_| !says && object.is_object());
        let Some(kind) = Kind::of(object).or_else(|| filled_in.cloned()) else {
            return Err(refused(place, "no object of a cluster")
                .with_hint("each document needs `apiVersion` and `kind`"));
        };
        // Whatever has items is a list to kubectl, however it is called.
        if let Some(items) = object.get("items") {
            let items = match items {
                Value::Array(items) => items.as_slice(),
                Value::Null => &[],
                _ => return Err(refused(place, "`items` that are no list")),
            };
            let depth = depth
                .checked_sub(1)
                .ok_or_else(|| refused(place, "lists in lists in lists"))?;
            let single = kind.kind.strip_suffix("List").filter(|it| !it.is_empty());
            let single = single.map(|single| Kind {
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
            None if builtin::runs_nothing(&kind) || self.is_left_out(&kind) => return Ok(()),
            None => custom::images(object),
        };
        self.uses += images.as_ref().map_or(1, Vec::len);
        if self.uses > MOST {
            let text = format_args!("more than {MOST} images in manifests");
            return Err(Failure::new(FailureKind::Unavailable, text));
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

/// What a node reports in the status of a pod, by the pointer of the image,
/// <https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#containerstatus-v1-core>.
/// An `imageID` without a repository is the digest of a configuration, and of no manifest.
fn nodes(object: &Value) -> BTreeMap<String, PinnedReference> {
    let list = |part: &str, name: &str| -> Vec<Value> {
        let list = object.get(part).and_then(|part| part.get(name));
        list.and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let text = |value: &Value, field: &str| value.get(field)?.as_str().map(str::to_owned);
    let mut found = BTreeMap::new();
    for (containers, statuses) in [
        ("initContainers", "initContainerStatuses"),
        ("containers", "containerStatuses"),
        ("ephemeralContainers", "ephemeralContainerStatuses"),
    ] {
        let statuses = list("status", statuses);
        for (at, container) in list("spec", containers).iter().enumerate() {
            let Some(name) = text(container, "name") else {
                continue;
            };
            let mut same = statuses.iter();
            let status = same.find(|it| text(it, "name").as_ref() == Some(&name));
            let Some(id) = status.and_then(|status| text(status, "imageID")) else {
                continue;
            };
            let id = id.split_once("://").map_or(id.as_str(), |(_, id)| id);
            let reference = id.parse::<Reference>().ok();
            let pinned =
                reference.and_then(|it| Some(it.repository().pinned(it.digest()?.clone())));
            if let Some(pinned) = pinned {
                found.insert(format!("/spec/{containers}/{at}/image"), pinned);
            }
        }
    }
    found
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

/// Bytes of one file. Stops one that never ends.
const BYTES: u64 = 64 << 20;
/// Images in all manifests of one call.
const MOST: usize = 10_000;
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
        - {name: api, image: "a.test/api:1"}
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
  - {apiVersion: "", kind: "", spec: {containers: [{image: "a.test/unnamed:1"}]}}
---
# kubectl takes whatever has items for a list.
apiVersion: v1
kind: ConfigMap
items:
  - {apiVersion: v1, kind: Pod, spec: {containers: [{image: "a.test/hidden:1"}]}}
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
apiVersion: apps/v1
kind: ControllerRevision
data: {spec: {template: {spec: {containers: [{image: "a.test/revision:1"}]}}}}
"#,
        );
        let found = found.unwrap();
        assert_eq!(
            texts(&found),
            [
                "a.test/api:1",
                "a.test/pod:1",
                "a.test/listed:1",
                "a.test/unnamed:1",
                "a.test/hidden:1",
                "a.test/rollout:1",
                "a.test/old:1",
                "a.test/revision:1",
            ]
        );
        assert_eq!(found.objects[0].name, "Deployment pay/api");
        assert_eq!(found.objects[1].place, "all.yaml, document 2");
    }

    #[test]
    fn the_status_of_a_pod_says_what_its_tags_meant() {
        let (one, two) = (
            format!("sha256:{}", "a".repeat(64)),
            format!("sha256:{}", "b".repeat(64)),
        );
        let found = read(&format!(
            r#"
apiVersion: v1
kind: Pod
spec:
  containers:
    - {{name: a, image: "a.test/api:1"}}
    - {{name: b, image: "a.test/api:1"}}
    - {{name: c, image: "a.test/other:1"}}
status:
  containerStatuses:
    - {{name: b, imageID: "a.test/api@{two}"}}
    - {{name: a, imageID: "docker-pullable://a.test/api@{one}"}}
    - {{name: c, imageID: "{one}"}}
"#
        ));
        let nodes = &found.unwrap().objects[0].nodes;
        assert_eq!(nodes.len(), 2, "{nodes:?}");
        let at = |at: usize| nodes[&format!("/spec/containers/{at}/image")].to_string();
        assert_eq!(at(0), format!("a.test/api@{one}"));
        assert_eq!(at(1), format!("a.test/api@{two}"));
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_its_place() {
        let lists =
            "{apiVersion: v1, kind: List, items: [".repeat(LISTS + 1) + &"]}".repeat(LISTS + 1);
        for (text, expected) in [
            ("a: [", "all.yaml:1:"),
            ("kind: Pod\nkind: Pod\napiVersion: v1\n", "all.yaml:2:1: "),
            ("just text", "all.yaml: no object of a cluster"),
            ("{}", "no object of a cluster"),
            ("- a\n", "no object of a cluster"),
            ("", "no object in it"),
            ("---\n# Source: empty\n---\n", "no object in it"),
            (
                "apiVersion: v1\nkind: List\nitems: {a: 1}\n",
                "`items` that are no list",
            ),
            (
                "apiVersion: v1\nkind: PodList\nitems: [{kind: Pod}]\n",
                "no object of a cluster",
            ),
            (
                "apiVersion: v1\nkind: List\nitems: [{spec: {}}]\n",
                "no object of a cluster",
            ),
            (
                "apiVersion: v1\nkind: PodList\nitems: [7]\n",
                "no object of a cluster",
            ),
            (&lists, "lists in lists in lists"),
        ] {
            let failure = read(text).unwrap_err();
            assert!(failure.message().contains(expected), "{text}: {failure:?}");
        }
        let mut many = Manifests {
            uses: MOST,
            ..Manifests::default()
        };
        let pod = b"{apiVersion: v1, kind: Pod, spec: {containers: [{image: a.test/x}]}}";
        let failure = many.add(Path::new("x"), pod).unwrap_err();
        assert!(failure.message().contains("more than"), "{failure:?}");
    }

    #[test]
    fn what_is_not_understood_is_not_passed_over() {
        let one = |text: &str| {
            let found = read(text).unwrap();
            found.objects[0].images.clone().unwrap_err().to_string()
        };
        let empty = one("{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}}");
        assert!(empty.contains("a pod specification expected"), "{empty}");
        let application = "{apiVersion: argoproj.io/v1alpha1, kind: Application, spec: {}}";
        assert!(one(application).contains("names no image"));
        for kind in ["Application", "Application.argoproj.io"] {
            let mut found = Manifests {
                left_out: vec![kind.to_owned()],
                ..Manifests::default()
            };
            found.add(Path::new("x"), application.as_bytes()).unwrap();
            assert!(found.objects.is_empty(), "{kind}");
        }
    }
}
