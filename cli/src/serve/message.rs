//! What whoever asked is told: one line for each image, and what the audit log keeps.

use std::collections::{BTreeMap, BTreeSet};

use bulla_model::Digest;
use bulla_verify::Decision;

use super::judgement::Judgement;
use super::review::{Answer, Review, Status};
use crate::escape::escape;

/// An image of a request, judged.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The reference as written in the object.
    pub image: String,
    /// What to type to mean exactly this: repository and digest, as far as known.
    pub reference: String,
    /// What the message calls it where no service is known.
    pub name: String,
    /// The digest, if one was found.
    pub digest: Option<Digest>,
    /// What was found out.
    pub judgement: Judgement,
    /// Whether the answer was remembered.
    pub remembered: bool,
}

impl Judged {
    /// Names this decision in messages, annotations and the log: 4 hexadecimal characters.
    pub fn decision_id(&self, uid: &str, environment: &str) -> String {
        let thing = self
            .digest
            .as_ref()
            .map_or_else(|| self.image.clone(), ToString::to_string);
        let digest = Digest::sha256(format!("{uid}\n{thing}\n{environment}").as_bytes());
        digest.hex().chars().take(4).collect()
    }

    /// The refusal in one line: what, why, which decision, and what to type next.
    fn line(&self, uid: &str, environment: &str) -> String {
        let Judgement { code, reason, .. } = &self.judgement;
        let unknown = self.judgement.decision == Decision::Undetermined;
        let answer = if unknown {
            "could not be checked for"
        } else {
            "is not allowed in"
        };
        let id = self.decision_id(uid, environment);
        let decision = format!("{answer} {environment} [{code}] decision {id}");
        let Some(digest) = &self.digest else {
            return format!("{} {decision}: {reason}", self.image);
        };
        let name = self.judgement.service.as_ref().unwrap_or(&self.name);
        let why = format!("bulla why {} --env {environment}", self.reference);
        if unknown {
            format!("{name} {digest} {decision}: {reason}; {why}")
        } else {
            format!("{name} {digest} {decision}; {why}")
        }
    }
}

/// The answer to a request whose new images were judged.
pub fn answer(
    review: &Review,
    environment: &str,
    judged: &[Judged],
    unchanged: &BTreeSet<String>,
) -> Answer {
    let bad: Vec<_> = judged
        .iter()
        .filter(|image| image.judgement.decision != Decision::Allow)
        .collect();
    let mut annotations = BTreeMap::from([("environment".to_owned(), environment.to_owned())]);
    let mut annotate = |key: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            annotations.insert(key.to_owned(), cut(&lines.join("; "), ANNOTATION));
        }
    };
    let decision = |image: &Judged| {
        let id = image.decision_id(&review.uid, environment);
        let what = image
            .digest
            .as_ref()
            .map_or_else(|| plain(&image.image), ToString::to_string);
        format!("{id} {} {what}", image.judgement.code)
    };
    annotate("decisions", judged.iter().map(decision).collect());
    let policies: BTreeSet<_> = judged
        .iter()
        .filter_map(|image| image.judgement.policy.clone())
        .collect();
    annotate("policy", policies.into_iter().collect());
    annotate("exceptions", exceptions(review, environment, judged));
    annotate(
        "unchanged",
        unchanged.iter().map(|image| plain(image)).collect(),
    );
    Answer {
        uid: review.uid.clone(),
        allowed: bad.is_empty(),
        status: status(&bad, &review.uid, environment),
        audit_annotations: annotations,
        warnings: warnings(judged, bad.is_empty()),
    }
}

/// The refusal of a request that could not be looked into.
pub fn refusal(uid: &str, environment: &str, code: &'static str, reason: &str) -> Answer {
    let reason = cut(reason, LINE);
    Answer {
        uid: uid.to_owned(),
        allowed: false,
        status: Some(Status {
            status: "Failure",
            message: format!("not allowed in {environment} [{code}]: {reason}"),
            reason: "Forbidden",
            code: 403,
        }),
        audit_annotations: BTreeMap::from([
            ("environment".to_owned(), environment.to_owned()),
            ("refused".to_owned(), code.to_owned()),
        ]),
        warnings: Vec::new(),
    }
}

/// The answer to a request that brings in no image.
pub fn nothing(uid: &str, environment: &str, because: &str) -> Answer {
    Answer {
        uid: uid.to_owned(),
        allowed: true,
        status: None,
        audit_annotations: BTreeMap::from([
            ("environment".to_owned(), environment.to_owned()),
            ("skipped".to_owned(), because.to_owned()),
        ]),
        warnings: Vec::new(),
    }
}

fn status(bad: &[&Judged], uid: &str, environment: &str) -> Option<Status> {
    if bad.is_empty() {
        return None;
    }
    let mut lines: Vec<_> = bad
        .iter()
        .take(SHOWN)
        .map(|image| cut(&image.line(uid, environment), LINE))
        .collect();
    if bad.len() > SHOWN {
        lines.push(format!("and {} more images", bad.len() - SHOWN));
    }
    let unknown = bad
        .iter()
        .all(|image| image.judgement.decision == Decision::Undetermined);
    let (reason, code) = if unknown {
        ("ServiceUnavailable", 503)
    } else {
        ("Forbidden", 403)
    };
    Some(Status {
        status: "Failure",
        message: lines.join("\n"),
        reason,
        code,
    })
}

