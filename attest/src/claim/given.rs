//! Whole statements that somebody else wrote, to be signed as they are.

use bulla_model::{Digest, Limits, Statement, Subject};

use super::ClaimError;
use super::custom::check_shape;

/// A statement from a file, byte for byte, once it is known to be one and about exactly the subjects
/// that were named beside it: whoever signs knows what they named, and may not have read the file.
pub fn given(subjects: &[Subject], file: &[u8], limits: &Limits) -> Result<Vec<u8>, ClaimError> {
    let statement = Statement::parse(file, limits)?;
    check_shape(&statement)?;
    let meant: Vec<Digest> = subjects
        .iter()
        .filter_map(|one| one.digest.sha256())
        .collect();
    let names =
        |subject: &Subject, digest: &Digest| subject.digest.names(std::slice::from_ref(digest));
    let stranger = statement
        .subjects()
        .iter()
        .position(|subject| !meant.iter().any(|digest| names(subject, digest)));
    if let Some(index) = stranger {
        return Err(ClaimError::Stranger { index });
    }
    let missing = meant.into_iter().find(|digest| {
        !statement
            .subjects()
            .iter()
            .any(|subject| names(subject, digest))
    });
    match missing {
        Some(digest) => Err(ClaimError::Missing { digest }),
        None => Ok(file.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(digests: &[&Digest], predicate_type: &str) -> Vec<u8> {
        let subject = |digest: &&Digest| format!(r#"{{"digest":{{"sha256":"{}"}}}}"#, digest.hex());
        let subjects: Vec<String> = digests.iter().map(subject).collect();
        let subjects = subjects.join(",");
        format!(
            r#"{{ "_type": "https://in-toto.io/Statement/v1", "subject": [{subjects}], "predicateType": "{predicate_type}", "predicate": {{}} }}
"#
        )
        .into_bytes()
    }

    #[test]
    fn a_statement_is_signed_as_it_is_if_it_is_about_what_was_named() {
        let (one, other) = (Digest::sha256(b"one"), Digest::sha256(b"other"));
        let named = |digests: &[&Digest]| -> Vec<Subject> {
            let named = digests
                .iter()
                .map(|digest| Subject::named("a", (*digest).clone()));
            named.collect()
        };
        let limits = Limits::default();
        let any = "https://example.test/any/v1";
        let both = statement(&[&one, &other], any);
        assert_eq!(
            given(&named(&[&other, &one]), &both, &limits).unwrap(),
            both
        );
        let stranger = given(&named(&[&one]), &both, &limits).unwrap_err();
        assert!(
            matches!(stranger, ClaimError::Stranger { index: 1 }),
            "{stranger}"
        );
        let missing = given(&named(&[&one, &other]), &statement(&[&one], any), &limits);
        let missing = missing.unwrap_err();
        assert!(
            matches!(&missing, ClaimError::Missing { digest } if *digest == other),
            "{missing}"
        );
        // Where the type is known the predicate has to be of it, as in a file of its own.
        let shapeless = statement(&[&one], "https://slsa.dev/provenance/v1");
        let shapeless = given(&named(&[&one]), &shapeless, &limits).unwrap_err();
        assert!(matches!(shapeless, ClaimError::Predicate(_)), "{shapeless}");
        for text in ["", "{}", "[]"] {
            given(&named(&[&one]), text.as_bytes(), &limits).unwrap_err();
        }
    }
}
