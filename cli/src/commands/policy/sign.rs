//! `bulla policy sign`: an owner says that these files are this version of the policy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bulla_attest::claim;
use bulla_model::predicate::SignedPolicy;
use bulla_model::{Bundle, Digest, Environment, Identity, Limits, Scope, Statement};
use bulla_verify::{Anchor, Owned, Policy, PolicyFile, Published, owned};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::args::policy::Sign;
use crate::commands::Context;
use crate::escape::escape;
use crate::failure::FailureKind;
use crate::join::rules::{Rules, SIGNATURES};
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{consent, seal, step};
use crate::output::write_atomic;
use crate::render::{Cell, Page, Report};
use crate::settings::row;
use crate::{Exit, Failure};

/// How far the clock of the owner before may run ahead of this one's; verifiers allow as much.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Signs what the owners before signed, byte by byte, or begins with a statement of its own.
pub(super) async fn run(arguments: Sign, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let rules = Rules::load(context, &arguments.decide, now)?;
    let (scope, environment) = scope(&arguments, &rules.policy)?;
    let anchor = rules.anchor.as_ref().ok_or_else(|| {
        Failure::usage("no anchor given: it says who owns the policy")
            .with_hint("pass --anchor FILE, or set BULLA_ANCHOR")
    })?;
    let owned = owned(&rules.policy, anchor, &environment, now, &context.limits);
    // What only claims to be an owner's is not looked at: its reader would sign what it says.
    let statement = match agreed(&owned, &rules.policy, now)? {
        Some(said) if !arguments.renew => bytes_of(&rules.files.signatures, said, &context.limits)?,
        _ => begin(&arguments, &rules.policy, &scope, &owned, now)?,
    };
    let payload = Digest::sha256(&statement);
    let signer = Sealer::open(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Decision,
    )
    .await?;
    may_sign(anchor, &signer)?;
    let before = owned.all.iter().find(|one| one.payload == payload);
    let mut report = SignReport {
        payload: payload.clone(),
        by: before.map(|one| one.by.clone()).unwrap_or_default(),
        threshold: anchor.threshold(),
        not_after: said(&statement, &context.limits)?.not_after,
        file: None,
    };
    if report.by.contains(signer.identity()) {
        context.printer.report(&report)?;
        return Ok(Exit::Success);
    }
    confirm(&arguments, context, &statement, &report, &signer)?;
    let sealed = seal::seal(context, &signer, statement).await?;
    let path = place(&arguments, context, &rules.policy, sealed.bundle.bytes())?;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    write_atomic(&path, sealed.bundle.bytes())?;
    report.by.insert(signer.identity().clone());
    report.file = Some(path.display().to_string());
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// The newest statement that an owner signed about these very files, if it can still be used.
fn agreed<'a>(
    owned: &'a Owned,
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<&'a Published>, Failure> {
    let own = owned.all.iter();
    let own = own.filter(|one| one.said.version == policy.version());
    if let Some(other) = own.clone().find(|one| one.said.digest != policy.digest()) {
        return Err(Failure::usage(format_args!(
            "version {} of `{}` was signed with other content: {} and not {}",
            policy.version(),
            policy.name().escape_debug(),
            other.said.digest,
            policy.digest()
        ))
        .with_hint(
            "raise `version` with every change of the policy, and list the one before in `history`",
        ));
    }
    // Other persons since then took the place of what was signed before.
    let others = own.clone().map(|one| &one.said);
    let others = others.filter(|said| said.files != policy.files());
    let replaced = others.map(|said| said.issued_at).max();
    let usable = own.filter(|one| {
        let said = &one.said;
        let is_good = said.not_after > now && said.issued_at.duration_since(now) <= CLOCK_SKEW;
        said.files == policy.files() && is_good && Some(said.issued_at) >= replaced
    });
    Ok(usable.max_by_key(|one| (one.said.issued_at, one.said.not_after)))
}

/// The statement's bytes, out of the bundle they were signed in.
fn bytes_of(files: &[PolicyFile], wanted: &Published, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let payload = |file: &PolicyFile| {
        let bundle = Bundle::parse(file.bytes.clone(), limits).ok()?;
        Some(bundle.envelope()?.payload().to_vec())
    };
    let mut payloads = files.iter().filter_map(payload);
    let found = payloads.find(|payload| Digest::sha256(payload) == wanted.payload);
    found.ok_or_else(|| {
        let wrong = format!(
            "{} is signed, and in no bundle to sign it from",
            wanted.payload
        );
        Failure::new(FailureKind::Input, wrong).with_hint("begin anew: --renew")
    })
}

fn said(statement: &[u8], limits: &Limits) -> Result<SignedPolicy, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Internal, error);
    let statement = Statement::parse(statement, limits).map_err(|error| wrong(&error))?;
    statement.predicate().map_err(|error| wrong(&error))
}