/// An image as somebody wrote it: nothing in it passes for the words around it, or for another entry.
fn plain(image: &str) -> String {
    let shown = |it: char| {
        let is_plain = it.is_ascii_alphanumeric() || ":/._-+@".contains(it);
        if is_plain { it } else { '?' }
    };
    image.chars().map(shown).collect()
}

/// By which steps around the gates images are allowed, each with the decision it belongs to.
fn exceptions(review: &Review, environment: &str, judged: &[Judged]) -> Vec<String> {
    let lines = judged.iter().flat_map(|image| {
        let id = image.decision_id(&review.uid, environment);
        let exceptions = image.judgement.exceptions.iter();
        exceptions.map(move |one| format!("{id} {}", one.annotation(environment)))
    });
    lines.collect()
}

/// What runs around the gates is said first: of many warnings the last are left out.
fn warnings(judged: &[Judged], allowed: bool) -> Vec<String> {
    let name = |image: &Judged| {
        let service = image.judgement.service.clone();
        service.unwrap_or_else(|| image.name.clone())
    };
    let around = judged.iter().filter(|_| allowed).flat_map(|image| {
        let exceptions = image.judgement.exceptions.iter();
        exceptions.filter_map(|one| one.warning(&name(image), WARNING))
    });
    let others = judged.iter().flat_map(|image| {
        let warnings = image.judgement.warnings.iter();
        warnings.map(|warning| cut(&format!("{}: {warning}", name(image)), WARNING))
    });
    let mut told = Vec::new();
    for line in around.chain(others) {
        if !told.contains(&line) && told.len() < WARNINGS {
            told.push(line);
        }
    }
    told
}

/// Makes text safe to show and at most `longest` characters long.
pub(super) fn cut(text: &str, longest: usize) -> String {
    let safe = escape(text);
    if safe.chars().count() <= longest {
        return safe.into_owned();
    }
    safe.chars()
        .take(longest.saturating_sub(1))
        .chain(['…'])
        .collect()
}

/// The API server cuts warnings at 256 characters, and all of them together at 4096.
const WARNING: usize = 120;
const WARNINGS: usize = 16;
const LINE: usize = 800;
const ANNOTATION: usize = 4096;
const SHOWN: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Kind;

    fn review() -> Review {
        Review {
            uid: "u1".into(),
            kind: Kind::default(),
            sub_resource: String::new(),
            operation: "CREATE".into(),
            namespace: String::new(),
            name: String::new(),
            user: String::new(),
            dry_run: false,
            object: serde_json::Value::Null,
            old_object: serde_json::Value::Null,
        }
    }

    fn judged(decision: Decision) -> Judged {
        let digest = Digest::sha256(b"x");
        Judged {
            image: format!("a.test/pay/api:1@{digest}"),
            reference: format!("a.test/pay/api@{digest}"),
            name: "a.test/pay/api".into(),
            digest: Some(digest),
            judgement: Judgement {
                decision,
                code: "approvals-missing",
                reason: "1 of 2\u{1b}[2J".into(),
                service: Some("pay-api".into()),
                policy: None,
                warnings: vec!["w".repeat(300)],
                exceptions: Vec::new(),
                until: None,
            },
            remembered: false,
        }
    }

    fn told(image: Judged) -> Answer {
        answer(&review(), "prod", &[image], &BTreeSet::new())
    }

    #[test]
    fn a_refusal_names_service_digest_finding_decision_and_command() {
        let image = judged(Decision::Deny);
        let digest = image.digest.clone().unwrap();
        let id = image.decision_id("u1", "prod");
        let answer = told(image);
        let status = answer.status.unwrap();
        assert_eq!(
            status.message,
            format!(
                "pay-api {digest} is not allowed in prod [approvals-missing] decision {id}; bulla why a.test/pay/api@{digest} --env prod"
            )
        );
        assert_eq!((answer.allowed, status.code), (false, 403));
        assert_eq!(
            answer.audit_annotations["decisions"],
            format!("{id} approvals-missing {digest}")
        );
    }

    #[test]
    fn not_knowing_is_refused_and_said() {
        let status = told(judged(Decision::Undetermined)).status.unwrap();
        assert_eq!(status.code, 503);
        assert!(status.message.contains("could not be checked for prod"));
        assert!(
            !status.message.contains('\u{1b}'),
            "control characters are escaped"
        );
        let mut unnamed = judged(Decision::Deny);
        unnamed.digest = None;
        assert!(
            told(unnamed)
                .status
                .unwrap()
                .message
                .ends_with("1 of 2\\u{1b}[2J")
        );
    }

    #[test]
    fn warnings_are_short_and_said_once() {
        let answer = answer(
            &review(),
            "prod",
            &[judged(Decision::Allow), judged(Decision::Allow)],
            &BTreeSet::from(["a.test/old:1".to_owned()]),
        );
        assert!(answer.allowed && answer.status.is_none());
        assert_eq!(answer.warnings.len(), 1);
        assert_eq!(answer.warnings[0].chars().count(), 120);
        assert_eq!(answer.audit_annotations["unchanged"], "a.test/old:1");
    }

    #[test]
    fn an_image_s_name_is_no_other_entry() {
        let written = "x; 7f3a allowed sha256:00";
        let mut unnamed = judged(Decision::Deny);
        unnamed.digest = None;
        unnamed.image = written.into();
        let images = BTreeSet::from([written.to_owned()]);
        let answer = answer(&review(), "prod", &[unnamed], &images);
        for key in ["decisions", "unchanged"] {
            let told = &answer.audit_annotations[key];
            assert!(told.ends_with("x??7f3a?allowed?sha256:00"), "{told}");
        }
    }
}
