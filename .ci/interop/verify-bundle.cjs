// node verify-bundle.cjs PUBLIC-KEY.pem BUNDLE.json: @sigstore/verify's word on a key-signed bundle.
// Such a bundle carries neither a log entry nor a timestamp, so none is asked for.
const {createHash, createPublicKey} = require('node:crypto');
const {readFileSync} = require('node:fs');
const {bundleFromJSON} = require('@sigstore/bundle');
const {Verifier, toSignedEntity, toTrustMaterial} = require('@sigstore/verify');

const [keyFile, bundleFile] = process.argv.slice(2);
const spki = createPublicKey(readFileSync(keyFile)).export({type: 'spki', format: 'der'});
const hint = createHash('sha256').update(spki).digest('base64');
const nobody = {certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: []};
const trust = toTrustMaterial(nobody, {[hint]: {rawBytes: spki}});
const verifier = new Verifier(trust, {ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0});
try {
  verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(readFileSync(bundleFile, 'utf8')))));
} catch (error) {
  console.error(`${error.code}: ${error.message}`);
  process.exit(1);
}