/// A statement of these files, which the other owners sign after this one.
fn begin(
    arguments: &Sign,
    policy: &Policy,
    scope: &Scope,
    owned: &Owned,
    now: Timestamp,
) -> Result<Vec<u8>, Failure> {
    let before = owned.all.iter();
    let before = before.filter(|one| one.said.version < policy.version());
    let before = before.max_by_key(|one| (one.said.version, one.said.issued_at));
    let said = SignedPolicy {
        scope: scope.clone(),
        name: policy.name().to_owned(),
        version: policy.version(),
        previous: before.map(|one| one.payload.clone()),
        digest: policy.digest(),
        files: policy.files().to_vec(),
        issued_at: now,
        not_after: step::until(now, &arguments.valid_for)?,
        crit: Vec::new(),
    };
    Ok(claim::own(&[scope.subject()], &said)?)
}

/// The policy's scope, and an environment that makes it so.
fn scope(arguments: &Sign, policy: &Policy) -> Result<(Scope, Environment), Failure> {
    let mut own: BTreeMap<Scope, Environment> = BTreeMap::new();
    for (_, rule) in policy.environments() {
        let scope = Scope::policy_of(&rule.uri, policy.name()).map_err(|error| {
            let name = policy.name().escape_debug();
            Failure::usage(format_args!(
                "`{name}` cannot be signed by that name: {error}"
            ))
            .with_hint("give the policy a `name` of lower-case letters, digits, `-`, `.` and `_`")
        })?;
        own.insert(scope, rule.uri.clone());
    }
    if let Some(scope) = &arguments.scope {
        let found = own.get(scope).map(|rule| (scope.clone(), rule.clone()));
        return found.ok_or_else(|| {
            let known: Vec<_> = own.keys().map(Scope::as_str).collect();
            let known = known.join(" or ");
            Failure::usage(format_args!(
                "{scope} is not this policy: its environments make it {known}"
            ))
        });
    }
    let mut all = own.into_iter();
    match (all.next(), all.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Failure::usage("the policy has no environment")),
        (Some((one, _)), Some(_)) => Err(Failure::usage(
            "the policy's environments are of several organisations or app scopes",
        )
        .with_hint(format_args!("sign it once for each: --scope {one}"))),
    }
}

/// Refuses a signer whom the anchor does not name.
fn may_sign(anchor: &Anchor, signer: &Sealer) -> Result<(), Failure> {
    let is = |key_id: &_| anchor.owners().iter().any(|key| key.id() == key_id);
    match signer.identity() {
        Identity::Key { key_id } if is(key_id) => Ok(()),
        other => Err(Failure::usage(format_args!(
            "{other} is no owner of the policy: no verifier would count it"
        ))
        .with_hint("sign with a key that the anchor lists under `owners`")),
    }
}

/// Shows all that is signed, and asks.
fn confirm(
    arguments: &Sign,
    context: &Context,
    statement: &[u8],
    report: &SignReport,
    signer: &Sealer,
) -> Result<(), Failure> {
    let said = said(statement, &context.limits)?;
    let mut page = Page::default();
    let (scope, version) = (&said.scope, said.version);
    let (issued, until) = (said.issued_at, said.not_after);
    page.indented(
        1,
        format!("{scope} v{version}, of {issued}, good until {until}"),
    );
    for file in &said.files {
        page.indented(1, format!("{}  {}", file.sha256.hex(), file.path));
    }
    for owner in &report.by {
        page.indented(1, format!("signed by {owner}"));
    }
    if arguments.signing.yes {
        context.printer.note(page);
        return Ok(());
    }
    context.printer.announce(page);
    consent::answerable(context)?;
    let who = escape(&signer.identity().to_string()).to_string();
    consent::ask(&format!("sign this as {who}? [y/N] "))
}

/// Beside the policy: a name that says the version, and is no other signature's.
fn place(
    arguments: &Sign,
    context: &Context,
    policy: &Policy,
    bundle: &[u8],
) -> Result<PathBuf, Failure> {
    let policy_flag = arguments.decide.policy.as_deref();
    let setting = context.settings.text(&row::POLICY, policy_flag)?;
    let setting = setting.ok_or_else(|| Failure::usage("no policy given"))?;
    let path = Path::new(&setting.value);
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(Path::new(""))
    };
    let own = Digest::sha256(bundle);
    let own: String = own.hex().chars().take(16).collect();
    let name = format!("v{}-{own}.sigstore.json", policy.version());
    Ok(folder.join(SIGNATURES).join(name))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignReport {
    payload: Digest,
    /// The owners who signed it.
    by: BTreeSet<Identity>,
    threshold: usize,
    not_after: Timestamp,
    /// Where the signature is; absent if it was there already.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl Report for SignReport {
    fn human(&self, page: &mut Page) {
        let label = if self.file.is_some() {
            "signed"
        } else {
            "already signed"
        };
        let (by, threshold, until) = (self.by.len(), self.threshold, self.not_after);
        page.labelled(
            &Cell::good(label),
            &format!(
                "{}: by {by} owners, {threshold} needed, good until {until}",
                self.payload
            ),
        );
        if let Some(file) = &self.file {
            page.indented(1, file.as_str());
        }
    }
}
