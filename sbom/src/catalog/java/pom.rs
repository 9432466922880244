//! `pom.xml`: what Maven was told about a module.
//!
//! POM reference of Maven 3.9, <https://maven.apache.org/pom.html>. What a parent says is not in
//! the file, and properties of others stay unknown.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

/// What one file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pom {
    pub(super) group: Option<String>,
    pub(super) artifact: Option<String>,
    pub(super) version: Option<String>,
    pub(super) description: Option<String>,
    pub(super) homepage: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) repository: Option<String>,
    pub(super) licenses: Vec<String>,
    pub(super) dependencies: Vec<Dependency>,
    /// Versions for dependencies that say none, here and in what has this as its parent.
    pub(super) managed: Vec<Dependency>,
    /// The parent's coordinates and its place.
    pub(super) parent: Option<Parent>,
    pub(super) properties: BTreeMap<String, String>,
    /// Bytes of the file, where somebody counts them.
    pub(super) length: usize,
}

/// The module that a module takes over from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
    /// Where it is from the folder of the module; empty means nowhere here.
    pub(super) path: Option<String>,
}

/// A module that another one needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
    pub(super) scope: String,
    pub(super) optional: bool,
}

impl Pom {
    /// Reads a file that stands alone; an error says what is wrong with its XML.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut pom = Self::unfilled(bytes)?;
        let known = pom.known(&BTreeMap::new());
        pom.fill(&known);
        Ok(pom)
    }

    /// Reads a file, and leaves placeholders in their places.
    pub(super) fn unfilled(bytes: &[u8]) -> Result<Self, String> {
        let file = String::from_utf8_lossy(bytes);
        let mut reader = Reader::from_str(&file);
        let mut pom = Self::default();
        let mut path: Vec<String> = Vec::new();
        let mut text = String::new();
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(element) => {
                    if path.len() >= DEPTH {
                        return Err("its elements lie too deep in each other".to_owned());
                    }
                    let name = element.local_name();
                    path.push(name.as_ref().to_owned());
                    text.clear();
                    pom.begin(&path);
                }
                Event::Text(part) => text.push_str(&part),
                Event::CData(part) => text.push_str(&part),
                Event::GeneralRef(entity) => {
                    text.push_str(
                        quick_xml::escape::resolve_predefined_entity(&entity).unwrap_or_default(),
                    );
                }
                Event::End(_) => {
                    pom.take(&path, text.trim());
                    path.pop();
                    text.clear();
                }
                Event::Eof if path.is_empty() => break,
                Event::Eof => return Err("it ends in the middle".to_owned()),
                _ => {}
            }
        }
        if pom == Self::default() {
            return Err("it says nothing of a project".to_owned());
        }
        Ok(pom)
    }

    fn begin(&mut self, path: &[String]) {
        match at(path).as_str() {
            "project/dependencies/dependency" => self.dependencies.push(Dependency::default()),
            MANAGED => self.managed.push(Dependency::default()),
            "project/parent" => self.parent = Some(Parent::default()),
            _ => {}
        }
    }

    fn take(&mut self, path: &[String], text: &str) {
        let place = at(path);
        if let (Some(name), Some(parent)) =
            (place.strip_prefix("project/parent/"), &mut self.parent)
        {
            parent.take(name, text);
        }
        if text.is_empty() || text.len() > LONGEST {
            return;
        }
        if let Some(name) = place.strip_prefix("project/properties/") {
            self.properties.insert(name.to_owned(), text.to_owned());
            return;
        }
        if let Some(name) = place.strip_prefix("project/dependencies/dependency/") {
            if let Some(dependency) = self.dependencies.last_mut() {
                dependency.take(name, text);
            }
            return;
        }
        let managed = place
            .strip_prefix(MANAGED)
            .and_then(|rest| rest.strip_prefix('/'));
        if let Some(name) = managed {
            if let Some(dependency) = self.managed.last_mut() {
                dependency.take(name, text);
            }
            return;
        }
        let text = text.to_owned();
        match place.as_str() {
            "project/groupId" => self.group = Some(text),
            "project/artifactId" => self.artifact = Some(text),
            "project/version" => self.version = Some(text),
            // A parent's, unless the project says its own.
            "project/parent/groupId" => self.group = self.group.take().or(Some(text)),
            "project/parent/version" => self.version = self.version.take().or(Some(text)),
            "project/description" => self.description = Some(text),
            "project/url" => self.homepage = Some(text),
            "project/organization/name" => self.organization = Some(text),
            "project/scm/url" => self.repository = Some(text),
            "project/licenses/license/name" => self.licenses.push(text),
            _ => {}
        }
    }

    /// What placeholders stand for: what others say, then the module itself.
    pub(super) fn known(&self, inherited: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let own = [
            ("groupId", self.group.clone()),
            ("artifactId", self.artifact.clone()),
            ("version", self.version.clone()),
        ];
        let mut known = inherited.clone();
        known.extend(self.properties.clone());
        if let Some(parent) = &self.parent {
            known.insert("project.parent.groupId".to_owned(), parent.group.clone());
            known.insert("project.parent.version".to_owned(), parent.version.clone());
        }
        for (name, value) in own {
            let Some(value) = value else { continue };
            for prefix in ["project.", "pom.", ""] {
                known.insert(format!("{prefix}{name}"), value.clone());
            }
        }
        known
    }

    /// Puts what is known in the places of placeholders; what stays one is not known.
    pub(super) fn fill(&mut self, known: &BTreeMap<String, String>) {
        let texts = [
            &mut self.group,
            &mut self.artifact,
            &mut self.version,
            &mut self.description,
            &mut self.homepage,
            &mut self.repository,
        ];
        for text in texts {
            *text = text.take().and_then(|text| resolved(&text, known));
        }
        for dependency in self.dependencies.iter_mut().chain(&mut self.managed) {
            let texts = [
                &mut dependency.group,
                &mut dependency.artifact,
                &mut dependency.version,
            ];
            for text in texts {
                *text = resolved(text, known).unwrap_or_default();
            }
        }
    }
}

