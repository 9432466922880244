//! The expressions of `ImageValidatingPolicy` that ask what a policy of Bulla's can ask: those in the
//! form in which Kyverno's documentation writes them. Anything else is not taken.

/// What an expression asks of every image.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Check<'a> {
    /// So many of these attestors signed it.
    Signed {
        attestors: Vec<&'a str>,
        at_least: usize,
    },
    /// So many of these attestors made that statement about it.
    Attested {
        attestation: &'a str,
        attestors: Vec<&'a str>,
        at_least: usize,
    },
    /// That statement is a CycloneDX document.
    CycloneDx { attestation: &'a str },
}

/// Reads `images.containers.map(image, CHECK).all(e, e > 0)`. Which of a workload's images are looked
/// at makes no difference here, where all are.
pub(super) fn check(text: &str) -> Option<Check<'_>> {
    let mut rest = Words { rest: text };
    rest.words(&["images", "."])?;
    rest.name()?;
    rest.words(&[".", "map", "("])?;
    let image = rest.name()?;
    rest.words(&[","])?;
    let function = rest.name()?;
    rest.words(&["(", image])?;
    let check = match function {
        "verifyImageSignatures" => {
            rest.words(&[","])?;
            let attestors = rest.attestors()?;
            rest.words(&[")", ")"])?;
            let at_least = rest.at_least()?;
            Check::Signed {
                attestors,
                at_least,
            }
        }
        "verifyAttestationSignatures" => {
            rest.words(&[",", "attestations", "."])?;
            let attestation = rest.name()?;
            rest.words(&[","])?;
            let attestors = rest.attestors()?;
            rest.words(&[")", ")"])?;
            let at_least = rest.at_least()?;
            Check::Attested {
                attestation,
                attestors,
                at_least,
            }
        }
        "extractPayload" => {
            rest.words(&[",", "attestations", "."])?;
            let attestation = rest.name()?;
            rest.words(&[")", ".", "bomFormat", "=="])?;
            rest.words(&["'CycloneDX'"])
                .or_else(|| rest.words(&["\"CycloneDX\""]))?;
            rest.words(&[")", ".", "all", "("])?;
            let each = rest.name()?;
            rest.words(&[",", each, ")"])?;
            Check::CycloneDx { attestation }
        }
        _ => return None,
    };
    rest.rest.trim().is_empty().then_some(check)
}

struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    /// These, one after the other, with any space between.
    fn words(&mut self, words: &[&str]) -> Option<()> {
        let mut rest = self.rest;
        for word in words {
            rest = rest.trim_start().strip_prefix(word)?;
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if word.ends_with(is_name) && rest.starts_with(is_name) {
                return None;
            }
        }
        self.rest = rest;
        Some(())
    }

    fn name(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        begins.then(|| {
            self.rest = rest;
            name
        })
    }

    /// `[attestors.a, attestors.b]`.
    fn attestors(&mut self) -> Option<Vec<&'a str>> {
        self.words(&["["])?;
        let mut names = Vec::new();
        loop {
            self.words(&["attestors", "."])?;
            names.push(self.name()?);
            if self.words(&["]"]).is_some() {
                return Some(names);
            }
            self.words(&[","])?;
        }
    }

    /// `.all(e, e > 0)` or `.all(e, e >= 2)`.
    fn at_least(&mut self) -> Option<usize> {
        self.words(&[".", "all", "("])?;
        let each = self.name()?;
        self.words(&[",", each])?;
        let more = self.words(&[">="]).is_none();
        if more {
            self.words(&[">"])?;
        }
        let text = self.rest.trim_start();
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (digits, rest) = text.split_at(end);
        self.rest = rest;
        let count: usize = digits.parse().ok()?;
        self.words(&[")"])?;
        let count = if more { count.checked_add(1)? } else { count };
        (count > 0).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_documentation_writes_is_read() {
        let read = check(
            "images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e ,e > 0)",
        );
        let (a, one) = (vec!["a"], 1);
        assert_eq!(
            read,
            Some(Check::Signed {
                attestors: a.clone(),
                at_least: one
            })
        );
        let read = check(
            "images.containers.map(i,\n verifyAttestationSignatures(i, attestations.sbom ,[attestors.a, attestors.b]))\n.all(e, e >= 2)\n",
        );
        assert_eq!(
            read,
            Some(Check::Attested {
                attestation: "sbom",
                attestors: vec!["a", "b"],
                at_least: 2
            })
        );
        let read = check(
            "images.containers.map(image, extractPayload(image, attestations.sbom).bomFormat == 'CycloneDX').all(e, e)",
        );
        assert_eq!(
            read,
            Some(Check::CycloneDx {
                attestation: "sbom"
            })
        );
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "true",
            "images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e, e > 0) || true",
            "!images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e, e > 0)",
            "images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e, e >= 0)",
            "images.containers.map(image, verifyImageSignatures(image, [attestors.a])).exists(e, e > 0)",
            "images.containers.map(image, verifyImageSignatures(other, [attestors.a])).all(e, e > 0)",
            "images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e, f > 0)",
            "images.containers.map(image, verifyImageSignatures(image, [])).all(e, e > 0)",
            "images.containers.map(image, verifyImageSignatures(imagex, [attestors.a])).all(e, e > 0)",
            "images.containers.map(image, verifyImageSignatures(image, variables.a)).all(e, e > 0)",
            "images.containers.map(image, verifyImageSignatures(image, [attestors.a])).all(e, e > 99999999999999999999)",
        ] {
            assert_eq!(check(text), None, "{text}");
        }
    }
}
