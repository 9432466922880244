//! Bills of materials of others take no more than they are long.

use std::sync::Arc;

use bulla_model::Limits;
use bulla_sbom::bill;
use serde_json::{Value, json};

fn read(document: &Value) -> bill::Bill {
    bill::read(document.to_string().as_bytes(), &Limits::default()).unwrap()
}

#[test]
fn a_reference_that_is_told_often_is_kept_once() {
    let long = "r".repeat(1000);
    let many: Vec<String> = (0..100).map(|at| format!("n{at}")).collect();
    let cyclonedx = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6",
        "dependencies": [{"ref": long, "dependsOn": many}, {"ref": "x", "dependsOn": [long]}],
    });
    let relationships = many.iter().chain([&long]).map(|to| {
        json!({"spdxElementId": long, "relatedSpdxElement": to, "relationshipType": "DEPENDS_ON"})
    });
    let spdx = json!({
        "spdxVersion": "SPDX-2.3", "relationships": relationships.collect::<Vec<Value>>(),
    });
    for document in [cyclonedx, spdx] {
        let bill = read(&document);
        assert_eq!(bill.needs.len(), 101);
        let first = &bill.needs[0].0;
        let all = bill.needs.iter().flat_map(|(from, to)| [from, to]);
        let mut same = all.filter(|one| one.len() == 1000);
        assert!(same.all(|one| Arc::ptr_eq(one, first)));
    }
}

#[test]
fn a_licence_text_is_not_told_again_for_each_package() {
    let long = "text ".repeat(1000);
    let packages: Vec<Value> = (0..50)
        .map(|at| json!({"SPDXID": format!("SPDXRef-{at}"), "name": "a", "licenseDeclared": "LicenseRef-1"}))
        .collect();
    let bill = read(&json!({
        "spdxVersion": "SPDX-2.3", "packages": packages,
        "hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-1", "name": long, "extractedText": long}],
    }));
    let told = bill.items.iter().flat_map(|item| &item.licenses);
    assert_eq!(told.map(String::len).max(), Some("LicenseRef-1".len()));
}
