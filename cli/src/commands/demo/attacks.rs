//! The attacks, each on a copy, each of which has to be refused for the right reason.

use std::path::Path;

use bulla_attest::{AnySigner, MemorySigner, PrivateKey};
use bulla_model::envelope::IN_TOTO;
use bulla_model::predicate::promotion::{Chain, Slot};
use bulla_model::predicate::{CYCLONEDX, Promotion, approval, promotion};
use bulla_model::{
    Bundle, Descriptor, Digest, Envelope, Environment, KeyMaterial, Limits, ResourceDescriptor,
    Service, Statement, Tag, Tier,
};
use bulla_registry::{Layout, Store as _, Target as Selector, attach, read_bundles};
use jiff::Timestamp;

use super::stage::{self, Stage};
use super::{limits, pack};
use crate::commands::Context;
use crate::failure::FailureKind;
use crate::join::sealer::Sealer;
use crate::join::{file, seal, step};
use crate::{Exit, Failure};

/// Plays all of them.
pub(super) async fn play(
    stage: &Stage<'_>,
    image: &str,
    version: &Tag,
    context: &Context,
) -> Result<(), Failure> {
    stage.title("Now the attacks, each on a copy");
    let theatre = Theatre {
        stage,
        version,
        context,
    };
    theatre.approval_removed().await?;
    theatre.sbom_tampered().await?;
    theatre.other_build().await?;
    theatre.approval_replayed(image).await?;
    theatre.builder_approves().await?;
    theatre.staging_skipped().await?;
    theatre.service_renamed().await
}

struct Theatre<'a> {
    stage: &'a Stage<'a>,
    version: &'a Tag,
    context: &'a Context,
}

/// A copy of an image with its attestations, open for mischief.
struct Copy {
    layout: Layout,
    descriptor: Descriptor,
    target: String,
}

/// An attestation in a layout.
struct Found {
    manifest: Digest,
    bundle: Bundle,
    statement: Statement,
}

