//! Licences as expressions, and texts that they refer to.

use std::collections::BTreeSet;

use super::element::{Kind, Part};
use super::{Graph, named};
use crate::License;
use crate::format::spdx::license::Texts;

impl Graph {
    /// Adds all of these licences, together; `None` if there are none.
    pub(super) fn declared(&mut self, licenses: &BTreeSet<License>) -> Option<String> {
        if licenses.is_empty() {
            return None;
        }
        let mut texts = Texts::default();
        let expression = texts.declared(licenses);
        let texts = texts.extracted().into_iter();
        let texts = texts.map(|one| {
            let kind = Kind::LicensingText {
                text: one.extracted_text,
            };
            let uri = self.add(&named("Text", &one.name), kind, Some(&one.name));
            (one.license_id, uri)
        });
        let texts = texts.collect();
        Some(self.expression(&expression, texts))
    }

    /// An expression, and where the texts are that it refers to.
    pub(super) fn expression(
        &mut self,
        expression: &str,
        texts: BTreeSet<(String, String)>,
    ) -> String {
        // References are short. Two that are the same may stand for different texts.
        let places = texts.iter().map(|(_, uri)| uri.as_str());
        let parts: Vec<_> = std::iter::once(expression).chain(places).collect();
        let name = named("License", &parts.join("\n"));
        let entry = |(key, value)| Part::DictionaryEntry { key, value };
        let kind = Kind::Expression {
            expression: expression.to_owned(),
            texts: texts.into_iter().map(entry).collect(),
        };
        self.add(&name, kind, None)
    }
}
