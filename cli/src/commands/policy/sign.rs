//! `bulla policy sign`: an owner says that these files are this version of the policy.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bulla_attest::claim;
use bulla_model::predicate::{Predicate as _, SignedPolicy};
use bulla_model::{Bundle, Digest, Identity, Limits, Scope, Statement};
use bulla_verify::{Policy, PolicyFile, owned};
use jiff::Timestamp;
use serde::Serialize;

use crate::args::policy::Sign;
use crate::commands::Context;
use crate::escape::escape;
use crate::join::rules::{Rules, SIGNATURES};
use crate::join::sealer::{Purpose, Sealer};
use crate::join::{consent, seal, step};
use crate::output::write_atomic;
use crate::render::{Cell, Page, Report};
use crate::settings::row;
use crate::{Exit, Failure};

/// Signs what the owners before signed, byte by byte, or begins with a statement of its own.
pub(super) async fn run(arguments: Sign, context: &Context) -> Result<Exit, Failure> {
    let now = step::whole_second(Timestamp::now());
    let rules = Rules::load(context, &arguments.decide, now)?;
    let scope = scope(&arguments, &rules.policy)?;
    let before = earlier(&rules.files.signatures, &scope, &context.limits);
    let statement = match agreed(&before, &rules.policy, now)? {
        Some(statement) => statement.payload.clone(),
        None => begin(&arguments, &rules.policy, &scope, &before, now)?,
    };
    let payload = Digest::sha256(&statement);
    let signer = Sealer::open(
        context,
        &arguments.signing,
        &arguments.decide.trusted_root,
        Purpose::Decision,
    )
    .await?;
    may_sign(&rules, &signer)?;
    if let Some(report) = SignReport::of(&rules, &payload, now, &context.limits)
        && report.by.contains(signer.identity())
    {
        context.printer.report(&report)?;
        return Ok(Exit::Success);
    }
    confirm(&arguments, context, &rules.policy, &signer)?;
    let sealed = seal::seal(context, &signer, statement).await?;
    let path = place(&arguments, context, &rules.policy, sealed.bundle.bytes())?;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
    write_atomic(&path, sealed.bundle.bytes())?;
    let again = Rules::load(context, &arguments.decide, now)?;
    let mut report = SignReport::of(&again, &payload, now, &context.limits).unwrap_or_default();
    report.by.insert(signer.identity().clone());
    report.payload = Some(payload);
    report.file = Some(path.display().to_string());
    context.printer.report(&report)?;
    Ok(Exit::Success)
}

/// A statement about this policy that somebody signed, as it came.
struct Earlier {
    payload: Vec<u8>,
    said: SignedPolicy,
}

/// Statements beside the policy; what is none says nothing here, and `bulla policy check` tells it.
fn earlier(files: &[PolicyFile], scope: &Scope, limits: &Limits) -> Vec<Earlier> {
    let read = |file: &PolicyFile| {
        let bundle = Bundle::parse(file.bytes.clone(), limits).ok()?;
        let payload = bundle.envelope()?.payload().to_vec();
        let statement = Statement::parse(&payload, limits).ok()?;
        let kind = statement.predicate_type().as_str();
        let is_policy = SignedPolicy::TYPES.contains(&kind);
        let said = is_policy.then(|| statement.predicate::<SignedPolicy>().ok())??;
        (said.scope == *scope).then_some(Earlier { payload, said })
    };
    files.iter().filter_map(read).collect()
}

/// What owners signed about these very files, if it can still be used.
fn agreed<'a>(
    signed: &'a [Earlier],
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<&'a Earlier>, Failure> {
    let mut own = signed
        .iter()
        .filter(|one| one.said.version == policy.version());
    if let Some(other) = own.clone().find(|one| one.said.digest != policy.digest()) {
        return Err(Failure::usage(format_args!(
            "version {} of `{}` was signed with other content: {} and not {}",
            policy.version(),
            policy.name(),
            other.said.digest,
            policy.digest()
        ))
        .with_hint(
            "raise `version` with every change of the policy, and list the one before in `history`",
        ));
    }
    Ok(own.find(|one| one.said.files == policy.files() && one.said.not_after > now))
}

/// The first owner's statement.
fn begin(
    arguments: &Sign,
    policy: &Policy,
    scope: &Scope,
    signed: &[Earlier],
    now: Timestamp,
) -> Result<Vec<u8>, Failure> {
    let before = signed
        .iter()
        .filter(|one| one.said.version < policy.version());
    let before = before.max_by_key(|one| (one.said.version, one.said.issued_at));
    let said = SignedPolicy {
        scope: scope.clone(),
        name: policy.name().to_owned(),
        version: policy.version(),
        previous: before.map(|one| Digest::sha256(&one.payload)),
        digest: policy.digest(),
        files: policy.files().to_vec(),
        issued_at: now,
        not_after: step::until(now, &arguments.valid_for)?,
        crit: Vec::new(),
    };
    Ok(claim::own(&[scope.subject()], &said)?)
}

