//! What `approve` and `promote` write.

use bulla_model::predicate::{Approval, Promotion, approval, own, promotion};
use bulla_model::{Bundle, Limits, Statement};
use bulla_registry::{Layout, read_bundles};

use crate::serve::world::World;

/// The statements about an image that are Bulla's own.
async fn statements(world: &World, image: &str) -> Vec<Statement> {
    let limits = Limits::default();
    let layout = Layout::open(&world.path("layout"), &limits).unwrap();
    let set = read_bundles(&layout, &World::digest(image)).await.unwrap();
    let bundles = set.bundles.into_iter();
    bundles
        .filter_map(|referrer| {
            let bundle = Bundle::parse(referrer.bytes, &limits).unwrap();
            let payload = bundle.envelope().unwrap().payload().to_vec();
            let statement = Statement::parse(&payload, &limits).unwrap();
            own::is_own(statement.predicate_type().as_str()).then_some(statement)
        })
        .collect()
}

#[tokio::test]
async fn approvals_and_promotions_are_written_in_version_1() {
    let world = World::new(&["one"]);
    world.promote("one", &["dev"]);
    let target = World::target("one");
    for key in ["alice.key", "bob.key"] {
        let approve = ["approve", "--to", "prod", "--yes", "--policy", "policy"];
        world.bulla(&[&approve[..], &["--key", key, &target]].concat());
    }
    let promote = [
        "promote",
        "--to",
        "prod",
        "--policy",
        "policy",
        "--key",
        "promoter.key",
    ];
    // What no reader would take is refused, and nothing is signed.
    let before = statements(&world, "one").await.len();
    let refused = world.try_bulla(&[&promote[..], &["--ticket", "", &target]].concat());
    assert_eq!(refused.status.code(), Some(2));
    let talk = String::from_utf8(refused.stderr).unwrap();
    assert!(talk.contains("/predicate/tickets"), "{talk}");
    assert_eq!(statements(&world, "one").await.len(), before);
    let said = [
        "--ticket", "PAY-912", "--ticket", "INC-77", "--ticket", "PAY-912", "-m", "a fix",
    ];
    world.bulla(&[&promote[..], &said, &[&target]].concat());

    let statements = statements(&world, "one").await;
    let approvals: Vec<Approval> = statements
        .iter()
        .filter(|statement| statement.predicate_type().as_str() == approval::TYPE)
        .map(|statement| statement.predicate().unwrap())
        .collect();
    assert_eq!(approvals.len(), 2);
    assert!(approvals[0].nonce.is_some() && approvals[0].nonce != approvals[1].nonce);
    let promotions: Vec<Promotion> = statements
        .iter()
        .filter(|statement| statement.predicate_type().as_str() == promotion::TYPE)
        .map(|statement| statement.predicate().unwrap())
        .collect();
    assert_eq!(promotions.len(), 2);
    let into_prod = promotions
        .iter()
        .find(|promotion| promotion.edge.to.uri.name() == "prod")
        .unwrap();
    assert_eq!(into_prod.tickets, ["INC-77", "PAY-912"]);
    assert_eq!(into_prod.reason.as_deref(), Some("a fix"));
}