impl Theatre<'_> {
    async fn approval_removed(&self) -> Result<(), Failure> {
        self.stage
            .title("An approval removed: a registry hides one of the two");
        let copy = self.copy("image", "approval-removed").await?;
        let approvals = copy.find(approval::TYPE, &self.limits()).await?;
        let victim = approvals.first().ok_or_else(|| missing("an approval"))?;
        copy.layout.delete_manifest(&victim.manifest).await?;
        self.expect(
            &stage::verify(&copy.target),
            Exit::NotYet,
            "approvals-missing",
        )
        .await
    }

    async fn sbom_tampered(&self) -> Result<(), Failure> {
        self.stage
            .title("A tampered SBOM: one version changed, the signature kept");
        let copy = self.copy("image", "sbom-tampered").await?;
        for found in copy.find(CYCLONEDX, &self.limits()).await? {
            let envelope = found
                .bundle
                .envelope()
                .ok_or_else(|| missing("an envelope"))?;
            let payload = tamper(envelope.payload());
            let forged = Envelope::new(payload, IN_TOTO, envelope.signatures().to_vec());
            let KeyMaterial::PublicKey { hint } = found.bundle.key() else {
                continue;
            };
            let forged = Bundle::with_public_key(&forged, hint)
                .map_err(|error| Failure::new(FailureKind::Internal, error))?;
            copy.layout.delete_manifest(&found.manifest).await?;
            attach(&copy.layout, &copy.descriptor, &forged, Timestamp::now()).await?;
        }
        self.expect(
            &stage::verify(&copy.target),
            Exit::Invalid,
            "signature-invalid",
        )
        .await
    }

    /// Another build of the service, honestly promoted as far as staging.
    async fn other_build(&self) -> Result<(), Failure> {
        self.stage
            .title("For the rest: another build, honestly promoted to staging");
        let layout = Layout::create(&self.stage.path("other"), &self.limits())?;
        pack::other_build(&layout, self.version).await?;
        let target = format!("oci:other:{}", self.version);
        self.stage
            .quiet(&["sbom", &target, "-o", "other.cdx.json"], "list it")
            .await?;
        let attest = [
            "attest",
            &target,
            "--sbom",
            "other.cdx.json",
            "--provenance=provenance.json",
            "--test-results",
            "junit.xml",
            "--key",
            "keys/bob.key",
        ];
        self.stage.quiet(&attest, "seal it").await?;
        for to in ["dev", "staging"] {
            self.stage
                .quiet(&stage::promote(&target, to), "promote it")
                .await?;
        }
        Ok(())
    }

    async fn approval_replayed(&self, image: &str) -> Result<(), Failure> {
        self.stage
            .title("Approvals replayed: those of the first image attached to the other");
        let copy = self.copy("other", "approval-replayed").await?;
        let original = self.open("image", image).await?;
        for found in original.find(approval::TYPE, &self.limits()).await? {
            attach(
                &copy.layout,
                &copy.descriptor,
                &found.bundle,
                Timestamp::now(),
            )
            .await?;
        }
        self.expect(
            &stage::promote(&copy.target, "prod"),
            Exit::NotYet,
            "subject-mismatch",
        )
        .await
    }

    async fn builder_approves(&self) -> Result<(), Failure> {
        self.stage.title("The builder approves his own build");
        let copy = self.copy("other", "builder-approves").await?;
        for person in ["alice", "bob"] {
            let key = format!("keys/{person}.key");
            self.stage
                .quiet(&stage::approve(&copy.target, "prod", &key), person)
                .await?;
        }
        self.expect(
            &stage::promote(&copy.target, "prod"),
            Exit::Denied,
            "approver-is-builder",
        )
        .await
    }

    async fn staging_skipped(&self) -> Result<(), Failure> {
        self.stage
            .title("Staging skipped: a stolen promoter's key signs dev -> prod");
        let copy = self.copy("other", "staging-skipped").await?;
        self.forge(&copy, |_| Ok(())).await?;
        self.expect(&stage::verify(&copy.target), Exit::Denied, "edge-unknown")
            .await
    }

    async fn service_renamed(&self) -> Result<(), Failure> {
        self.stage.title("The service renamed: the same key claims a service of a lower tier, which may skip staging");
        let copy = self.copy("other", "service-renamed").await?;
        self.forge(&copy, |promotion| {
            let wrong = |error: bulla_model::NameError| Failure::new(FailureKind::Internal, error);
            promotion.service = "playground".parse::<Service>().map_err(wrong)?;
            promotion.tier = "low".parse::<Tier>().map_err(wrong)?;
            Ok(())
        })
        .await?;
        self.expect(
            &stage::verify(&copy.target),
            Exit::Denied,
            "service-mismatch",
        )
        .await
    }

    /// Signs a promotion dev -> prod with the promoter's real key, changed as the attack wants.
    async fn forge(
        &self,
        copy: &Copy,
        change: impl FnOnce(&mut Promotion) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let broken = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Internal, error);
        let dev: Environment = "env://acme/demo/dev"
            .parse()
            .map_err(|error| broken(&error))?;
        let promotions = copy.find(promotion::TYPE, &self.limits()).await?;
        let into_dev = promotions
            .iter()
            .filter_map(|found| Some((found, found.statement.predicate::<Promotion>().ok()?)))
            .find(|(_, promotion)| promotion.edge.to.uri == dev);
        let (found, mut forged) = into_dev.ok_or_else(|| missing("a promotion into dev"))?;
        let before = found
            .bundle
            .envelope()
            .map(Envelope::payload_digest)
            .ok_or_else(|| missing("an envelope"))?;
        forged.edge.from = Some(dev);
        forged.edge.to.uri = "env://acme/demo/prod"
            .parse()
            .map_err(|error| broken(&error))?;
        forged.chain = Chain {
            first: Some(before.clone()),
            previous: vec![before],
            sequence: 2,
        };
        forged.slot = Slot {
            sequence: 1,
            previous: None,
        };
        forged.issued_at = step::whole_second(Timestamp::now());
        change(&mut forged)?;
        let pem = file::read(&self.stage.path("keys/release-bot.key"), 64 << 10)?;
        let key = PrivateKey::from_pem(&pem, None)?;
        let signer = Sealer::from(AnySigner::from(MemorySigner::new(key)));
        let subject = ResourceDescriptor::named("other", copy.descriptor.digest.clone());
        let payload = bulla_attest::claim::promotion(&[subject], &forged)?;
        let sealed = seal::seal(self.context, &signer, payload).await?;
        attach(
            &copy.layout,
            &copy.descriptor,
            &sealed.bundle,
            Timestamp::now(),
        )
        .await?;
        Ok(())
    }

    /// Runs the command and makes sure that it refuses, and why.
    async fn expect(&self, arguments: &[String], exit: Exit, code: &str) -> Result<(), Failure> {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--output".to_owned(), "json".to_owned()]);
        let (answer, found) = self.stage.json(&arguments).await?;
        let verdict = answer
            .pointer("/verdicts/0/verdict")
            .or_else(|| answer.get("verdict"));
        let findings = verdict
            .and_then(|verdict| verdict.get("findings")?.as_array())
            .cloned()
            .unwrap_or_default();
        let finding = findings.iter().find(|finding| finding["code"] == code);
        match finding {
            Some(finding) if found == exit.code() => {
                self.stage
                    .refusal(code, finding["message"].as_str().unwrap_or_default(), exit);
                Ok(())
            }
            _ => Err(Failure::new(
                FailureKind::Internal,
                format_args!(
                    "an attack was not refused as it should: exit {found}, expected {} with {code}",
                    exit.code()
                ),
            )
            .with_detail(answer)),
        }
    }

    async fn copy(&self, from: &str, name: &str) -> Result<Copy, Failure> {
        let folder = format!("attacks/{name}");
        let (source, target) = (self.stage.path(from), self.stage.path(&folder));
        copy_folder(&source, &target).map_err(|error| Failure::file("copy", &target, &error))?;
        self.open(&folder, &format!("oci:{folder}:{}", self.version))
            .await
    }

    async fn open(&self, folder: &str, target: &str) -> Result<Copy, Failure> {
        let layout = Layout::open(&self.stage.path(folder), &self.limits())?;
        let descriptor = layout.resolve(&Selector::Tag(self.version.clone())).await?;
        Ok(Copy {
            layout,
            descriptor,
            target: target.to_owned(),
        })
    }

    fn limits(&self) -> Limits {
        limits(self.context)
    }
}

