//! XML that is refused, and what of other XML is not kept.

use bulla_model::Limits;
use bulla_sbom::format::cyclonedx::xml::{self, XmlError};
use bulla_sbom::format::cyclonedx::{Document, Lost, ReadError};
use serde_json::json;

/// A document of 1.6 around some elements, with whatever attributes of its root.
fn around(more: &str, content: &str) -> String {
    format!("<bom xmlns=\"http://cyclonedx.org/schema/bom/1.6\"{more}>{content}</bom>")
}

fn parse(text: &str) -> Result<Document, XmlError> {
    xml::read(text.as_bytes(), &Limits::default())
}

#[test]
fn what_a_tree_has_no_place_for_is_reported() {
    let losses = |text: &str| -> Vec<String> {
        let document = parse(text).unwrap();
        document.losses().iter().map(ToString::to_string).collect()
    };
    let text = around(
        r#" xmlns:f="urn:f" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b" f:x="1" y="2" version="1""#,
        r#"<f:fruit><name/>text</f:fruit><components>no<component type="library" name="a"><name>a</name>
           <name>b</name><nothing/><licenses><f:l/><license><id>MIT</id></license><none/></licenses>
           <evidence><identity><field>purl</field><confidence>0.12345678901234567890</confidence></identity></evidence>
           </component></components><dependencies><dependency ref="a"><dependency ref="b"><dependency ref="c"/></dependency></dependency></dependencies>"#,
    );
    assert_eq!(
        losses(&text),
        [
            "bom/f:x: of another namespace",
            "bom/fruit: of another namespace",
            "bom/components/component/licenses/l: of another namespace",
            "bom/y: not of CycloneDX",
            "bom/components: text between elements",
            "bom/components/component[1]/name: not of CycloneDX",
            "bom/components/component[1]/name: said twice",
            "bom/components/component[1]/nothing: not of CycloneDX",
            "bom/components/component[1]/licenses/none: not of CycloneDX",
            "bom/components/component[1]/evidence/identity[1]/confidence: more digits than can be held",
            "bom/dependencies/dependency[1]/dependency[1]/dependency: not of CycloneDX",
        ]
    );
    let many = parse(&around("", &"<a/>".repeat(5000))).unwrap();
    assert_eq!(many.losses().len(), 1001);
    assert_eq!(many.losses().last().unwrap().lost, Lost::More);
    let json = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":36893488147419103233}"#;
    let json = Document::read(json.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(
        json.losses()[0].to_string(),
        "byte 55: more digits than can be held"
    );
}

#[test]
fn texts_are_what_they_were() {
    let texts = [
        "a & b < c > \"d\" 'e'",
        " spaces \n\tand lines\n",
        "\r\n\r",
        "]]>",
        "&amp;",
        "é😀\u{fffd}",
        "",
    ];
    for text in texts {
        let mut members = json!({ "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1 });
        members["components"] = json!([{ "type": text, "name": text, "copyright": text }]);
        members["properties"] = json!([{ "name": text, "value": "x" }]);
        let document = Document::read(members.to_string().as_bytes(), &Limits::default()).unwrap();
        let written = xml::write(&document);
        assert_eq!(written.losses, [], "{text:?}");
        let again = xml::read(&written.bytes, &Limits::default()).unwrap();
        assert_eq!(again.members(), document.members(), "{text:?}");
    }
    let written = |text: &str| {
        let text = json!({ "bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{ "type": "library", "name": text }] });
        let document = Document::read(text.to_string().as_bytes(), &Limits::default()).unwrap();
        xml::write(&document)
    };
    let forbidden = written("a\u{1}b\u{ffff}");
    assert_eq!(
        forbidden.losses[0].to_string(),
        "bom/components[1]/name: a character that XML cannot have"
    );
    assert!(
        String::from_utf8(forbidden.bytes)
            .unwrap()
            .contains("<name>a\u{fffd}b\u{fffd}</name>")
    );
}

#[test]
fn whatever_refers_to_something_else_is_refused() {
    for (text, what) in [
        ("<!DOCTYPE bom>", "a document type"),
        ("<!DOCTYPE bom [<!ENTITY a \"b\">]>", "a document type"),
        ("<?xml-stylesheet href=\"x\"?>", "a processing instruction"),
        ("<?xml version=\"1.1\"?>", "another version of XML than 1.0"),
        (
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>",
            "another encoding than UTF-8",
        ),
    ] {
        let error = parse(&format!("{text}{}", around("", ""))).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("document has {what}, which is refused")
        );
    }
    let refused = |text: &str| parse(text).unwrap_err().to_string();
    assert!(refused(&around("", "<components>&xxe;</components>")).contains("an entity"));
    assert!(refused(&around("", "<?php ?>")).contains("a processing instruction"));
    assert!(
        refused(&around("", "<?xml version=\"1.0\"?>")).contains("a declaration in its middle")
    );
    let utf16 = xml::read(b"\xff\xfe<\0b\0", &Limits::default()).unwrap_err();
    assert!(utf16.to_string().contains("another encoding"));
}

#[test]
fn what_is_no_document_is_refused_for_its_reason() {
    let refused = |text: &str| parse(text).unwrap_err().to_string();
    for (text, reason) in [
        (
            around("", "").replace("1.6", "1.8"),
            "root is `bom` of the namespace `http://cyclonedx.org/schema/bom/1.8`",
        ),
        (
            around("", "").replace("1.6", "1.1"),
            "expected `bom` of CycloneDX 1.2 to 1.7",
        ),
        ("<bom/>".to_owned(), "root is `bom` of the namespace ``"),
        (
            around("", "")
                .replace("bom ", "bum ")
                .replace("/bom>", "/bum>"),
            "root is `bum`",
        ),
        (around("", "<f:a/>"), "a namespace has no declaration"),
        (
            around(" version=\"1\" version=\"2\"", ""),
            "an attribute twice",
        ),
        (around("", "</bom><bom>"), "behind its root"),
        (around("", "<components>"), "byte"),
        (around("", "\u{1}"), "a character that XML forbids"),
        (around("", "&#1;"), "a character that XML forbids"),
        (around("", "") + "x", "text outside of its root"),
        (String::new(), "it ends in the middle"),
        ("<bom".to_owned(), "byte"),
        (around(&" a=\"\"".repeat(70), ""), "an attribute twice"),
    ] {
        let error = refused(&text);
        assert!(error.contains(reason), "{text}: {error}");
    }
    let many: Vec<String> = (0..70).map(|n| format!(" a{n}=\"\"")).collect();
    assert!(refused(&around(&many.concat(), "")).contains("very many attributes"));
    let deep = around("", &"<a>".repeat(10_000));
    assert!(matches!(parse(&deep), Err(XmlError::Depth { limit: 64 })));
    let foreign = around("", &"<f:a xmlns:f=\"f\">".repeat(10_000));
    assert!(matches!(
        parse(&foreign),
        Err(XmlError::Depth { limit: 64 })
    ));
    let mut limits = Limits::default();
    limits.catalog_file_bytes = 1;
    let long = xml::read(b"<a/>", &limits).unwrap_err();
    assert_eq!(long, XmlError::Size { size: 4, limit: 1 });
    let either = Document::read(b"\xef\xbb\xbf <bom/>", &Limits::default()).unwrap_err();
    assert!(matches!(either, ReadError::Markup { .. }), "{either}");
}

#[test]
fn a_prefix_comments_and_cdata_change_nothing() {
    let plain = around(
        "",
        "<properties><property name=\"a\">x&lt;y</property></properties>",
    );
    let other = "<?xml version='1.0' encoding='utf-8'?><!-- a --><c:bom xmlns:c='http://cyclonedx.org/schema/bom/1.6'>
        <c:properties><c:property name='&#97;'>x<!-- b --><![CDATA[<y]]></c:property></c:properties></c:bom>\n";
    let document = parse(&plain).unwrap();
    assert_eq!(document, parse(other).unwrap());
    assert_eq!(
        document.members()["properties"],
        json!([{ "name": "a", "value": "x<y" }])
    );
    assert_eq!(document.spec_version(), "1.6");
    let json = Document::read(&document.to_json(), &Limits::default()).unwrap();
    assert_eq!(json, document);
}
