//! What a review asks for: which images would run that did not run before.
//!
//! A kind that is not in the [table](crate::workload) is refused: an object that is not understood
//! cannot be said to run nothing.

use std::collections::BTreeSet;

use super::review::Review;
use crate::workload::{ImageUse, Row, WorkloadError, excerpt};

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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::workload::Kind;

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
