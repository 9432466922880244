//! Kubernetes' own kinds: where each says which images it runs.
//!
//! The kinds are those of
//! <https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/>.

use serde_json::Value;

use super::Kind;

/// An image in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUse {
    /// JSON pointer to it.
    pub pointer: String,
    /// The reference as written.
    pub text: String,
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
    /// A kind that others define, in which no image was found.
    #[error("nobody here knows what an object of this kind runs, and it names no image")]
    Silent,
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
#[derive(Debug)]
pub struct Row {
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
/// Every distinct image costs a verification.
pub(super) const MAX_IMAGES: usize = 256;

impl Row {
    /// The row of a kind.
    pub fn of(kind: &Kind) -> Option<&'static Self> {
        ROWS.iter().find(|row| {
            row.group == kind.group
                && row.kind == kind.kind
                && row.versions.contains(&kind.version.as_str())
        })
    }

    /// The images of an object of this kind.
    pub fn images(&self, kind: &Kind, object: &Value) -> Result<Vec<ImageUse>, WorkloadError> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        if text("/kind") != Some(self.kind)
            || text("/apiVersion") != Some(kind.api_version().as_str())
        {
            return Err(WorkloadError::Mismatch { kind: self.kind });
        }
        self.images_in(object)
    }

    /// As [`Row::images`], of an object that something else says to be of this kind.
    pub(super) fn images_in(&self, object: &Value) -> Result<Vec<ImageUse>, WorkloadError> {
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

pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(100).collect()
}
