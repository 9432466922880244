//! Kinds that others define (Rollouts, Workflows, Tasks, what an operator reads): nobody here has their
//! table, but what they call an image is nearly always the same.
//!
//! More is asked about than will run rather than less: an image that is named and never pulled costs a
//! verification, one that is overlooked costs the question its sense.

use bulla_model::Reference;
use serde_json::Value;

use super::table::{ImageUse, WorkloadError};

/// Every image that an object of such a kind names, with its pointer:
///
/// * `image`, a text; or an object with `reference`, as in volumes;
/// * `imageName` and whatever ends in `Image`, where the text is a reference with a host.
///
/// An `image` that is put together of parts (`repository`, `tag`) is an error: nobody here knows how.
pub(super) fn images(object: &Value) -> Result<Vec<ImageUse>, WorkloadError> {
    let mut found = Vec::new();
    for (name, part) in object.as_object().into_iter().flatten() {
        // What describes the object, and what a cluster wrote about it, runs nothing.
        if name != "metadata" && name != "status" {
            field(name, part, &format!("/{}", escape(name)), &mut found)?;
        }
    }
    Ok(found)
}

fn walk(value: &Value, pointer: &str, found: &mut Vec<ImageUse>) -> Result<(), WorkloadError> {
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, part)| {
            field(name, part, &format!("{pointer}/{}", escape(name)), found)
        }),
        Value::Array(elements) => {
            let mut elements = elements.iter().enumerate();
            elements.try_for_each(|(at, part)| walk(part, &format!("{pointer}/{at}"), found))
        }
        _ => Ok(()),
    }
}

fn field(
    name: &str,
    part: &Value,
    pointer: &str,
    found: &mut Vec<ImageUse>,
) -> Result<(), WorkloadError> {
    let mut add = |pointer: String, text: &str| {
        found.push(ImageUse {
            pointer,
            text: text.to_owned(),
        });
    };
    match (name, part) {
        // Empty is what an operator fills in by itself.
        ("image", Value::String(text)) if !text.is_empty() => add(pointer.to_owned(), text),
        ("image", Value::Object(members)) => match members.get("reference") {
            Some(Value::String(text)) => add(format!("{pointer}/reference"), text),
            _ if PARTS.iter().any(|part| members.get(*part).is_some()) => {
                return Err(WorkloadError::Shape {
                    expected: "an image in one text",
                    pointer: pointer.to_owned(),
                });
            }
            _ => {}
        },
        (name, Value::String(text)) if name == "imageName" || name.ends_with("Image") => {
            let reference: Option<Reference> = text.parse().ok();
            if reference.is_some_and(|it| it.tag().is_some() || it.digest().is_some()) {
                add(pointer.to_owned(), text);
            }
        }
        _ => {}
    }
    walk(part, pointer, found)
}

/// What charts and operators put an image together of.
const PARTS: [&str; 5] = ["digest", "name", "registry", "repository", "tag"];

/// A member's name in a JSON pointer, RFC 6901 section 3.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(object: &Value) -> Vec<(String, String)> {
        let images = images(object).unwrap();
        let pairs = images.into_iter().map(|image| (image.pointer, image.text));
        pairs.collect()
    }

    #[test]
    fn images_are_found_wherever_they_are_called_so() {
        let rollout = json!({
            "metadata": {"annotations": {"image": "not this"}},
            "status": {"image": "nor this"},
            "spec": {
                "template": {"spec": {
                    "containers": [{"image": "a.test/app:1"}],
                    "volumes": [{"image": {"reference": "a.test/model:1"}}],
                }},
                "steps": [{"a/b": {"image": "a.test/step"}}],
                "imageName": "a.test/postgres:16",
                "sidecarImage": "a.test/side:1",
                "backgroundImage": "https://a.test/x.png",
                "boxImage": "plain",
                "logo": {"image": {"width": 3}},
                "image": "",
            },
        });
        let expected = [
            ("/spec/imageName", "a.test/postgres:16"),
            ("/spec/sidecarImage", "a.test/side:1"),
            ("/spec/steps/0/a~1b/image", "a.test/step"),
            ("/spec/template/spec/containers/0/image", "a.test/app:1"),
            (
                "/spec/template/spec/volumes/0/image/reference",
                "a.test/model:1",
            ),
        ];
        let mut found = found(&rollout);
        found.sort();
        let expected = expected.map(|(pointer, text)| (pointer.to_owned(), text.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn an_image_in_parts_is_not_guessed() {
        let object = json!({"spec": {"image": {"repository": "a.test/app", "tag": "1"}}});
        let error = images(&object).unwrap_err().to_string();
        assert_eq!(error, "an image in one text expected at /spec/image");
    }
}
