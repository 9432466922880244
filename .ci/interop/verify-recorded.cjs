// node verify-recorded.cjs TRUSTED-ROOT.json BUNDLE.json TIMESTAMPS [ARTIFACT]: @sigstore/verify's word on a bundle
// with a certificate, one log entry and so many RFC 3161 timestamps; prints whom it names.
const {readFileSync} = require('node:fs');
const {bundleFromJSON} = require('@sigstore/bundle');
const {TrustedRoot} = require('@sigstore/protobuf-specs');
const {Verifier, toSignedEntity, toTrustMaterial} = require('@sigstore/verify');

const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
const [root, bundle, timestamps, artifact] = process.argv.slice(2);
const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(json(root))), {
  ctlogThreshold: 1, tlogThreshold: 1, tsaThreshold: Number(timestamps), timestampThreshold: 1,
});
try {
  const entity = toSignedEntity(bundleFromJSON(json(bundle)), artifact && readFileSync(artifact));
  console.log(verifier.verify(entity).identity.subjectAlternativeName);
} catch (error) {
  console.error(`${error.code}: ${error.message}`);
  process.exit(1);
}
