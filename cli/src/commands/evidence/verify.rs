//! `bulla evidence verify`.
//!
//! Two questions, never mixed: is the pack intact and does its verdict follow from what is in it
//! (if not: exit 12), and what does the caller's own trust make of it. Nothing here opens a socket.

use std::path::Path;
use std::sync::Arc;

use bulla_model::evidence_pack::{Incomplete, PackTool, policy_digest};
use bulla_model::{Digest, PackRole};
use bulla_verify::{PolicyFile, State, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use super::compare::{self, Difference};
use super::open::{Opened, open};
use super::pack::replayed;
use super::{Contents, gather, replay};
use crate::args::evidence::Verify;
use crate::commands::Context;
use crate::join::rules::{Rules, read_policy};
use crate::join::{blocking, file, verdict};
use crate::render::{Cell, Page, Report, bytes, verdict as render};
use crate::trust::document as root_document;
use crate::{Exit, Failure};

/// Opens, replays, and judges by the caller's own trust where some is given.
pub(super) async fn run(arguments: Verify, context: &Context) -> Result<Exit, Failure> {
    let limits = &context.limits;
    let progress = context.printer.progress("reading the pack");
    let opened = {
        let (path, limits) = (arguments.pack.clone(), limits.clone());
        let with_layers = arguments.with_layers;
        blocking(move || open(&path, with_layers, &limits)).await?
    };
    drop(progress);
    let (replayed, differences) = replayed(&opened.contents, limits).await?;
    let mut report = VerifyReport::of(&opened, replayed, differences);
    let exit = if !report.differences.is_empty() {
        Exit::Invalid
    } else if arguments.has_own() {
        own(&arguments, context, &opened.contents, &mut report).await?;
        Exit::of_verdict(&report.verdict)
    } else {
        Exit::of_verdict(&report.verdict)
    };
    let exit = report.pin(&arguments, exit);
    report.prove();
    context.printer.report(&report)?;
    Ok(exit)
}

impl Verify {
    fn has_own(&self) -> bool {
        self.policy.is_some() || self.anchor.is_some() || !self.trusted_root.is_empty()
    }
}

/// Judges again with the caller's files in the place of the pack's. Once the policy is the
/// caller's, nothing else that decides what is believed comes from the pack.
async fn own(
    arguments: &Verify,
    context: &Context,
    contents: &Contents,
    report: &mut VerifyReport,
) -> Result<(), Failure> {
    let limits = &context.limits;
    let read = |path: &Path| file::read(path, limits.configuration_bytes);
    let own_policy = arguments.policy.as_deref();
    let policy = match own_policy {
        Some(path) => read_policy(path, limits)?,
        None => replay::policy(contents),
    };
    let anchor = match &arguments.anchor {
        Some(path) => Some(PolicyFile {
            path: path.display().to_string(),
            bytes: read(path)?,
        }),
        None => replay::anchor(contents).filter(|_| own_policy.is_none()),
    };
    let mut roots = Vec::new();
    for path in &arguments.trusted_root {
        roots.append(&mut root_document::read(path, limits)?);
    }
    if roots.is_empty() && own_policy.is_none() {
        roots = replay::trusted_roots(contents);
    }
    let given = |own: bool| if own { Origin::Caller } else { Origin::Pack };
    report.trust = Vec::new();
    let document = &contents.document;
    let now = document.now;
    let mut rules = Rules::assemble(policy, anchor, roots, now, limits)?;
    if own_policy.is_none() {
        rules.state = replay::rules(contents, now, limits)?.state;
        if arguments.anchor.is_some() {
            // It is the verifier that made the pack whose anchors it remembers.
            rules.state = rules.state.map(State::without_anchors);
        }
    }
    let files = gather::policy_files(&rules.files).into_iter();
    let files: Vec<_> = files.map(|(file, _)| file).collect();
    let digest = policy_digest(&files);
    report
        .trust
        .push(Trusted::new("policy", digest, given(own_policy.is_some())));
    if let Some(anchor) = &rules.anchor_file {
        let digest = Digest::sha256(&anchor.bytes);
        report.trust.push(Trusted::new(
            "anchor",
            digest,
            given(arguments.anchor.is_some()),
        ));
    }
    let own_roots = own_policy.is_some() || !arguments.trusted_root.is_empty();
    for root in &rules.trusted_roots {
        let digest = Digest::sha256(root);
        report
            .trust
            .push(Trusted::new("trusted root", digest, given(own_roots)));
    }
    let mut evidence = replay::evidence(contents, limits)?;
    if rules.has_ledger() && !replay::rules(contents, now, limits)?.has_ledger() {
        let line = "the pack was made where nobody may revoke, so no ledger was asked";
        evidence.ledger.unavailable.push(line.to_owned());
    }
    let evidence = Arc::new(evidence);
    let environment = document.environment.as_str();
    let rules = Arc::new(rules);
    let judged =
        verdict::environment(&rules, evidence, &document.image, environment, now, limits).await?;
    let recorded = document.current(PackRole::Verdict).next();
    let recorded = recorded.map_or(&[][..], |file| contents.bytes(&file.digest));
    report.recorded_otherwise = compare::differences(recorded, &judged, limits)?;
    report.verdict = judged;
    Ok(())
}

/// What a pack is worth to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Proves {
    /// Nothing: it does not agree with itself, or rests on another policy than was asked for.
    Nothing,
    /// That it agrees with itself: policy or trusted roots are its own.
    SelfConsistency,
    /// The verdict, by trust that the caller named.
    Verdict,
}

/// Where something that decides what is believed came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Origin {
    /// The pack brought it along.
    Pack,
    /// The pack brought it along, and the caller named its digest.
    Pinned,
    /// The caller.
    Caller,
}