fn scope(arguments: &Sign, policy: &Policy) -> Result<Scope, Failure> {
    let own = policy
        .environments()
        .map(|(_, rule)| Scope::policy_of(&rule.uri, policy.name()));
    let own: BTreeSet<Scope> = own.collect::<Result<_, _>>().map_err(|error| {
        let name = policy.name().escape_debug();
        Failure::usage(format_args!(
            "`{name}` cannot be signed by that name: {error}"
        ))
        .with_hint("give the policy a `name` of lower-case letters, digits, `-`, `.` and `_`")
    })?;
    match &arguments.scope {
        Some(scope) if own.contains(scope) => Ok(scope.clone()),
        Some(scope) => Err(Failure::usage(format_args!(
            "{scope} is not this policy: its environments make it {}",
            own.iter()
                .map(Scope::as_str)
                .collect::<Vec<_>>()
                .join(" or ")
        ))),
        None => {
            let mut all = own.into_iter();
            match (all.next(), all.next()) {
                (Some(one), None) => Ok(one),
                (None, _) => Err(Failure::usage("the policy has no environment")),
                (Some(one), Some(_)) => Err(Failure::usage(
                    "the policy's environments are of several organisations or app scopes",
                )
                .with_hint(format_args!("sign it for each: --scope {one}"))),
            }
        }
    }
}

/// Refuses a signer whom the anchor does not name; without an anchor everybody may.
fn may_sign(rules: &Rules, signer: &Sealer) -> Result<(), Failure> {
    let Some(anchor) = &rules.anchor else {
        return Ok(());
    };
    let is = |key_id: &_| anchor.owners().iter().any(|key| key.id() == key_id);
    match signer.identity() {
        Identity::Key { key_id } if is(key_id) => Ok(()),
        other => Err(Failure::usage(format_args!(
            "{other} is no owner of the policy: no verifier would count it"
        ))
        .with_hint("sign with a key that the anchor lists under `owners`")),
    }
}

fn confirm(
    arguments: &Sign,
    context: &Context,
    policy: &Policy,
    signer: &Sealer,
) -> Result<(), Failure> {
    let mut page = Page::default();
    for file in policy.files() {
        page.indented(1, format!("{}  {}", file.sha256.hex(), file.path));
    }
    if arguments.signing.yes {
        context.printer.note(page);
        return Ok(());
    }
    context.printer.announce(page);
    if !context.environment().terminals().input {
        return Err(
            Failure::usage("nobody is there to ask, so nothing was signed")
                .with_hint("say yes in advance: --yes"),
        );
    }
    let (name, version) = (escape(policy.name()).to_string(), policy.version());
    let who = escape(&signer.identity().to_string()).to_string();
    consent::ask(&format!(
        "sign these files as {name} v{version}, as {who}? [y/N] "
    ))
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

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct SignReport {
    payload: Option<Digest>,
    /// Owners whose signatures count, by the anchor; without an anchor whoever signs now.
    by: BTreeSet<Identity>,
    threshold: Option<usize>,
    not_after: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

impl SignReport {
    /// What the anchor's owners signed so far, if it is this statement.
    fn of(rules: &Rules, payload: &Digest, now: Timestamp, limits: &Limits) -> Option<Self> {
        let anchor = rules.anchor.as_ref()?;
        let threshold = Some(anchor.threshold());
        let told = rules
            .policy
            .environments()
            .filter_map(|(_, rule)| owned(&rules.policy, anchor, &rule.uri, now, limits).best);
        let same = told.into_iter().find(|best| best.payload == *payload);
        Some(Self {
            payload: Some(payload.clone()),
            by: same
                .as_ref()
                .map(|best| best.by.clone())
                .unwrap_or_default(),
            threshold,
            not_after: same.map(|best| best.not_after),
            file: None,
        })
    }
}

impl Report for SignReport {
    fn human(&self, page: &mut Page) {
        let label = if self.file.is_some() {
            "signed"
        } else {
            "already signed"
        };
        let count = match self.threshold {
            Some(threshold) => format!("{} of {threshold} owners", self.by.len()),
            None => "without an anchor nobody is an owner".to_owned(),
        };
        let until = self.not_after;
        let until = until.map_or_else(String::new, |until| format!(", good until {until}"));
        let payload = self.payload.as_ref().map(ToString::to_string);
        page.labelled(
            &Cell::good(label),
            &format!("{}: {count}{until}", payload.unwrap_or_default()),
        );
        if let Some(file) = &self.file {
            page.indented(1, file.as_str());
        }
    }
}
