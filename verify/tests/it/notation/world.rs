//! Authorities, signers and timestamps made for one test, and what is asked about them.

use std::collections::BTreeMap;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bulla_model::notation::EnvelopeForm;
use bulla_model::{Descriptor, Digest, Limits, media_type};
use bulla_verify::notation::{
    NotationOutcome, NotationQuestion, NotationSignature, RevocationLists, TrustPolicy,
    TrustStores, verify_notation,
};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use serde_json::{Value, json};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};

/// The artifact everything is about.
pub(crate) const IMAGE: &[u8] = b"{\"schemaVersion\":2}";

/// A key with its certificate, and those above it.
pub(crate) struct Holder {
    pub(crate) params: CertificateParams,
    pub(crate) key: KeyPair,
    pub(crate) chain: Vec<Vec<u8>>,
}

/// What a certificate says before a test changes it.
pub(crate) fn params(common_name: &str, usage: KeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    let name = &mut params.distinguished_name;
    name.push(DnType::CountryName, "US");
    name.push(DnType::StateOrProvinceName, "WA");
    name.push(DnType::OrganizationName, "acme");
    name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2035, 1, 1);
    params.key_usages = vec![usage];
    params.serial_number = Some(SerialNumber::from(7_u64));
    params
}

pub(crate) fn authority_params(common_name: &str) -> CertificateParams {
    let mut params = params(common_name, KeyUsagePurpose::KeyCertSign);
    params.key_usages.push(KeyUsagePurpose::CrlSign);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

pub(crate) fn leaf_params() -> CertificateParams {
    let mut params = params("signer", KeyUsagePurpose::DigitalSignature);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
    params
}

/// A timestamp authority's: the usage is critical.
pub(crate) fn stamper_params() -> CertificateParams {
    let mut params = params("stamps", KeyUsagePurpose::DigitalSignature);
    let usage = seq(&[oid("1.3.6.1.5.5.7.3.8")]);
    let mut usage = CustomExtension::from_oid_content(&[2, 5, 29, 37], usage);
    usage.set_criticality(true);
    params.custom_extensions = vec![usage];
    params
}

/// Adds a place where revocation lists would be.
pub(crate) fn with_lists(mut params: CertificateParams) -> CertificateParams {
    params.crl_distribution_points = vec![CrlDistributionPoint {
        uris: vec!["http://lists.example.test/acme.crl".to_owned()],
    }];
    params
}

impl Holder {
    pub(crate) fn root(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self {
            params,
            key,
            chain: vec![der],
        }
    }

    pub(crate) fn issue(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let der = params.signed_by(&key, &issuer).unwrap().der().to_vec();
        Self {
            params,
            key,
            chain: [vec![der], self.chain.clone()].concat(),
        }
    }

    /// A list of this authority that is up to date until the end of the year, or until then.
    pub(crate) fn list(&self, revoked: &[u64], until: i32) -> Vec<u8> {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(until, 12, 31),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|serial| RevokedCertParams {
                    serial_number: SerialNumber::from(*serial),
                    revocation_time: date_time_ymd(2026, 1, 1),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let issuer = Issuer::from_params(&self.params, &self.key);
        list.signed_by(&issuer).unwrap().der().to_vec()
    }

    fn sign(&self, algorithm: &'static EcdsaSigningAlgorithm, message: &[u8]) -> Vec<u8> {
        let key = EcdsaKeyPair::from_pkcs8(algorithm, &self.key.serialize_der()).unwrap();
        let signature = key.sign(&SystemRandom::new(), message).unwrap();
        signature.as_ref().to_vec()
    }

    /// A JWS of the image, with what the test adds to header and unsigned header; the latter is
    /// made from the signature.
    pub(crate) fn jws(
        &self,
        change: impl FnOnce(&mut Value),
        stamp: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
    ) -> Vec<u8> {
        let mut header = json!({
            "alg": "ES256",
            "cty": "application/vnd.cncf.notary.payload.v1+json",
            "crit": ["io.cncf.notary.signingScheme"],
            "io.cncf.notary.signingScheme": "notary.x509",
            "io.cncf.notary.signingTime": "2026-05-01T00:00:00Z",
        });
        change(&mut header);
        let payload = json!({"targetArtifact": {
            "mediaType": media_type::IMAGE_MANIFEST,
            "digest": Digest::sha256(IMAGE),
            "size": IMAGE.len(),
            "annotations": {"build": "123"},
        }});
        let [protected, payload] =
            [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{protected}.{payload}");
        let signature = self.sign(&ECDSA_P256_SHA256_FIXED_SIGNING, signed.as_bytes());
        let chain: Vec<_> = self.chain.iter().map(|der| STANDARD.encode(der)).collect();
        let mut unsigned = json!({"x5c": chain, "io.cncf.notary.signingAgent": "test/1"});
        if let Some(token) = stamp(&signature) {
            unsigned["io.cncf.notary.timestampSignature"] = STANDARD.encode(token).into();
        }
        let envelope = json!({
            "payload": payload,
            "protected": protected,
            "header": unsigned,
            "signature": URL_SAFE_NO_PAD.encode(signature),
        });
        envelope.to_string().into_bytes()
    }

    /// The JWS as it usually is.
    pub(crate) fn plain(&self) -> Vec<u8> {
        self.jws(|_| {}, |_| None)
    }

    /// An RFC 3161 token over these bytes, at `20260501000000Z` or another time.
    pub(crate) fn stamp(&self, message: &[u8], time: &str) -> Vec<u8> {
        self.stamp_saying(message, time, &[seq(&[vec![2, 1, 1]])])
    }

    /// The same with these members after the time.
    pub(crate) fn stamp_saying(&self, message: &[u8], time: &str, members: &[Vec<u8>]) -> Vec<u8> {
        let sha256 = seq(&[oid("2.16.840.1.101.3.4.2.1")]);
        let info = seq(&[
            vec![2, 1, 1],
            oid("1.2.3.4"),
            seq(&[sha256.clone(), tlv(4, &digest(message))]),
            vec![2, 1, 5],
            tlv(0x18, time.as_bytes()),
            members.concat(),
        ]);
        let attribute = |kind: &str, value: Vec<u8>| seq(&[oid(kind), tlv(0x31, &value)]);
        let leaf = &self.chain[0];
        let named = seq(&[seq(&[seq(&[tlv(4, &digest(leaf))])])]);
        let mut attributes = [
            attribute("1.2.840.113549.1.9.3", oid("1.2.840.113549.1.9.16.1.4")),
            attribute("1.2.840.113549.1.9.4", tlv(4, &digest(&info))),
            attribute("1.2.840.113549.1.9.16.2.47", named),
        ];
        attributes.sort();
        let attributes = attributes.concat();
        let signature = self.sign(&ECDSA_P256_SHA256_ASN1_SIGNING, &tlv(0x31, &attributes));
        let parsed = x509_cert::Certificate::from_der(leaf).unwrap();
        let body = parsed.tbs_certificate;
        let signer = seq(&[
            vec![2, 1, 1],
            seq(&[
                body.issuer.to_der().unwrap(),
                body.serial_number.to_der().unwrap(),
            ]),
            sha256.clone(),
            tlv(0xa0, &attributes),
            seq(&[oid("1.2.840.10045.4.3.2")]),
            tlv(4, &signature),
        ]);
        let data = seq(&[
            vec![2, 1, 3],
            tlv(0x31, &sha256),
            seq(&[oid("1.2.840.113549.1.9.16.1.4"), tlv(0xa0, &tlv(4, &info))]),
            // The root is not in it.
            tlv(0xa0, &self.chain[..self.chain.len() - 1].concat()),
            tlv(0x31, &signer),
        ]);
        seq(&[oid("1.2.840.113549.1.7.2"), tlv(0xa0, &data)])
    }
}

fn digest(bytes: &[u8]) -> Vec<u8> {
    Digest::sha256(bytes).to_bytes()
}

pub(crate) fn oid(text: &str) -> Vec<u8> {
    ObjectIdentifier::new(text).unwrap().to_der().unwrap()
}

pub(crate) fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = vec![tag];
    match length {
        0..128 => der.push(u8::try_from(length).unwrap()),
        128..256 => der.extend([0x81, u8::try_from(length).unwrap()]),
        _ => {
            der.push(0x82);
            der.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    der.extend(content);
    der
}

/// What is asked: a policy of one statement, stores, lists, an artifact and a time.
pub(crate) struct Case {
    pub(crate) statement: Value,
    pub(crate) stores: Vec<Vec<u8>>,
    pub(crate) stamps: Vec<Vec<u8>>,
    pub(crate) lists: Vec<Vec<u8>>,
    pub(crate) artifact: Descriptor,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) now: Timestamp,
}

impl Case {
    /// Everything by whom `root` certified, enforced, on the first of June 2026.
    pub(crate) fn strict(root: &[u8]) -> Self {
        Self {
            statement: json!({
                "name": "all",
                "registryScopes": ["*"],
                "signatureVerification": {"level": "strict"},
                "trustStores": ["ca:acme"],
                "trustedIdentities": ["*"],
            }),
            stores: vec![root.to_vec()],
            stamps: Vec::new(),
            lists: Vec::new(),
            artifact: Descriptor::of(media_type::IMAGE_MANIFEST, IMAGE),
            annotations: BTreeMap::new(),
            now: "2026-06-01T00:00:00Z".parse().unwrap(),
        }
    }

    /// With timestamps under this root.
    pub(crate) fn with_stamps(mut self, root: &[u8]) -> Self {
        let stores = self.statement["trustStores"].as_array_mut().unwrap();
        stores.push("tsa:stamps".into());
        self.stamps.push(root.to_vec());
        self
    }

    pub(crate) fn about(mut self, digest: &str, size: u64, media_type: &str) -> Self {
        self.artifact = Descriptor::new(media_type, digest.parse().unwrap(), size);
        self
    }

    pub(crate) fn at(mut self, now: &str) -> Self {
        self.now = now.parse().unwrap();
        self
    }

    pub(crate) fn verify(&self, form: EnvelopeForm, envelope: &[u8]) -> NotationSignature {
        let limits = Limits::default();
        let policy = json!({"version": "1.0", "trustPolicies": [self.statement]});
        let policy = TrustPolicy::parse(policy.to_string().as_bytes(), &limits).unwrap();
        let statement = policy.statement_for("registry.example.test/app").unwrap();
        let mut stores = TrustStores::default();
        for name in statement.stores() {
            let files = match name.name() {
                "stamps" => &self.stamps,
                _ => &self.stores,
            };
            for file in files {
                stores.add(name, file).unwrap();
            }
        }
        let mut lists = RevocationLists::default();
        for list in &self.lists {
            lists.add(list).unwrap();
        }
        verify_notation(
            &NotationQuestion {
                artifact: &self.artifact,
                statement,
                stores: &stores,
                lists: &lists,
                annotations: &self.annotations,
                now: self.now,
                limits: &limits,
            },
            &Digest::sha256(envelope),
            form,
            envelope,
        )
    }

    /// What came of the last validation, and what was found, of a JWS.
    pub(crate) fn jws(&self, envelope: &[u8]) -> (NotationOutcome, String) {
        let signature = self.verify(EnvelopeForm::Jws, envelope);
        let last = signature.checks.last().unwrap();
        if let NotationOutcome::Failed(cause) = last.outcome {
            let enforced = signature.cause.is_some();
            assert!(!enforced || signature.cause == Some(cause));
        }
        (last.outcome, last.found.clone())
    }
}
