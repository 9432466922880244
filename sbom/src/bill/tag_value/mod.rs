//! SPDX 2.2 and 2.3 as tag-value, read into the objects that JSON has.
//!
//! <https://spdx.github.io/spdx-spec/v2.3/>. Only what a bill tells is kept; other tags are passed
//! over with their values. A field that may stand once and stands twice is refused, as is a field of
//! a package outside of one: readers would not agree on what it says.

mod fields;

use serde_json::{Map, Value};

use self::fields::{Field, Fields, is_tag};

pub use fields::TagValueError;

/// Whether the first line that says something is a tag with a value.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut telling = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
    telling.next().is_some_and(|line| {
        let tag = line.split(|byte| *byte == b':').next().unwrap_or_default();
        tag.len() < line.len() && is_tag(tag)
    })
}

pub(super) fn read(bytes: &[u8], limit: u64) -> Result<Value, TagValueError> {
    if bytes.len() as u64 > limit {
        let found = bytes.len() as u64;
        return Err(TagValueError::Size { limit, found });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| TagValueError::Encoding)?;
    let mut fields = Fields::of(text);
    let mut reader = Reader::default();
    while let Some(field) = fields.next()? {
        reader.take(&field)?;
    }
    Ok(reader.document())
}

/// What fields without a name of their own belong to.
#[derive(Default)]
enum Section {
    #[default]
    Document,
    Package,
    License,
    /// A file or a part of one: bills do not tell them.
    Other,
}

#[derive(Default)]
struct Reader {
    section: Section,
    document: Map<String, Value>,
    packages: Vec<Map<String, Value>>,
    licenses: Vec<Map<String, Value>>,
    relationships: Vec<Value>,
    kept: usize,
}

impl Reader {
    fn take(&mut self, field: &Field<'_>) -> Result<(), TagValueError> {
        match field.tag {
            "PackageName" => {
                self.section = Section::Package;
                self.packages.push(Map::new());
                self.keep(field, "PackageName", "name")
            }
            "LicenseID" => {
                self.section = Section::License;
                self.licenses.push(Map::new());
                self.keep(field, "LicenseID", "licenseId")
            }
            "FileName" | "SnippetSPDXID" => {
                self.section = Section::Other;
                Ok(())
            }
            "SPDXID" => match self.section {
                Section::Document | Section::Package => self.keep(field, "SPDXID", "SPDXID"),
                Section::License | Section::Other => Ok(()),
            },
            "Relationship" => {
                let parts = words(field, "Relationship")?;
                let names = ["spdxElementId", "relationshipType", "relatedSpdxElement"];
                self.count()?;
                self.relationships.push(object(names, parts));
                Ok(())
            }
            "ExternalRef" => {
                let parts = words(field, "ExternalRef")?;
                let names = ["referenceCategory", "referenceType", "referenceLocator"];
                self.add(field, "ExternalRef", "externalRefs", object(names, parts))
            }
            "PackageChecksum" => {
                let parts = field.value.split_once(':').ok_or(TagValueError::Value {
                    line: field.line,
                    tag: "PackageChecksum",
                })?;
                let parts = [parts.0.trim(), parts.1.trim()];
                let checksum = object(["algorithm", "checksumValue"], parts);
                self.add(field, "PackageChecksum", "checksums", checksum)
            }
            _ => {
                let known = SINGLE.iter().find(|(tag, _, _)| *tag == field.tag);
                known.map_or(Ok(()), |(tag, member, of)| match of {
                    Of::Document => self.set(field, tag, member),
                    Of::Package if !matches!(self.section, Section::Package) => {
                        Err(misplaced(field, tag))
                    }
                    Of::License if !matches!(self.section, Section::License) => {
                        Err(misplaced(field, tag))
                    }
                    Of::Package | Of::License => self.keep(field, tag, member),
                })
            }
        }
    }

    /// A field of the document, wherever it stands.
    fn set(
        &mut self,
        field: &Field<'_>,
        tag: &'static str,
        member: &str,
    ) -> Result<(), TagValueError> {
        self.count()?;
        insert(&mut self.document, field, tag, member)
    }

