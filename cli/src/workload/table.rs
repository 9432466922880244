//! Workloads: which images a Kubernetes object would run.
//!
//! The kinds are those of Kubernetes itself,
//! <https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/>. Whatever else reaches the
//! webhook is refused: an object that is not understood cannot be said to run nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::review::{Kind, Review};

/// What a review asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing that could bring in an image.
    Nothing {
        /// Why, for the audit log.
        because: &'static str,
    },
    /// These images would run.
    Images {
        /// Added or changed, in order of appearance.
        new: Vec<ImageUse>,
        /// In the stored object too, sorted.
        unchanged: BTreeSet<String>,
    },
}

/// An image in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUse {
    /// JSON pointer to it.
    pub pointer: String,
    /// The reference as written.
    pub text: String,
}

impl Work {
    /// Finds out what a review asks for.
    pub fn of(review: &Review) -> Result<Self, WorkloadError> {
        let nothing = |because| Ok(Self::Nothing { because });
        match review.operation.as_str() {
            "DELETE" => return nothing("deletion"),
            "CREATE" | "UPDATE" | "CONNECT" => {}
            other => {
                return Err(WorkloadError::Operation {
                    found: excerpt(other),
                });
            }
        }
        if WITHOUT_IMAGES.contains(&review.sub_resource.as_str()) {
            return nothing("a subresource without images");
        }
        let row = Row::of(&review.kind).ok_or_else(|| WorkloadError::Kind {
            found: excerpt(&format!(
                "{} {}",
                review.kind.api_version(),
                review.kind.kind
            )),
        })?;
        // The server sets this on deletion and lets nobody change it.
        let deleting = review.old_object.pointer("/metadata/deletionTimestamp");
        if review.operation == "UPDATE" && deleting.is_some_and(|time| !time.is_null()) {
            return nothing("the object is being deleted");
        }
        let images = row.images(&review.kind, &review.object)?;
        // An old object that cannot be read excuses nothing.
        let old: BTreeSet<String> = match review.operation.as_str() {
            "UPDATE" => row.images(&review.kind, &review.old_object),
            _ => Ok(Vec::new()),
        }
        .unwrap_or_default()
        .into_iter()
        .map(|image| image.text)
        .collect();
        let (unchanged, new): (Vec<_>, Vec<_>) = images
            .into_iter()
            .partition(|image| old.contains(&image.text));
        Ok(Self::Images {
            new,
            unchanged: unchanged.into_iter().map(|image| image.text).collect(),
        })
    }
}

/// Why it cannot be said which images an object runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadError {
    /// A kind that is not in the table.
    #[error("{} is not handled, so nobody knows what it would run", found.escape_debug())]
    Kind {
        /// Version and kind, cut short.
        found: String,
    },
    /// The object is not of the kind the request names.
    #[error("the object is no {kind}")]
    Mismatch {
        /// The kind expected.
        kind: &'static str,
    },
    /// A container or volume names no image.
    #[error("no image at {}", pointer.escape_debug())]
    NoImage {
        /// JSON pointer to where one should be.
        pointer: String,
    },
    /// An operation that is not known.
    #[error("the operation `{}` is not known", found.escape_debug())]
    Operation {
        /// What was found, cut short.
        found: String,
    },
    /// Something has another shape than the API says.
    #[error("{expected} expected at {}", pointer.escape_debug())]
    Shape {
        /// What should be there.
        expected: &'static str,
        /// JSON pointer to it.
        pointer: String,
    },
    /// More images than anybody runs.
    #[error("more than {limit} images in one object")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

/// A kind, and where its pod specification is.
struct Row {
    group: &'static str,
    versions: &'static [&'static str],
    kind: &'static str,
    pod: &'static str,
}

const ROWS: &[Row] = &[
    row("", &["v1"], "Pod", "/spec"),
    row("", &["v1"], EPHEMERAL, ""),
    row("", &["v1"], "PodTemplate", "/template/spec"),
    row("", &["v1"], "ReplicationController", "/spec/template/spec"),
    row("apps", &["v1"], "DaemonSet", "/spec/template/spec"),
    row("apps", &["v1"], "Deployment", "/spec/template/spec"),
    row("apps", &["v1"], "ReplicaSet", "/spec/template/spec"),
    row("apps", &["v1"], "StatefulSet", "/spec/template/spec"),
    row("batch", &["v1"], "Job", "/spec/template/spec"),
    row(
        "batch",
        &["v1", "v1beta1"],
        "CronJob",
        "/spec/jobTemplate/spec/template/spec",
    ),
];

