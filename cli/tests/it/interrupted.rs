//! Commands that stop in the middle of what they write.

use crate::edges::{company, proven};
use crate::registries::refusing_registry;
use crate::sandbox::Sandbox;

/// A command of the journey, with IMAGE for the image; and what is asked afterwards, with its exit.
type Step = (&'static str, &'static str, i32);

const STEPS: &[Step] = &[
    (
        "promote IMAGE --to dev --key ci.key",
        "verify --env dev IMAGE",
        0,
    ),
    (
        "approve IMAGE --to prod --kind break-glass --key alice.key --yes",
        "promote IMAGE --to prod --kind break-glass --reason down --incident INC-77 --key ci.key --dry-run",
        0,
    ),
    (
        "promote IMAGE --to prod --kind break-glass --reason down --incident INC-77 --key ci.key",
        "verify --env prod IMAGE",
        0,
    ),
    (
        "review IMAGE --outcome accepted --notes fine --yes --key bob.key",
        "review IMAGE --outcome accepted --notes fine --yes --key bob.key",
        0,
    ),
    (
        "deploy record IMAGE --env prod --event succeeded --key deployer.key --workload apps/v1/Deployment/pay/api",
        "verify --env prod IMAGE",
        0,
    ),
    (
        "revoke IMAGE --reason broken --key deployer.key --yes",
        "verify --env prod IMAGE",
        14,
    ),
];

fn with_revocations() -> Sandbox {
    let sandbox = company();
    let rules = sandbox.read("policy/release.yaml");
    let rules = format!("{rules}revocations: {{by: [deployer]}}\n");
    sandbox.write("policy/release.yaml", &rules);
    proven(&sandbox, "image:1.0", "pay");
    sandbox
}

#[test]
fn wherever_a_command_stops_the_same_command_ends_it() {
    let sandbox = with_revocations();
    let (host, refusing) = refusing_registry();
    let allow = |left: Option<usize>| refusing.lock().unwrap().left = left;
    let mut before = "image:1.0".to_owned();
    for (number, (command, asked, exit)) in STEPS.iter().enumerate() {
        let mut stops = 0;
        for writes in 0.. {
            let image = format!("{host}/pay/{number}-{writes}:1.0");
            sandbox.done(&format!("copy {before} {image}"));
            let command = command.replace("IMAGE", &image);
            allow(Some(writes));
            let stopped = sandbox.run(&command);
            allow(None);
            let is_whole = stopped.code == 0;
            if !is_whole {
                stops += 1;
                sandbox.done(&command);
            }
            let answer = sandbox.run(&asked.replace("IMAGE", &image));
            assert_eq!(
                answer.code, *exit,
                "{command} after {writes}: {}{}",
                answer.data, answer.talk
            );
            if is_whole {
                before = image;
                break;
            }
        }
        assert!(stops > 1, "{command}: only {stops} writes");
    }
}