    /// A field of the section.
    fn keep(
        &mut self,
        field: &Field<'_>,
        tag: &'static str,
        member: &str,
    ) -> Result<(), TagValueError> {
        self.count()?;
        let object = match self.section {
            Section::Package => self.packages.last_mut(),
            Section::License => self.licenses.last_mut(),
            Section::Document | Section::Other => Some(&mut self.document),
        };
        let object = object.ok_or_else(|| misplaced(field, tag))?;
        insert(object, field, tag, member)
    }

    /// One more in a list of the package.
    fn add(
        &mut self,
        field: &Field<'_>,
        tag: &'static str,
        list: &str,
        value: Value,
    ) -> Result<(), TagValueError> {
        self.count()?;
        let package = match self.section {
            Section::Package => self.packages.last_mut(),
            _ => None,
        };
        let package = package.ok_or_else(|| misplaced(field, tag))?;
        let list = package
            .entry(list)
            .or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(value);
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), TagValueError> {
        self.kept = self.kept.saturating_add(1);
        if self.kept > FIELDS {
            return Err(TagValueError::Fields { limit: FIELDS });
        }
        Ok(())
    }

    fn document(self) -> Value {
        let mut document = self.document;
        if let Some(created) = document.remove(CREATED) {
            let creation = Map::from_iter([(CREATED.to_owned(), created)]);
            document.insert("creationInfo".to_owned(), Value::Object(creation));
        }
        let objects = |list: Vec<_>| list.into_iter().map(Value::Object).collect();
        let lists = [
            ("packages", objects(self.packages)),
            ("hasExtractedLicensingInfos", objects(self.licenses)),
            ("relationships", self.relationships),
        ];
        let lists = lists.map(|(name, list)| (name.to_owned(), Value::Array(list)));
        document.extend(lists);
        Value::Object(document)
    }
}

fn insert(
    object: &mut Map<String, Value>,
    field: &Field<'_>,
    tag: &'static str,
    member: &str,
) -> Result<(), TagValueError> {
    let before = object.insert(member.to_owned(), field.value.into());
    match before {
        Some(_) => Err(TagValueError::Repeated {
            line: field.line,
            tag,
        }),
        None => Ok(()),
    }
}

fn misplaced(field: &Field<'_>, tag: &'static str) -> TagValueError {
    TagValueError::Misplaced {
        line: field.line,
        tag,
    }
}

/// Two words, and what follows them.
fn words<'a>(field: &Field<'a>, tag: &'static str) -> Result<[&'a str; 3], TagValueError> {
    let parted = |text: &'a str| {
        let (word, rest) = text.split_once(char::is_whitespace)?;
        Some((word, rest.trim_start()))
    };
    let words = parted(field.value).and_then(|(first, rest)| {
        let (second, third) = parted(rest)?;
        (!third.is_empty()).then_some([first, second, third])
    });
    words.ok_or(TagValueError::Value {
        line: field.line,
        tag,
    })
}

fn object<const COUNT: usize>(names: [&str; COUNT], values: [&str; COUNT]) -> Value {
    let members = names.into_iter().zip(values);
    members
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect()
}

const CREATED: &str = "created";

/// What a field that may stand once belongs to.
enum Of {
    Document,
    Package,
    License,
}

/// Tags of fields that may stand once, and the members they are in JSON.
const SINGLE: [(&str, &str, Of); 13] = [
    ("SPDXVersion", "spdxVersion", Of::Document),
    ("DocumentNamespace", "documentNamespace", Of::Document),
    ("DocumentComment", "comment", Of::Document),
    ("Created", CREATED, Of::Document),
    ("PackageVersion", "versionInfo", Of::Package),
    ("PackageSupplier", "supplier", Of::Package),
    ("PackageLicenseConcluded", "licenseConcluded", Of::Package),
    ("PackageLicenseDeclared", "licenseDeclared", Of::Package),
    ("PackageSourceInfo", "sourceInfo", Of::Package),
    ("PackageComment", "comment", Of::Package),
    (
        "PrimaryPackagePurpose",
        "primaryPackagePurpose",
        Of::Package,
    ),
    ("ExtractedText", "extractedText", Of::License),
    ("LicenseName", "name", Of::License),
];

/// Fields that are kept. Stops documents of short lines that take far more memory than bytes.
const FIELDS: usize = 4_000_000;
