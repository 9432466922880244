//! What a tree, or the other spelling, has no place for.

use std::fmt;

/// Something that was said and is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// Where: `bom/components/component[3]`, or `byte 120`.
    pub place: String,
    /// What.
    pub lost: Lost,
}

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// An element or attribute of another namespace; signatures are such.
    Foreign,
    /// An attribute that no version of CycloneDX has there; its schemas of XML allow any.
    Attribute,
    /// An element that no version of CycloneDX has there.
    Unknown,
    /// Text between elements.
    Text,
    /// An element that may stand there once, for the second time.
    Repeated,
    /// Digits of a number that has more than can be held.
    Digits,
    /// That a list or a value is there, but empty.
    Empty,
    /// A member that XML has no element for; signatures are such.
    Member,
    /// That it was another kind of value, as `null` or a number for a text.
    Kind,
    /// The space around a text of a kind that has none in XML, as addresses.
    Space,
    /// A character that XML cannot have.
    Character,
    /// More of the same document: so many are not listed.
    More,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign => "of another namespace",
            Self::Attribute | Self::Unknown => "not of CycloneDX",
            Self::Text => "text between elements",
            Self::Repeated => "said twice",
            Self::Digits => "more digits than can be held",
            Self::Empty => "empty",
            Self::Member => "has no place in XML",
            Self::Kind => "another kind of value",
            Self::Space => "space around it",
            Self::Character => "a character that XML cannot have",
            Self::More => "and more",
        })
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place.escape_debug(), self.lost)
    }
}

/// Losses so far, and the place that is being read or written.
#[derive(Debug, Default)]
pub(super) struct Losses {
    found: Vec<Loss>,
    place: Vec<(&'static str, usize)>,
}

impl Losses {
    /// Goes into an element or member; of a list with its number, from 1.
    pub(super) fn enter(&mut self, name: &'static str, number: usize) {
        self.place.push((name, number));
    }

    pub(super) fn leave(&mut self) {
        self.place.pop();
    }

    /// Something here, or of the given name here, is lost.
    pub(super) fn add(&mut self, name: &str, lost: Lost) {
        if self.found.len() > MOST {
            return;
        }
        if self.found.len() == MOST {
            self.push(String::new(), Lost::More);
            return;
        }
        let mut place = String::new();
        for (name, number) in &self.place {
            if !place.is_empty() && !name.is_empty() {
                place.push('/');
            }
            place.push_str(name);
            if *number > 0 {
                place.extend(["[", &number.to_string(), "]"]);
            }
        }
        if !name.is_empty() {
            if !place.is_empty() {
                place.push('/');
            }
            place.extend(name.chars().take(LONGEST));
        }
        self.push(place, lost);
    }

    fn push(&mut self, place: String, lost: Lost) {
        self.found.push(Loss { place, lost });
    }

    pub(super) fn into_vec(self) -> Vec<Loss> {
        self.found
    }
}

/// Characters of what a document calls something. Stops one name from filling memory in many losses.
const LONGEST: usize = 200;

/// Losses of one document that are listed. Stops a document of nothing else from filling memory.
const MOST: usize = 1000;
