//! `awskms://[ENDPOINT]/ID`, where ID is a key's id, its alias or the ARN of either.

/// A key of AWS KMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsKey {
    /// Host and port of the service, where it is not the region's own.
    pub endpoint: Option<String>,
    /// Id, `alias/NAME` or ARN.
    pub id: String,
}

impl AwsKey {
    pub(super) fn read(rest: &str) -> Option<Self> {
        let (endpoint, id) = rest.split_once('/')?;
        let sound = match id.strip_prefix("arn:") {
            Some(arn) => {
                arn.rsplit(':').next().is_some_and(is_resource) && arn.matches(':').count() == 4
            }
            None => id.starts_with("alias/") && id.len() > 6 || is_id(id),
        };
        let host = endpoint
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
        (sound && host && id.len() <= 2048 && !id.contains(char::is_whitespace)).then(|| Self {
            endpoint: (!endpoint.is_empty()).then(|| endpoint.to_owned()),
            id: id.to_owned(),
        })
    }

    /// The region an ARN names.
    pub fn region(&self) -> Option<&str> {
        self.id.strip_prefix("arn:")?.split(':').nth(2)
    }
}

fn is_resource(text: &str) -> bool {
    text.strip_prefix("key/").is_some_and(is_id)
        || text
            .strip_prefix("alias/")
            .is_some_and(|name| !name.is_empty())
}

/// A UUID, or the id of a multi-region key.
fn is_id(text: &str) -> bool {
    let id = text.strip_prefix("mrk-").unwrap_or(text);
    let digits = id.bytes().filter(u8::is_ascii_hexdigit).count();
    digits == 32 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}
