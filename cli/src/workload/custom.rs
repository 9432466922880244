//! Kinds that others define (Rollouts, Workflows, Tasks, what an operator reads): nobody here has their
//! table, but what they call an image is nearly always the same.
//!
//! More is asked about than will run rather than less: an image that is named and never pulled costs a
//! verification, one that is overlooked costs the question its sense. What runs nothing can be left out
//! by its kind.

use serde_json::Value;

use super::table::{ImageUse, MAX_IMAGES, WorkloadError};

/// Every image that an object of such a kind names, with its pointer:
///
/// * `image`, `imageName` and whatever ends in `Image`, if it is a text and no URL;
/// * `image` with `reference` in it, as in volumes.
///
/// An `image` of any other form is an error, because nobody here knows what it stands for, and so is an
/// object that names none.
pub(super) fn images(object: &Value) -> Result<Vec<ImageUse>, WorkloadError> {
    let mut search = Search {
        path: Vec::new(),
        found: Vec::new(),
    };
    for (name, part) in object.as_object().into_iter().flatten() {
        // What describes the object, and what a cluster wrote about it, runs nothing.
        if name != "metadata" && name != "status" {
            search.member(name, part)?;
        }
    }
    if search.found.is_empty() {
        return Err(WorkloadError::Silent);
    }
    Ok(search.found)
}

struct Search<'v> {
    path: Vec<Segment<'v>>,
    found: Vec<ImageUse>,
}

enum Segment<'v> {
    Member(&'v str),
    Element(usize),
}

impl<'v> Search<'v> {
    fn member(&mut self, name: &'v str, part: &'v Value) -> Result<(), WorkloadError> {
        self.path.push(Segment::Member(name));
        match (name, part) {
            ("image", Value::Object(members)) => match members.get("reference") {
                Some(Value::String(text)) if !text.is_empty() => {
                    self.path.push(Segment::Member("reference"));
                    self.add(text)?;
                    self.path.pop();
                }
                _ if members.is_empty() => {}
                _ => return Err(self.shape()),
            },
            // A list of objects is searched like everything else.
            ("image" | "images", Value::Array(elements))
                if elements.iter().any(Value::is_string) =>
            {
                return Err(self.shape());
            }
            ("image" | "imageName", Value::String(text)) => self.add(text)?,
            (name, Value::String(text)) if name.ends_with("Image") => self.add(text)?,
            _ => {}
        }
        self.inside(part)?;
        self.path.pop();
        Ok(())
    }

    fn inside(&mut self, value: &'v Value) -> Result<(), WorkloadError> {
        match value {
            Value::Object(members) => {
                for (name, part) in members {
                    self.member(name, part)?;
                }
            }
            Value::Array(elements) => {
                for (at, part) in elements.iter().enumerate() {
                    self.path.push(Segment::Element(at));
                    self.inside(part)?;
                    self.path.pop();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, text: &str) -> Result<(), WorkloadError> {
        // Empty is what an operator fills in by itself; a picture has a scheme.
        if text.is_empty() || text.contains("://") {
            return Ok(());
        }
        if self.found.len() >= MAX_IMAGES {
            return Err(WorkloadError::TooMany { limit: MAX_IMAGES });
        }
        self.found.push(ImageUse {
            pointer: self.pointer(),
            text: text.to_owned(),
        });
        Ok(())
    }

    fn shape(&self) -> WorkloadError {
        WorkloadError::Shape {
            expected: "an image in one text",
            pointer: self.pointer(),
        }
    }

    /// RFC 6901 section 3; long names are cut.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for segment in &self.path {
            pointer.push('/');
            match segment {
                Segment::Element(at) => pointer.push_str(&at.to_string()),
                Segment::Member(name) => {
                    let name: String = name.chars().take(SEGMENT).collect();
                    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                }
            }
        }
        pointer
    }
}

/// Characters of a member's name in a pointer.
const SEGMENT: usize = 100;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
                "imageName": "postgres:16",
                "sidecarImage": "a.test/side",
                "backgroundImage": "https://a.test/x.png",
                "logo": {"image": {}},
                "image": "",
                "images": [{"image": "a.test/listed"}],
            },
        });
        let mut found: Vec<_> = images(&rollout)
            .unwrap()
            .into_iter()
            .map(|image| (image.pointer, image.text))
            .collect();
        found.sort();
        let expected = [
            ("/spec/imageName", "postgres:16"),
            ("/spec/images/0/image", "a.test/listed"),
            ("/spec/sidecarImage", "a.test/side"),
            ("/spec/steps/0/a~1b/image", "a.test/step"),
            ("/spec/template/spec/containers/0/image", "a.test/app:1"),
            (
                "/spec/template/spec/volumes/0/image/reference",
                "a.test/model:1",
            ),
        ];
        let expected = expected.map(|(pointer, text)| (pointer.to_owned(), text.to_owned()));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_an_image_stands_for_is_not_guessed() {
        for form in [
            json!({"image": {"repository": "a.test/app", "tag": "1"}}),
            json!({"image": {"url": "a.test/app"}}),
            json!({"image": ["a.test/app"]}),
            json!({"images": ["a.test/app"]}),
        ] {
            let error = images(&json!({"spec": form})).unwrap_err().to_string();
            assert!(
                error.starts_with("an image in one text expected at /spec/image"),
                "{error}"
            );
        }
        assert_eq!(images(&json!({"spec": {}})), Err(WorkloadError::Silent));
        let many: Vec<_> = (0..=MAX_IMAGES)
            .map(|at| json!({"image": at.to_string()}))
            .collect();
        let error = images(&json!({"spec": many})).unwrap_err();
        assert_eq!(error, WorkloadError::TooMany { limit: MAX_IMAGES });
    }
}
