//! Groups of modules that many ship without what Maven leaves in archives.
//!
//! The coordinates under which they are published; advisories name these.

/// The group of an artifact, where it is one of these.
pub(super) fn group(artifact: &str) -> Option<&'static str> {
    let place = GROUPS.binary_search_by_key(&artifact, |(artifact, _)| artifact);
    let row = place.ok().and_then(|place| GROUPS.get(place));
    row.map(|(_, group)| *group)
}

/// Sorted by artifact.
const GROUPS: [(&str, &str); 58] = [
    ("activation", "javax.activation"),
    ("ant", "org.apache.ant"),
    ("ant-bootstrap", "org.apache.ant"),
    ("ant-launcher", "org.apache.ant"),
    ("antlr", "antlr"),
    ("aopalliance", "aopalliance"),
    ("asm", "org.ow2.asm"),
    ("asm-all", "org.ow2.asm"),
    ("asm-analysis", "org.ow2.asm"),
    ("asm-commons", "org.ow2.asm"),
    ("asm-tree", "org.ow2.asm"),
    ("asm-util", "org.ow2.asm"),
    ("bcprov-jdk15on", "org.bouncycastle"),
    ("bcprov-jdk18on", "org.bouncycastle"),
    ("cglib", "cglib"),
    ("commons-beanutils", "commons-beanutils"),
    ("commons-cli", "commons-cli"),
    ("commons-codec", "commons-codec"),
    ("commons-collections", "commons-collections"),
    ("commons-dbcp", "commons-dbcp"),
    ("commons-digester", "commons-digester"),
    ("commons-fileupload", "commons-fileupload"),
    ("commons-httpclient", "commons-httpclient"),
    ("commons-io", "commons-io"),
    ("commons-lang", "commons-lang"),
    ("commons-logging", "commons-logging"),
    ("commons-logging-adapters", "commons-logging"),
    ("commons-logging-api", "commons-logging"),
    ("commons-net", "commons-net"),
    ("commons-pool", "commons-pool"),
    ("commons-validator", "commons-validator"),
    ("derby", "org.apache.derby"),
    ("dom4j", "dom4j"),
    ("gson", "com.google.code.gson"),
    ("h2", "com.h2database"),
    ("hsqldb", "org.hsqldb"),
    ("ivy", "org.apache.ivy"),
    ("javassist", "org.javassist"),
    ("jaxen", "jaxen"),
    ("jsch", "com.jcraft"),
    ("jsr305", "com.google.code.findbugs"),
    ("jstl", "javax.servlet"),
    ("junit", "junit"),
    ("log4j", "log4j"),
    ("log4j-1.2-api", "org.apache.logging.log4j"),
    ("mail", "javax.mail"),
    ("mysql-connector-java", "mysql"),
    ("oro", "oro"),
    ("postgresql", "org.postgresql"),
    ("quartz", "org.quartz-scheduler"),
    ("stax-api", "javax.xml.stream"),
    ("struts", "struts"),
    ("velocity", "org.apache.velocity"),
    ("xalan", "xalan"),
    ("xercesImpl", "xerces"),
    ("xml-apis", "xml-apis"),
    ("xpp3", "xpp3"),
    ("xstream", "com.thoughtworks.xstream"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found() {
        assert!(GROUPS.is_sorted());
        for (artifact, expected) in GROUPS {
            assert_eq!(group(artifact), Some(expected));
        }
        assert_eq!(group("pay"), None);
    }
}
