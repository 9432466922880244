//! `-a KEY=VALUE`: what a signer adds to a signature, and a verifier asks for.

/// A name and its value.
pub type Annotation = (String, String);

/// Reads `KEY=VALUE`. Names of our own are not for the taking: they say when something was signed.
pub fn annotation(text: &str) -> Result<Annotation, String> {
    match text.split_once('=') {
        Some((name, _)) if name.starts_with("https://bulla.dev/") => {
            Err("names that begin with https://bulla.dev/ are written by bulla".to_owned())
        }
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}
