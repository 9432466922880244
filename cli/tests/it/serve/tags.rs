//! Tags that move while a server answers.

use super::message;
use super::running::{Running, pod};
use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moves_between_two_requests_is_judged_by_where_it_points() {
    let world = World::new(&["good", "unsigned"]);
    world.promote("good", &["dev", "prod"]);
    let host = crate::registries::registry();
    let tag = format!("{host}/pay/api:release");
    let point_at = |name: &str| world.bulla(&["copy", &World::target(name), &tag]);
    // The yes is remembered for the digest, never for the tag.
    let lenient = Running::start_with(&world, &["--require-digest=false", "--cache-ttl", "5m"]);
    let strict = Running::start_with(&world, &[]);
    for round in 0..2 {
        point_at("good");
        let response = lenient.ask(&pod(&[&tag])).await;
        assert_eq!(response["allowed"], true, "{round}: {response}");
        point_at("unsigned");
        let response = lenient.ask(&pod(&[&tag])).await;
        assert_eq!(response["allowed"], false, "{round}: {response}");
        assert!(message(&response).contains(&World::digest("unsigned").to_string()));
        let response = strict.ask(&pod(&[&tag])).await;
        assert!(message(&response).contains("[image-not-pinned]"));
    }
    assert!(lenient.counter("bulla_cache_hits_total").await >= 1);
    // A tag beside a digest says nothing: the node pulls by the digest, and it is what is judged.
    let pinned = format!("{tag}@{}", World::digest("good"));
    let response = strict.ask(&pod(&[&pinned])).await;
    assert_eq!(response["allowed"], true, "{response}");
    let pinned = format!("{host}/pay/api:good@{}", World::digest("unsigned"));
    let response = strict.ask(&pod(&[&pinned])).await;
    assert_eq!(response["allowed"], false, "{response}");
}
