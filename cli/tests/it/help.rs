//! Help: what it lists, and that every command begins with an example.

use crate::sandbox::Sandbox;

#[test]
fn bulla_alone_lists_what_people_need_every_day() {
    let sandbox = Sandbox::new();
    let alone = sandbox.run("");
    assert_eq!(alone.code, 0);
    let all = sandbox.run("help all");
    let listed = |text: &str| {
        let commands = text
            .split("Commands:\n")
            .nth(1)
            .unwrap()
            .split("\n\n")
            .next()
            .unwrap();
        commands
            .lines()
            .map(|line| line.split_whitespace().next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(listed(&alone.data).len() <= 12, "{:?}", listed(&alone.data));
    assert!(listed(&all.data).len() > listed(&alone.data).len());
    for name in ["sbom", "sign", "attest", "verify"] {
        assert!(
            listed(&alone.data).iter().any(|listed| listed == name),
            "{name}"
        );
    }
    assert!(alone.data.contains("bulla help all"));
}

#[test]
fn every_command_has_a_summary_and_begins_with_an_example() {
    let root = bulla_cli::verbs::command();
    let mut waiting: Vec<(String, &clap::Command)> = root
        .get_subcommands()
        .map(|verb| (verb.get_name().to_owned(), verb))
        .collect();
    while let Some((name, command)) = waiting.pop() {
        let about = command
            .get_about()
            .unwrap_or_else(|| panic!("{name} has no summary"))
            .to_string();
        assert!(!about.ends_with('.'), "{name}: {about}");
        for verb in command.get_subcommands() {
            waiting.push((format!("{name} {}", verb.get_name()), verb));
        }
        if !command.has_subcommands() || command.get_before_help().is_some() {
            let example = command
                .get_before_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                example.contains("Example: ") && example.contains("bulla "),
                "{name}: {example:?}"
            );
        }
    }
}

#[test]
fn the_help_of_signing_reads_well() {
    insta::assert_snapshot!(Sandbox::new().run("sign --help").data);
}

#[test]
fn manual_pages_and_completions_are_made_from_the_same_source() {
    let sandbox = Sandbox::new();
    sandbox.done("man pages");
    assert!(sandbox.read("pages/bulla.1").contains("bulla"));
    assert!(sandbox.read("pages/bulla-key-generate.1").contains("key"));
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(
            sandbox
                .done(&format!("completions {shell}"))
                .data
                .contains("attest"),
            "{shell}"
        );
    }
}