const fn row(
    group: &'static str,
    versions: &'static [&'static str],
    kind: &'static str,
    pod: &'static str,
) -> Row {
    Row {
        group,
        versions,
        kind,
        pod,
    }
}

/// Before Kubernetes 1.23 the subresource was an object of its own: only the list.
const EPHEMERAL: &str = "EphemeralContainers";
/// Lists of containers in a pod specification.
const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];
/// Subresources through which no image can come in.
const WITHOUT_IMAGES: [&str; 8] = [
    "attach",
    "binding",
    "eviction",
    "exec",
    "portforward",
    "proxy",
    "scale",
    "status",
];
/// Every distinct image costs a verification.
const MAX_IMAGES: usize = 256;

impl Row {
    fn of(kind: &Kind) -> Option<&'static Self> {
        ROWS.iter().find(|row| {
            row.group == kind.group
                && row.kind == kind.kind
                && row.versions.contains(&kind.version.as_str())
        })
    }

    fn images(&self, kind: &Kind, object: &Value) -> Result<Vec<ImageUse>, WorkloadError> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        if text("/kind") != Some(self.kind)
            || text("/apiVersion") != Some(kind.api_version().as_str())
        {
            return Err(WorkloadError::Mismatch { kind: self.kind });
        }
        let shape = |expected, pointer: &str| WorkloadError::Shape {
            expected,
            pointer: pointer.to_owned(),
        };
        let pod = object
            .pointer(self.pod)
            .filter(|pod| pod.is_object())
            .ok_or_else(|| shape("a pod specification", self.pod))?;
        let mut images = Vec::new();
        for list in CONTAINERS {
            for (pointer, container) in elements(pod, self.pod, list)? {
                images.push(image(container, &format!("{pointer}/image"), "image")?);
            }
        }
        if images.is_empty() && self.kind != EPHEMERAL {
            return Err(shape("a container", &format!("{}/containers", self.pod)));
        }
        for (pointer, volume) in elements(pod, self.pod, "volumes")? {
            match volume.get("image") {
                None | Some(Value::Null) => {}
                Some(source) => {
                    images.push(image(
                        source,
                        &format!("{pointer}/image/reference"),
                        "reference",
                    )?);
                }
            }
        }
        if images.len() > MAX_IMAGES {
            return Err(WorkloadError::TooMany { limit: MAX_IMAGES });
        }
        Ok(images)
    }
}

/// The objects in a list, with their pointers; no list is an empty one.
fn elements<'a>(
    pod: &'a Value,
    at: &str,
    list: &str,
) -> Result<Vec<(String, &'a Value)>, WorkloadError> {
    let pointer = format!("{at}/{list}");
    let values = match pod.get(list) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(values)) => values,
        Some(_) => {
            return Err(WorkloadError::Shape {
                expected: "a list",
                pointer,
            });
        }
    };
    let element = |(index, value): (usize, &'a Value)| {
        let pointer = format!("{pointer}/{index}");
        if value.is_object() {
            Ok((pointer, value))
        } else {
            Err(WorkloadError::Shape {
                expected: "an object",
                pointer,
            })
        }
    };
    values.iter().enumerate().map(element).collect()
}