impl Dependency {
    fn take(&mut self, name: &str, text: &str) {
        let field = match name {
            "groupId" => &mut self.group,
            "artifactId" => &mut self.artifact,
            "version" => &mut self.version,
            "scope" => &mut self.scope,
            "optional" => {
                self.optional = text == "true";
                return;
            }
            _ => return,
        };
        text.clone_into(field);
    }

    /// Whether a program needs it when it runs.
    pub(super) fn is_needed(&self) -> bool {
        !["test", "provided", "system", "import"].contains(&self.scope.as_str())
    }
}

impl Parent {
    fn take(&mut self, name: &str, text: &str) {
        match name {
            "groupId" => text.clone_into(&mut self.group),
            "artifactId" => text.clone_into(&mut self.artifact),
            "version" => text.clone_into(&mut self.version),
            "relativePath" => self.path = Some(text.to_owned()),
            _ => {}
        }
    }
}

fn at(path: &[String]) -> String {
    path.join("/")
}

/// A text with its placeholders filled; `None` if one is not known.
fn resolved(text: &str, known: &BTreeMap<String, String>) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..PASSES {
        let Some(start) = text.find("${") else {
            return Some(text);
        };
        let end = start.saturating_add(text.get(start..)?.find('}')?);
        let name = text.get(start.saturating_add(2)..end)?;
        let value = known.get(name)?;
        text = format!(
            "{}{value}{}",
            text.get(..start)?,
            text.get(end.saturating_add(1)..)?
        );
        if text.len() > LONGEST {
            return None;
        }
    }
    None
}

/// Where versions for others stand.
const MANAGED: &str = "project/dependencyManagement/dependencies/dependency";

/// How deep elements may lie in each other: what is read lies five deep.
const DEPTH: usize = 64;

/// Longer texts are no names.
const LONGEST: usize = 4096;

/// Placeholders in one text, and in what takes their place.
const PASSES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_and_a_parent_say_what_the_project_does_not() {
        let pom = Pom::parse(
            br"<project xmlns='http://maven.apache.org/POM/4.0.0'>
                <parent><groupId>org.example</groupId><artifactId>all</artifactId><version>2.1</version></parent>
                <artifactId>pay</artifactId>
                <properties><codec>1.${minor}</codec><minor>4</minor></properties>
                <licenses><license><name>Apache-2.0</name></license></licenses>
                <dependencies>
                  <dependency><groupId>${project.groupId}</groupId><artifactId>codec</artifactId><version>${codec}</version></dependency>
                  <dependency><groupId>junit</groupId><artifactId>junit</artifactId><scope>test</scope></dependency>
                  <dependency><groupId>x</groupId><artifactId>y</artifactId><version>${unknown}</version></dependency>
                </dependencies>
                <build><plugins><plugin><dependencies><dependency><groupId>no</groupId></dependency></dependencies></plugin></plugins></build>
              </project>",
        )
        .unwrap();
        let known = |text: &Option<String>| text.clone().unwrap_or_default();
        assert_eq!(
            [known(&pom.group), known(&pom.artifact), known(&pom.version)],
            ["org.example", "pay", "2.1"]
        );
        let needs: Vec<_> = pom
            .dependencies
            .iter()
            .map(|one| (one.group.as_str(), one.version.as_str(), one.is_needed()))
            .collect();
        assert_eq!(
            needs,
            [
                ("org.example", "1.4", true),
                ("junit", "", false),
                ("x", "", true)
            ]
        );
        assert_eq!(pom.licenses, ["Apache-2.0"]);
    }

    #[test]
    fn what_is_no_project_or_goes_in_circles_is_survived() {
        assert!(Pom::parse(b"not XML").is_err());
        assert!(Pom::parse(b"<project><artifactId>a").is_err());
        let deep = "<a>".repeat(1000);
        assert!(Pom::parse(deep.as_bytes()).is_err());
        let circle = b"<project><artifactId>a</artifactId><version>${x}</version><properties><x>${y}</x><y>${x}</y></properties></project>";
        assert_eq!(Pom::parse(circle).unwrap().version, None);
    }
}
