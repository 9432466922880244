//! What is taken back, in words.

use bulla_model::predicate::revocation::{Range, RevokedSigner, Target};
use bulla_model::{Digest, Edge};

/// One line, for who is asked whether it is meant.
pub(super) fn target(target: &Target) -> String {
    match target {
        Target::Subject { digest } => format!("artifact {digest}"),
        Target::Attestation { payload } => format!("statement {payload}"),
        Target::Edge {
            edge,
            service,
            subjects,
        } => {
            let of = service.as_ref().map(|name| format!(" of {name}"));
            format!(
                "step {}{}{}",
                step(edge),
                of.unwrap_or_default(),
                held(subjects)
            )
        }
        Target::Signer { signer, range } => format!("{}{}", by(signer), span(range)),
        Target::Builder { id, version, range } => {
            let parts = version.iter().map(|(name, is)| format!(" {name}={is}"));
            let parts: String = parts.collect();
            format!("builder {id}{parts}{}", span(range))
        }
        Target::Component { purl } => format!("component {purl}"),
        Target::Lift { payload } => format!("revocation {payload}, which is over"),
        Target::Unknown(other) => serde_json::to_string(other).unwrap_or_default(),
    }
}

fn step(edge: &Edge) -> String {
    let from = edge.from.as_ref();
    let from = from.map_or_else(|| "build".to_owned(), ToString::to_string);
    let to = &edge.to;
    let audience = if to.audience.is_empty() {
        String::new()
    } else {
        format!(" for {}", to.audience.join(", "))
    };
    format!("{from} -> {} ({}){audience}", to.uri, edge.kind)
}

fn held(subjects: &[Digest]) -> String {
    let each = subjects.iter().map(|digest| format!(" {digest}"));
    each.collect()
}

fn by(signer: &RevokedSigner) -> String {
    match signer {
        RevokedSigner::Certificate { issuer, subject } => {
            format!("signer {subject} of {issuer}")
        }
        RevokedSigner::Key { key_id } => format!("signer with the key {key_id}"),
    }
}

fn span(range: &Range) -> String {
    let from = range.not_before.map(|time| format!(" from {time}"));
    let until = range.not_after.map(|time| format!(" until {time}"));
    format!("{}{}", from.unwrap_or_default(), until.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use bulla_model::predicate::revocation::Target;
    use serde_json::json;

    fn words(target: serde_json::Value) -> String {
        super::target(&serde_json::from_value::<Target>(target).unwrap())
    }

    #[test]
    fn each_kind_says_all_that_is_meant() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(
            words(json!({"kind": "subject", "digest": digest})),
            format!("artifact {digest}")
        );
        let edge = json!({
            "kind": "edge",
            "edge": {
                "kind": "hotfix",
                "from": "env://acme/pay/dev",
                "to": {"uri": "env://acme/pay/prod", "audience": ["eu"]},
            },
            "service": "pay",
            "subjects": [digest],
        });
        assert_eq!(
            words(edge),
            format!(
                "step env://acme/pay/dev -> env://acme/pay/prod (hotfix) for eu of pay {digest}"
            )
        );
        let signer = json!({
            "kind": "signer",
            "signer": {"kind": "certificate", "issuer": "https://idp.example", "subject": "ci"},
            "notBefore": "2026-11-20T00:00:00Z",
        });
        assert_eq!(
            words(signer),
            "signer ci of https://idp.example from 2026-11-20T00:00:00Z"
        );
        let builder = json!({
            "kind": "builder",
            "id": "https://ci.example",
            "version": {"runner": "2.1"},
            "notAfter": "2026-11-21T00:00:00Z",
        });
        assert_eq!(
            words(builder),
            "builder https://ci.example runner=2.1 until 2026-11-21T00:00:00Z"
        );
        assert_eq!(
            words(json!({"kind": "component", "purl": "pkg:npm/left-pad@1.3.0"})),
            "component pkg:npm/left-pad@1.3.0"
        );
    }
}
