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
            Some(arn) => is_arn(arn),
            None => id.strip_prefix("alias/").is_some_and(is_alias) || is_id(id),
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

/// Whether this can be the name of a region. It becomes a part of host names that credentials are
/// sent to, so nothing else may pass for one.
pub(crate) fn is_region(text: &str) -> bool {
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.len() <= 32
        && text.bytes().all(letters)
}

/// `PARTITION:kms:REGION:ACCOUNT:RESOURCE`.
fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let [partition, "kms", region, account, resource] = parts[..] else {
        return false;
    };
    let partition = partition.starts_with("aws")
        && partition
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b == b'-');
    partition
        && is_region(region)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && is_resource(resource)
}

fn is_resource(text: &str) -> bool {
    text.strip_prefix("key/").is_some_and(is_id)
        || text.strip_prefix("alias/").is_some_and(is_alias)
}

fn is_alias(name: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/');
    !name.is_empty() && name.bytes().all(letters)
}

/// A UUID, or the id of a multi-region key.
fn is_id(text: &str) -> bool {
    let id = text.strip_prefix("mrk-").unwrap_or(text);
    let digits = id.bytes().filter(u8::is_ascii_hexdigit).count();
    digits == 32 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}