fn image(holder: &Value, pointer: &str, field: &str) -> Result<ImageUse, WorkloadError> {
    let pointer = pointer.to_owned();
    match holder.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(ImageUse {
            pointer,
            text: text.clone(),
        }),
        None | Some(Value::Null | Value::String(_)) => Err(WorkloadError::NoImage { pointer }),
        Some(_) => Err(WorkloadError::Shape {
            expected: "a text",
            pointer,
        }),
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn review(group: &str, version: &str, kind: &str, object: Value) -> Review {
        let kind = Kind {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        };
        let mut object = object;
        object["kind"] = json!(kind.kind);
        object["apiVersion"] = json!(kind.api_version());
        Review {
            uid: "u".into(),
            kind,
            sub_resource: String::new(),
            operation: "CREATE".into(),
            namespace: String::new(),
            name: String::new(),
            user: String::new(),
            dry_run: false,
            object,
            old_object: Value::Null,
        }
    }

    fn pod_spec() -> Value {
        json!({
            "initContainers": [{"name": "i", "image": "a.test/init:1"}],
            "containers": [{"name": "c", "image": "a.test/app:1"}],
            "ephemeralContainers": [{"name": "e", "image": "a.test/debug:1"}],
            "volumes": [
                {"name": "m", "image": {"reference": "a.test/model:1", "pullPolicy": "Always"}},
                {"name": "t", "emptyDir": {}},
            ],
        })
    }

    fn new_images(review: &Review) -> Vec<String> {
        match Work::of(review).unwrap() {
            Work::Images { new, .. } => new.into_iter().map(|image| image.text).collect(),
            nothing @ Work::Nothing { .. } => panic!("{nothing:?}"),
        }
    }

    #[test]
    fn images_are_found_in_every_kind() {
        let all = [
            "a.test/init:1",
            "a.test/app:1",
            "a.test/debug:1",
            "a.test/model:1",
        ];
        let template = json!({"spec": {"template": {"spec": pod_spec()}}});
        let cron = json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": pod_spec()}}}}});
        for (group, version, kind, object) in [
            ("", "v1", "Pod", json!({"spec": pod_spec()})),
            (
                "",
                "v1",
                "PodTemplate",
                json!({"template": {"spec": pod_spec()}}),
            ),
            ("", "v1", "ReplicationController", template.clone()),
            ("apps", "v1", "Deployment", template.clone()),
            ("apps", "v1", "ReplicaSet", template.clone()),
            ("apps", "v1", "StatefulSet", template.clone()),
            ("apps", "v1", "DaemonSet", template.clone()),
            ("batch", "v1", "Job", template),
            ("batch", "v1", "CronJob", cron.clone()),
            ("batch", "v1beta1", "CronJob", cron),
            ("", "v1", "EphemeralContainers", pod_spec()),
        ] {
            assert_eq!(
                new_images(&review(group, version, kind, object)),
                all,
                "{kind}"
            );
        }
    }

    #[test]
    fn an_update_asks_only_for_what_it_changes() {
        let mut asked = review("", "v1", "Pod", json!({"spec": pod_spec()}));
        asked.operation = "UPDATE".into();
        asked.old_object = asked.object.clone();
        assert!(new_images(&asked).is_empty());
        asked.object["spec"]["containers"][0]["image"] = json!("a.test/app:2");
        assert_eq!(new_images(&asked), ["a.test/app:2"]);
        asked.operation = "CREATE".into();
        assert_eq!(
            new_images(&asked).len(),
            4,
            "a creation has nothing to compare with"
        );
        asked.operation = "UPDATE".into();
        asked.old_object["spec"]["containers"] = json!("x");
        assert_eq!(
            new_images(&asked).len(),
            4,
            "an unreadable old object excuses nothing"
        );
    }

    #[test]
    fn what_brings_no_image_is_let_through() {
        let skipped = |review: &Review| matches!(Work::of(review), Ok(Work::Nothing { .. }));
        let mut asked = review("", "v1", "Pod", json!({"spec": pod_spec()}));
        asked.operation = "DELETE".into();
        assert!(skipped(&asked));
        asked.operation = "UPDATE".into();
        asked.sub_resource = "status".into();
        assert!(skipped(&asked));
        asked.sub_resource = String::new();
        asked.object["metadata"] = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
        assert!(
            !skipped(&asked),
            "only what is stored says that it is being deleted"
        );
        asked.old_object = asked.object.clone();
        assert!(skipped(&asked));
        asked.operation = "CREATE".into();
        assert!(!skipped(&asked));
        let mut scale = review("autoscaling", "v1", "Scale", json!({}));
        scale.operation = "UPDATE".into();
        assert!(matches!(Work::of(&scale), Err(WorkloadError::Kind { .. })));
        scale.sub_resource = "scale".into();
        assert!(skipped(&scale));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let refused = |review: &Review| Work::of(review).unwrap_err().to_string();
        let rollout = review("argoproj.io", "v1alpha1", "Rollout", json!({}));
        assert!(refused(&rollout).contains("argoproj.io/v1alpha1 Rollout is not handled"));
        let old = review("apps", "v1beta1", "Deployment", json!({}));
        assert!(refused(&old).contains("not handled"));
        let empty = review("apps", "v1", "Deployment", json!({"spec": {}}));
        assert!(refused(&empty).contains("/spec/template/spec"));
        for (spec, expected) in [
            (json!({}), "a container expected at /spec/containers"),
            (json!({"containers": {}}), "a list expected"),
            (json!({"containers": ["x"]}), "an object expected"),
            (
                json!({"containers": [{}]}),
                "no image at /spec/containers/0/image",
            ),
            (json!({"containers": [{"image": 7}]}), "a text expected"),
        ] {
            let asked = review("", "v1", "Pod", json!({"spec": spec}));
            assert!(refused(&asked).contains(expected), "{}", refused(&asked));
        }
        let mut asked = review("", "v1", "Pod", json!({"spec": pod_spec()}));
        asked.object["kind"] = json!("ConfigMap");
        assert_eq!(refused(&asked), "the object is no Pod");
        asked.operation = "PATCH".into();
        assert!(refused(&asked).contains("PATCH"));
    }
}