impl Copy {
    /// The attestations of a type.
    async fn find(&self, kind: &str, limits: &Limits) -> Result<Vec<Found>, Failure> {
        let set = read_bundles(&self.layout, &self.descriptor.digest).await?;
        let mut found = Vec::new();
        for referrer in set.bundles {
            let Ok(bundle) = Bundle::parse(referrer.bytes, limits) else {
                continue;
            };
            let Some(Ok(statement)) = bundle
                .envelope()
                .map(|envelope| Statement::parse(envelope.payload(), limits))
            else {
                continue;
            };
            if statement.predicate_type().as_str() == kind {
                found.push(Found {
                    manifest: referrer.manifest.digest().clone(),
                    bundle,
                    statement,
                });
            }
        }
        Ok(found)
    }
}

/// Changes one version in a document.
fn tamper(payload: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(payload);
    let changed = text.replacen("\"version\":\"", "\"version\":\"9", 1);
    let changed = if changed == text {
        text.replacen('}', " }", 1)
    } else {
        changed
    };
    changed.into_bytes()
}

/// Blobs are never changed in place, so copies may share them.
fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&source, &target)?;
        } else if source.components().any(|part| part.as_os_str() == "blobs")
            && std::fs::hard_link(&source, &target).is_ok()
        {
        } else {
            std::fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

fn missing(what: &str) -> Failure {
    Failure::new(FailureKind::Internal, format_args!("the demo lost {what}"))
}
