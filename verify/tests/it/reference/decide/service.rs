//! Step 4: the service, as provenance proves it.

use super::super::world::Body;
use super::who::{Match, matches_at};
use super::{Cause, Given, Report, Wanted, best};

/// The service; nothing if no promotion is to be judged.
pub(super) fn service(given: &Given<'_>, report: &mut Report) -> Option<usize> {
    let current = given.current();
    let provenance = |require: &super::super::world::Require| {
        let rule = require.provenance.as_ref();
        rule.map_or(Vec::new(), |rule| rule.by.clone())
    };
    let edges = current.edges.iter().map(|edge| &edge.require);
    let added = current.tighten.iter().map(|rule| &rule.require);
    let for_all: Vec<_> = edges.chain(added).flat_map(provenance).collect();
    let own = |service: usize| -> Vec<usize> {
        let tighten = current.services[service].tighten.iter();
        tighten.flat_map(|rule| provenance(&rule.require)).collect()
    };
    let services = 0..current.services.len();
    let by: Vec<_> = for_all
        .iter()
        .copied()
        .chain(services.clone().flat_map(own))
        .collect();
    let wanted = Wanted {
        version: 0,
        by: &by,
        claims: true,
        at: given.now,
        max_age: None,
    };
    let (eligible, wrong) = given.eligible(&wanted, |body| matches!(body, Body::Provenance { .. }));
    let mut found = Vec::new();
    let mut failed = false;
    for seen in eligible {
        let Body::Provenance { repositories, .. } = seen.body else {
            continue;
        };
        let speaks = |names: &[usize]| {
            let known = names.iter().flat_map(|name| &current.identities[*name]);
            matches_at(known, seen.key, given.now) != Match::No
        };
        let all = speaks(&for_all);
        let owner = |repository: &usize| {
            let mut services = services.clone();
            services.find(|service| service == repository && (all || speaks(&own(*service))))
        };
        failed |= all && owner(&repositories[0]).is_none();
        found.extend(repositories.iter().filter_map(owner));
    }
    found.sort_unstable();
    found.dedup();
    match found[..] {
        [service] if !failed => {
            report.passed = true;
            Some(service)
        }
        [] if !failed => {
            let cause = given.soft(best(wrong.iter().map(|(cause, _)| *cause)));
            report.fail("service", "provenance-missing", cause);
            report.notes("service", &wrong);
            None
        }
        _ => {
            report.fail("service", "service-mismatch", given.soft(Cause::Denied));
            None
        }
    }
}