#[derive(Debug, Serialize)]
struct Trusted {
    what: &'static str,
    digest: Digest,
    from: Origin,
}

impl Trusted {
    fn new(what: &'static str, digest: Digest, from: Origin) -> Self {
        Self { what, digest, from }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerifyReport {
    proves: Proves,
    digest: Digest,
    size: u64,
    tool: PackTool,
    now: Timestamp,
    image: String,
    incomplete: Incomplete,
    trust: Vec<Trusted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_policy: Option<Digest>,
    differences: Vec<Difference>,
    recorded_otherwise: Vec<Difference>,
    verdict: Verdict,
}

impl VerifyReport {
    fn of(opened: &Opened, verdict: Verdict, differences: Vec<Difference>) -> Self {
        let document = &opened.contents.document;
        let policy = Trusted::new("policy", document.policy_digest(), Origin::Pack);
        let files = [
            ("anchor", PackRole::Anchor),
            ("trusted root", PackRole::TrustedRoot),
            ("state", PackRole::State),
        ];
        let files = files.into_iter().flat_map(|(what, role)| {
            document
                .current(role)
                .map(move |file| Trusted::new(what, file.digest.clone(), Origin::Pack))
        });
        Self {
            proves: Proves::Nothing,
            digest: opened.digest.clone(),
            size: opened.size,
            tool: document.tool.clone(),
            now: document.now,
            image: document.image.clone(),
            incomplete: document.incomplete.clone(),
            trust: std::iter::once(policy).chain(files).collect(),
            other_policy: None,
            differences,
            recorded_otherwise: Vec::new(),
            verdict,
        }
    }

    /// Holds the policy used against the digest that was asked for.
    fn pin(&mut self, arguments: &Verify, exit: Exit) -> Exit {
        let Some(wanted) = &arguments.policy_digest else {
            return exit;
        };
        // A policy of the caller's own needs no digest; it is the pack's that is pinned.
        let policy = self
            .trust
            .iter_mut()
            .find(|trusted| trusted.what == "policy" && trusted.from == Origin::Pack);
        match policy {
            Some(policy) if policy.digest == *wanted => {
                policy.from = Origin::Pinned;
                exit
            }
            Some(_) => {
                self.other_policy = Some(wanted.clone());
                if exit == Exit::Invalid {
                    exit
                } else {
                    Exit::Untrusted
                }
            }
            None => exit,
        }
    }

    fn prove(&mut self) {
        self.proves = if !self.differences.is_empty() || self.other_policy.is_some() {
            Proves::Nothing
        } else if self.unproven().is_empty() {
            Proves::Verdict
        } else {
            Proves::SelfConsistency
        };
    }

    /// What is believed only because the pack says so. An anchor and a state only ever refuse.
    fn unproven(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self
            .trust
            .iter()
            .filter(|trusted| trusted.from == Origin::Pack)
            .map(|trusted| trusted.what)
            .filter(|what| matches!(*what, "policy" | "trusted root"))
            .collect();
        names.dedup();
        names
    }
}

impl Report for VerifyReport {
    fn human(&self, page: &mut Page) {
        let made = format!(
            "{} {}, judged as of {}",
            self.tool.name, self.tool.version, self.now
        );
        page.row(
            1,
            [
                "pack".into(),
                Cell::from(self.digest.to_string()),
                bytes(self.size).into(),
            ],
        );
        page.row(1, ["made by".into(), made.into()]);
        for trusted in &self.trust {
            let from = match trusted.from {
                Origin::Pack => Cell::attention("from the pack"),
                Origin::Pinned => Cell::good("from the pack, as asked for"),
                Origin::Caller => Cell::good("yours"),
            };
            page.row(
                1,
                [trusted.what.into(), trusted.digest.to_string().into(), from],
            );
        }
        let incomplete = &self.incomplete;
        if incomplete.truncated {
            page.indented(1, "not all referrers were looked at when it was made");
        }
        for line in incomplete.unavailable.iter().chain(&incomplete.left_out) {
            page.indented(1, format!("not in the pack: {line}"));
        }
        page.gap();
        if !self.differences.is_empty() {
            return self.disagree(page);
        }
        if let Some(wanted) = &self.other_policy {
            page.labelled(&Cell::bad("error:"), "the pack rests on another policy");
            page.indented(1, format!("expected  {wanted}"));
            page.labelled(
                &Cell::strong("hint:"),
                "the digest is over every file of the policy, persons included, as `bulla evidence pack` says it",
            );
            return;
        }
        render(page, &self.image, &self.verdict, false);
        for difference in &self.recorded_otherwise {
            page.labelled(
                &Cell::attention("by your rules:"),
                &format!(
                    "{} is {}, recorded was {}",
                    difference.part, difference.replayed, difference.recorded
                ),
            );
        }
        if self.proves == Proves::SelfConsistency {
            page.labelled(
                &Cell::attention("only self-consistent:"),
                &format!(
                    "{} came with the pack, so anybody could have made it; this proves no more than that it agrees with itself",
                    self.unproven().join(" and ")
                ),
            );
            page.labelled(
                &Cell::strong("hint:"),
                "compare the digests above with ones you know: --policy-digest DIGEST, or --policy PATH and --trusted-root FILE",
            );
        }
    }
}

impl VerifyReport {
    fn disagree(&self, page: &mut Page) {
        page.labelled(
            &Cell::bad("error:"),
            "the recorded verdict does not follow from what is in the pack",
        );
        for difference in &self.differences {
            page.indented(1, difference.part);
            page.row(2, ["recorded".into(), Cell::from(&difference.recorded)]);
            page.row(2, ["replayed".into(), Cell::from(&difference.replayed)]);
        }
    }
}
