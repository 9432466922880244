use bulla_model::Statement;
use bulla_model::predicate::Promotion;

use super::*;

#[test]
fn a_list_has_one_image_on_each_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set");
    std::fs::write(&path, "# release 7\noci:a:1.0 # the api\n\n  oci:b:1.0\r\n").unwrap();
    let read = listed(&path, &Limits::default()).unwrap();
    assert_eq!(read, ["oci:a:1.0", "oci:b:1.0"]);
    std::fs::write(&path, "oci:a#b:1.0\noci:b:1.0\t# the web\n").unwrap();
    let read = listed(&path, &Limits::default()).unwrap();
    assert_eq!(read, ["oci:a#b:1.0", "oci:b:1.0"]);
    std::fs::write(&path, "\u{feff}oci:a:1.0\n").unwrap();
    assert_eq!(listed(&path, &Limits::default()).unwrap(), ["oci:a:1.0"]);
    std::fs::write(&path, format!("oci:a:1.0\n{}", "x".repeat(LINE + 1))).unwrap();
    let failure = listed(&path, &Limits::default()).unwrap_err();
    assert!(
        failure.message().ends_with(":2: longer than 4096 bytes"),
        "{}",
        failure.message()
    );
    std::fs::write(&path, "oci:a#b:1.0\noci:b:1.0\t# the web\n").unwrap();
    let mut limits = Limits::default();
    limits.subjects = 2;
    assert_eq!(names(&[], Some(&path), &limits).unwrap().len(), 2);
    names(&["oci:c:1.0".to_owned()], Some(&path), &limits).unwrap_err();
}

fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

fn input(text: &str) -> Input {
    Input {
        predicate_type: "https://example.test/note".parse().unwrap(),
        payload: digest(text),
        manifest: None,
    }
}

/// A draft of the promotion that the vectors have.
fn draft(change: impl FnOnce(&mut StepDraft)) -> StepDraft {
    let text = include_bytes!("../../../../testdata/predicates/promotion/v1/valid/step.json");
    let statement = Statement::parse(text, &Limits::default()).unwrap();
    let said = statement.predicate::<Promotion>().unwrap();
    let mut draft = StepDraft {
        service: said.service,
        tier: said.tier,
        edge: said.edge,
        policy: said.policy,
        chain: said.chain,
        inputs: Vec::new(),
        kept: BTreeSet::new(),
        gates: Vec::new(),
        levels: Vec::new(),
        already: None,
        review_within: None,
    };
    change(&mut draft);
    draft
}

fn merge_all(drafts: &[StepDraft]) -> StepDraft {
    let drafts: Vec<_> = drafts.iter().collect();
    merged(&drafts).unwrap().unwrap()
}

#[test]
fn two_promotions_of_some_members_are_none_of_all() {
    let with = |already: Option<&str>| draft(|it| it.already = already.map(digest));
    let same = [with(Some("first")), with(Some("first"))];
    assert_eq!(merge_all(&same).already, Some(digest("first")));
    for mixed in [
        [with(Some("first")), with(Some("second"))],
        [with(Some("first")), with(None)],
        [with(None), with(Some("first"))],
    ] {
        assert_eq!(merge_all(&mixed).already, None);
    }
}

#[test]
fn junk_beside_many_members_leaves_room_for_their_promotions() {
    let member = |name: usize| {
        draft(|it| {
            it.inputs = (0..600)
                .map(|number| input(&format!("{name} {number}")))
                .collect();
            let promotion = format!("promotion {name}");
            it.inputs.push(input(&promotion));
            it.kept.insert(digest(&promotion));
        })
    };
    let few: Vec<_> = (0..6).map(member).collect();
    assert_eq!(merge_all(&few).inputs.len(), 6 * 601);
    let many: Vec<_> = (0..9).map(member).collect();
    let all = merge_all(&many);
    assert_eq!(all.inputs.len(), INPUTS);
    let held: BTreeSet<_> = all.inputs.iter().map(|input| &input.payload).collect();
    for name in 0..9 {
        assert!(held.contains(&digest(&format!("promotion {name}"))));
    }
    assert!(all.inputs.is_sorted_by_key(|input| &input.payload));
    // The same statement beside all of them is one.
    let same: Vec<_> = (0..9).map(|_| member(0)).collect();
    assert_eq!(merge_all(&same).inputs.len(), 601);
}

#[test]
fn a_gate_passed_if_it_did_for_each() {
    let with = |result: GateResult, observed: &str| {
        let gate = Gate {
            id: "tests".to_owned(),
            result,
            observed: Some(observed.to_owned()),
        };
        draft(|it| it.gates = vec![gate])
    };
    let both = merge_all(&[
        with(GateResult::Passed, "1 run"),
        with(GateResult::Failed, "none"),
    ]);
    assert_eq!(both.gates.len(), 1);
    assert_eq!(both.gates[0].result, GateResult::Failed);
    assert_eq!(both.gates[0].observed, None);
}
