//! Parameters: texts of a layout that whoever verifies fills in.
//!
//! `{NAME}` stands for a parameter, `{{` and `}}` for braces, as the reference implementation reads
//! them (specification v1.0, section 4.3.2.1). Without parameters braces are braces.

use std::collections::BTreeMap;

use bulla_model::in_toto::{ArtifactRule, Layout};

/// The layout with its parameters filled in; the reason, if one is missing or none at all.
pub(super) fn substitute(
    layout: &Layout,
    parameters: &BTreeMap<String, String>,
) -> Result<Layout, String> {
    let mut layout = layout.clone();
    if parameters.is_empty() {
        return Ok(layout);
    }
    let text = |text: &str| replaced(text, parameters);
    let rules = |rules: &mut Vec<ArtifactRule>| -> Result<(), String> {
        for rule in rules {
            *rule = rule.replaced(text)?;
        }
        Ok(())
    };
    let words = |words: &mut Vec<String>| -> Result<(), String> {
        for word in words {
            *word = text(word)?;
        }
        Ok(())
    };
    for step in &mut layout.steps {
        rules(&mut step.expected_materials)?;
        rules(&mut step.expected_products)?;
        words(&mut step.expected_command)?;
    }
    for inspection in &mut layout.inspections {
        rules(&mut inspection.expected_materials)?;
        rules(&mut inspection.expected_products)?;
        words(&mut inspection.run)?;
    }
    Ok(layout)
}

fn replaced(text: &str, parameters: &BTreeMap<String, String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = from.strip_prefix("{{") {
            out.push('{');
            rest = after;
        } else if let Some(after) = from.strip_prefix("}}") {
            out.push('}');
            rest = after;
        } else {
            let inside = from.strip_prefix('{').and_then(|from| from.split_once('}'));
            let (name, after) = inside.ok_or("a brace stands alone")?;
            let value = parameters.get(name).ok_or_else(|| {
                let name: String = name.chars().take(60).collect();
                format!("`{name}`, which was not given")
            })?;
            out.push_str(value);
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_filled_in_once_and_none_is_guessed() {
        let parameters = BTreeMap::from([
            ("version".to_owned(), "1.2".to_owned()),
            ("odd".to_owned(), "{version}".to_owned()),
        ]);
        let read = |text: &str| replaced(text, &parameters);
        assert_eq!(read("app-{version}.tar").as_deref(), Ok("app-1.2.tar"));
        assert_eq!(read("{{{version}}}").as_deref(), Ok("{1.2}"));
        assert_eq!(
            read("{odd}").as_deref(),
            Ok("{version}"),
            "a value is no template"
        );
        for text in ["{other}", "{", "}", "{}", "{version", "a}b", "{version!r}"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
