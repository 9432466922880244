// node sign-recorded.cjs FILE TYPE REKOR-VERSION REKOR-ENTRY: @sigstore/sign signs a file, as an envelope of the media
// type TYPE or, where that is `bytes`, as it is, and prints the bundle. REKOR-ENTRY is the kind of entry an
// envelope has in Rekor v1. The environment says where the services are and which file holds the token.
const {readFileSync} = require('node:fs');
const {bundleToJSON} = require('@sigstore/bundle');
const {DSSEBundleBuilder, FulcioSigner, MessageSignatureBundleBuilder, RekorWitness, TSAWitness} = require('@sigstore/sign');

const [file, type, version, entryType] = process.argv.slice(2);
const {FULCIO, REKOR, TSA, TOKEN} = process.env;
const Builder = type === 'bytes' ? MessageSignatureBundleBuilder : DSSEBundleBuilder;
const builder = new Builder({
  signer: new FulcioSigner({
    fulcioBaseURL: FULCIO,
    identityProvider: {getToken: async () => readFileSync(TOKEN, 'utf8')},
  }),
  witnesses: [
    new RekorWitness({rekorBaseURL: REKOR, majorApiVersion: Number(version), entryType}),
    new TSAWitness({tsaBaseURL: new URL(TSA).origin}),
  ],
});
builder.create({data: readFileSync(file), type}).then(
  (bundle) => console.log(JSON.stringify(bundleToJSON(bundle))),
  (error) => {
    console.error(`${error.code}: ${error.message}: ${error.cause}`);
    process.exit(1);
  },
);
