//! What `docker buildx build --metadata-file` and `docker buildx bake --metadata-file` write.
//!
//! <https://docs.docker.com/reference/cli/docker/buildx/build/#metadata-file>: for a build one
//! object, for a bake one object for each target.

use bulla_model::{Digest, JsonError, Limits, json};
use serde_json::Value;

/// An image a build pushed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuiltImage {
    /// Its name as the build was told, for example `registry.example.com/pay/api:1.8`.
    pub name: String,
    /// Digest of its manifest or index.
    pub digest: Digest,
}

/// The images in a metadata file, sorted by name.
pub fn built_images(document: &[u8], limits: &Limits) -> Result<Vec<BuiltImage>, BuildxError> {
    json::check(document, limits.bundle_bytes, limits.json_depth)?;
    let document: Value = serde_json::from_slice(document).map_err(|_| BuildxError::Shape)?;
    let members = document.as_object().ok_or(BuildxError::Shape)?;
    let builds: Vec<&Value> = if members.contains_key(DIGEST) {
        vec![&document]
    } else {
        members
            .values()
            .filter(|target| target.get(DIGEST).is_some())
            .collect()
    };
    let mut images = Vec::new();
    for build in builds {
        let digest = build
            .get(DIGEST)
            .and_then(Value::as_str)
            .and_then(|text| text.parse::<Digest>().ok())
            .ok_or(BuildxError::Digest)?;
        let names = build.get(NAME).and_then(Value::as_str).unwrap_or_default();
        let names: Vec<_> = names
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        if names.is_empty() {
            return Err(BuildxError::Name { digest });
        }
        images.extend(names.into_iter().map(|name| BuiltImage {
            name: name.to_owned(),
            digest: digest.clone(),
        }));
    }
    if images.is_empty() {
        return Err(BuildxError::Nothing);
    }
    images.sort();
    images.dedup();
    Ok(images)
}

/// Why a metadata file names no images.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildxError {
    /// The file is not strict JSON.
    #[error("no JSON document: {0}")]
    Json(#[from] JsonError),
    /// The file is JSON but no object.
    #[error("a metadata file of buildx is a JSON object")]
    Shape,
    /// A digest is none.
    #[error("`containerimage.digest` is no digest")]
    Digest,
    /// An image was built without a name, so that it is in no registry.
    #[error("the build of {digest} has no `image.name`: it was pushed nowhere")]
    Name {
        /// Digest of the image.
        digest: Digest,
    },
    /// There is no image in it.
    #[error("no image in the metadata file: expected `containerimage.digest`")]
    Nothing,
}

const DIGEST: &str = "containerimage.digest";
const NAME: &str = "image.name";

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6";

    fn read(text: &str) -> Result<Vec<BuiltImage>, String> {
        let text = text.replace("HEX", HEX);
        built_images(text.as_bytes(), &Limits::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_build_and_a_bake_name_their_images() {
        let build = r#"{"containerimage.digest": "sha256:HEX", "buildx.build.ref": "b/b/x",
            "image.name": "a.test/pay:1,a.test/pay:latest"}"#;
        let names: Vec<_> = read(build)
            .unwrap()
            .into_iter()
            .map(|image| image.name)
            .collect();
        assert_eq!(names, ["a.test/pay:1", "a.test/pay:latest"]);
        let bake = r#"{"web": {"containerimage.digest": "sha256:HEX", "image.name": "a.test/web"},
            "api": {"containerimage.digest": "sha256:HEX", "image.name": "a.test/api"},
            "buildx.build.warnings": []}"#;
        let images = read(bake).unwrap();
        assert_eq!(images[0].name, "a.test/api");
        assert_eq!(images[1].digest.hex(), HEX);
    }

    #[test]
    fn what_names_no_pushed_image_is_refused() {
        for (text, expected) in [
            ("[]", "is a JSON object"),
            ("{", "no JSON document"),
            (r#"{"a": 1, "a": 2}"#, "no JSON document"),
            ("{}", "no image in the metadata file"),
            (
                r#"{"containerimage.digest": "sha256:00", "image.name": "a"}"#,
                "is no digest",
            ),
            (
                r#"{"containerimage.digest": 7, "image.name": "a"}"#,
                "is no digest",
            ),
            (
                r#"{"containerimage.digest": "sha256:HEX"}"#,
                "pushed nowhere",
            ),
            (
                r#"{"containerimage.digest": "sha256:HEX", "image.name": " , "}"#,
                "pushed nowhere",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
