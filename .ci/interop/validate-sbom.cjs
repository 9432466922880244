// node validate-sbom.cjs BOM.json: the CycloneDX library's word on a document, by the official schema.
const {readFileSync} = require('node:fs');
const {Spec, Validation} = require('@cyclonedx/cyclonedx-library');

const text = readFileSync(process.argv[2], 'utf8');
const {specVersion} = JSON.parse(text);
new Validation.JsonStrictValidator(specVersion).validate(text).then(
  (problem) => {
    if (problem === null) {
      console.log(`valid CycloneDX ${specVersion}`);
      return;
    }
    console.error(JSON.stringify(problem, null, 1).slice(0, 4000));
    process.exit(1);
  },
  (error) => {
    // Without this the library's missing optional packages would look like a valid document.
    console.error(`could not validate: ${error}`);
    process.exit(2);
  },
);
if (!Object.values(Spec.Version).includes(specVersion)) {
  console.error(`the library does not know CycloneDX ${specVersion}`);
  process.exit(2);
}
