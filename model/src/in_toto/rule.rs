//! Artifact rules: what a step may take in and give out.

use std::fmt;

use serde::{Serialize, Serializer};

use super::MetadataError;

/// A rule over the artifacts of a step or inspection (specification v1.0, section 4.3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtifactRule {
    /// Consumes products that are no materials.
    Create(String),
    /// Consumes materials that are no products.
    Delete(String),
    /// Consumes artifacts that are both, with different digests.
    Modify(String),
    /// Consumes artifacts.
    Allow(String),
    /// Fails if an artifact is there that no earlier rule consumed.
    Disallow(String),
    /// Fails if this artifact, a path and no pattern, is not there.
    Require(String),
    /// Consumes artifacts that are the same in another step.
    Match(MatchRule),
}

/// `MATCH PATTERN [IN PREFIX] WITH (MATERIALS|PRODUCTS) [IN PREFIX] FROM STEP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchRule {
    /// The pattern, over paths below the prefixes.
    pub pattern: String,
    /// The folder of this step's artifacts.
    pub source_prefix: Option<String>,
    /// Which artifacts of the other step are meant.
    pub side: ArtifactSide,
    /// The folder of the other step's artifacts.
    pub destination_prefix: Option<String>,
    /// The other step.
    pub step: String,
}

/// What went in, or what came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArtifactSide {
    /// What went in.
    Materials,
    /// What came out.
    Products,
}

impl ArtifactRule {
    /// Reads a rule; keywords are read in any case, as the reference implementation does.
    pub fn read(words: &[String]) -> Result<Self, MetadataError> {
        let refused = || {
            let text: String = words.join(" ").chars().take(120).collect();
            MetadataError::Rule { rule: text }
        };
        let (keyword, rest) = words.split_first().ok_or_else(refused)?;
        if keyword.eq_ignore_ascii_case("MATCH") {
            return read_match(rest).map(Self::Match).ok_or_else(refused);
        }
        let [pattern] = rest else {
            return Err(refused());
        };
        let pattern = pattern.clone();
        Ok(match keyword.to_ascii_uppercase().as_str() {
            "CREATE" => Self::Create(pattern),
            "DELETE" => Self::Delete(pattern),
            "MODIFY" => Self::Modify(pattern),
            "ALLOW" => Self::Allow(pattern),
            "DISALLOW" => Self::Disallow(pattern),
            "REQUIRE" => Self::Require(pattern),
            _ => return Err(refused()),
        })
    }

    /// The same rule with every text that is no keyword replaced.
    pub fn replaced<E>(&self, replace: impl Fn(&str) -> Result<String, E>) -> Result<Self, E> {
        let optional = |text: &Option<String>| text.as_deref().map(&replace).transpose();
        Ok(match self {
            Self::Create(text) => Self::Create(replace(text)?),
            Self::Delete(text) => Self::Delete(replace(text)?),
            Self::Modify(text) => Self::Modify(replace(text)?),
            Self::Allow(text) => Self::Allow(replace(text)?),
            Self::Disallow(text) => Self::Disallow(replace(text)?),
            Self::Require(text) => Self::Require(replace(text)?),
            Self::Match(rule) => Self::Match(MatchRule {
                pattern: replace(&rule.pattern)?,
                source_prefix: optional(&rule.source_prefix)?,
                side: rule.side,
                destination_prefix: optional(&rule.destination_prefix)?,
                step: replace(&rule.step)?,
            }),
        })
    }
}

fn read_match(words: &[String]) -> Option<MatchRule> {
    let mut words = words.iter();
    let mut next = || words.next();
    let is = |word: &String, keyword: &str| word.eq_ignore_ascii_case(keyword);
    // An empty prefix is none, as the reference implementation reads it.
    let prefix = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let pattern = next()?.clone();
    let mut word = next()?;
    let mut source_prefix = None;
    if is(word, "IN") {
        source_prefix = prefix(next()?);
        word = next()?;
    }
    if !is(word, "WITH") {
        return None;
    }
    let side = match next()? {
        word if is(word, "MATERIALS") => ArtifactSide::Materials,
        word if is(word, "PRODUCTS") => ArtifactSide::Products,
        _ => return None,
    };
    word = next()?;
    let mut destination_prefix = None;
    if is(word, "IN") {
        destination_prefix = prefix(next()?);
        word = next()?;
    }
    if !is(word, "FROM") {
        return None;
    }
    let step = next()?.clone();
    next().is_none().then_some(MatchRule {
        pattern,
        source_prefix,
        side,
        destination_prefix,
        step,
    })
}

impl fmt::Display for ArtifactRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(text) => write!(f, "CREATE {text}"),
            Self::Delete(text) => write!(f, "DELETE {text}"),
            Self::Modify(text) => write!(f, "MODIFY {text}"),
            Self::Allow(text) => write!(f, "ALLOW {text}"),
            Self::Disallow(text) => write!(f, "DISALLOW {text}"),
            Self::Require(text) => write!(f, "REQUIRE {text}"),
            Self::Match(rule) => {
                write!(f, "MATCH {}", rule.pattern)?;
                if let Some(prefix) = &rule.source_prefix {
                    write!(f, " IN {prefix}")?;
                }
                write!(f, " WITH {}", rule.side)?;
                if let Some(prefix) = &rule.destination_prefix {
                    write!(f, " IN {prefix}")?;
                }
                write!(f, " FROM {}", rule.step)
            }
        }
    }
}

impl fmt::Display for ArtifactSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Materials => "MATERIALS",
            Self::Products => "PRODUCTS",
        })
    }
}

impl Serialize for ArtifactRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ArtifactRule, MetadataError> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        ArtifactRule::read(&words)
    }

    #[test]
    fn rules_are_read_and_written() {
        for text in [
            "CREATE a",
            "DELETE a",
            "MODIFY a",
            "ALLOW *",
            "DISALLOW *",
            "REQUIRE a",
            "MATCH * WITH PRODUCTS FROM b",
            "MATCH * IN x WITH MATERIALS FROM b",
            "MATCH * WITH PRODUCTS IN y FROM b",
            "MATCH * IN x WITH PRODUCTS IN y FROM b",
            "MATCH in IN in WITH PRODUCTS IN from FROM with",
        ] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        assert_eq!(read("disallow *"), read("DISALLOW *"));
        assert_eq!(
            read("match * IN  with products from b")
                .unwrap()
                .to_string(),
            "MATCH * WITH PRODUCTS FROM b",
            "an empty prefix is none"
        );
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "",
            "ALLOW",
            "ALLOW a b",
            "PERMIT a",
            "MATCH *",
            "MATCH * WITH FILES FROM b",
            "MATCH * WITH PRODUCTS FROM",
            "MATCH * WITH PRODUCTS FROM b c",
            "MATCH * IN x FROM b",
            "MATCH * WITH PRODUCTS IN y",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(ArtifactRule::read(&[]).is_err());
    }
}
