//! Who made a document or supplies software.

use super::element::{Kind, Part};
use super::{Graph, named};

impl Graph {
    /// Who made the document.
    pub(super) fn organization(&mut self, text: &str) -> String {
        self.whoever("Organization", text, Kind::Organization)
    }

    /// Somebody of whom nobody says whether it is a person.
    pub(super) fn agent(&mut self, text: &str) -> String {
        self.whoever("Agent", text, Kind::Agent)
    }

    fn whoever(&mut self, word: &str, text: &str, kind: Kind) -> String {
        let (name, address) = parted(text);
        let id = self.add(&named(word, text), kind, Some(name));
        if let (Some(address), Some(agent)) = (address, self.elements.get_mut(&id)) {
            agent.external_identifier = vec![Part::ExternalIdentifier {
                external_identifier_type: "email",
                identifier: address.to_owned(),
            }];
        }
        id
    }
}

/// Name and address of `NAME <ADDRESS>`.
fn parted(text: &str) -> (&str, Option<&str>) {
    let parts = text.rsplit_once('<').and_then(|(name, rest)| {
        let address = rest.strip_suffix('>')?.trim();
        let name = name.trim();
        (!name.is_empty() && address.contains('@')).then_some((name, Some(address)))
    });
    parts.unwrap_or((text, None))
}

#[cfg(test)]
mod tests {
    use super::parted;

    #[test]
    fn only_an_address_behind_a_name_is_one() {
        let whole = [
            "Pay Team",
            "<pay@example.test>",
            "Pay <team>",
            "Pay <a@b> Team",
        ];
        for text in whole {
            assert_eq!(parted(text), (text, None));
        }
        let address = Some("pay@example.test");
        assert_eq!(parted("Pay Team <pay@example.test>"), ("Pay Team", address));
    }
}
