# Sourced after lib.sh: the keys, the policy and the evidence of one release, and its way to prod.
# shellcheck shell=bash

# All are release managers; dana wrote the change, so her word does not count.
people=(alice bob dana)
machines=(builder tester promoter)

# make_keys FOLDER: one encrypted key pair for everybody.
make_keys() {
  local name
  keys=$1
  mkdir -p "$keys"
  for name in "${people[@]}" "${machines[@]}"; do
    quiet "$BULLA" key generate --out "$keys/$name"
  done
}

# A public key as an item of a list of identities.
identity() { # INDENT NAME
  printf '%s- key: |\n' "$1"
  sed "s/^/$1    /" "$keys/$2.pub"
}

# make_policy FOLDER: dev, staging and prod of pay-api; prod takes two release managers.
make_policy() {
  local name
  policy=$1
  mkdir -p "$policy/services"
  {
    cat <<'YAML'
apiVersion: bulla.dev/policy/v0.1
name: release
version: 1
environments:
  dev: {uri: "env://acme/pay/dev", freshness: none}
  staging: {uri: "env://acme/pay/staging", freshness: none}
  prod: {uri: "env://acme/pay/prod", freshness: none}
tiers:
  high: {claimedTime: allow}
  low: {claimedTime: allow}
identities:
YAML
    for name in "${machines[@]}"; do
      printf '  %s:\n' "$name"
      identity '    ' "$name"
    done
    cat <<'YAML'
edges:
  - to: dev
    by: [promoter]
    require:
      provenance: {by: [builder]}
  - from: dev
    to: staging
    by: [promoter]
    require:
      provenance: {by: [builder]}
      sbom: {by: [builder], maxAge: 30d}
      tests: {by: [tester], maxAge: 72h}
  - from: staging
    to: prod
    tiers: [high]
    by: [promoter]
    require:
      provenance: {by: [builder], builders: ["https://ci.example.test/builder"]}
      approvals: {threshold: 2, roles: [release-manager], maxAge: 7d}
  - from: staging
    to: prod
    tiers: [low]
    by: [promoter]
    require: {}
YAML
  } >"$policy/release.yaml"
  printf 'service: pay-api\ntier: high\nsources: ["https://git.example.test/acme/pay"]\n' >"$policy/services/pay-api.yaml"
  {
    printf 'people:\n'
    for name in "${people[@]}"; do
      printf '  %s:\n    roles: [release-manager]\n    emails: [%s@acme.example]\n    identities:\n' "$name" "$name"
      identity '      ' "$name"
    done
    printf 'machines:\n'
    for name in "${machines[@]}"; do
      printf '  %s:\n' "$name"
      identity '    ' "$name"
    done
  } >"$policy/people.yaml"
}

# make_evidence FOLDER: what the build and the tests of the release left behind.
make_evidence() {
  evidence=$1
  mkdir -p "$evidence"
  cat >"$evidence/provenance.json" <<'JSON'
{
  "buildDefinition": {
    "buildType": "https://ci.example.test/build/v1",
    "externalParameters": {"target": "image"},
    "resolvedDependencies": [{
      "uri": "git+https://git.example.test/acme/pay@refs/heads/main",
      "digest": {"gitCommit": "9c1e44d09c1e44d09c1e44d09c1e44d09c1e44d0"},
      "annotations": {"https://bulla.dev/authors": ["dana@acme.example"]}
    }]
  },
  "runDetails": {"builder": {"id": "https://ci.example.test/builder"}}
}
JSON
  cat >"$evidence/junit.xml" <<'XML'
<testsuite name="pay" tests="2" failures="0" errors="0" skipped="0">
  <testcase classname="pay.api" name="charges_once"/>
  <testcase classname="pay.api" name="refunds"/>
</testsuite>
XML
}

# as NAME VERB ARGUMENT...: runs bulla with that one's key.
as() {
  local name=$1 verb=$2
  shift 2
  "$BULLA" "$verb" --key "$keys/$name.key" "$@"
}

# decide VERB ARGUMENT...: a command that judges by the policy.
decide() {
  local verb=$1
  shift
  "$BULLA" "$verb" --policy "$policy" "$@"
}

# seal_build IMAGE: SBOM, signature, provenance and test result.
seal_build() {
  local image=$1
  quiet "$BULLA" sbom "$image" --out "$evidence/sbom.cdx.json"
  quiet as builder sign "$image"
  quiet as builder attest --sbom "$evidence/sbom.cdx.json" --provenance="$evidence/provenance.json" "$image"
  quiet as tester attest --test-results "$evidence/junit.xml" "$image"
}

# walk IMAGE: the whole way of a sealed image into prod, with what must be refused on it.
walk() {
  local image=$1
  expect 10 decide verify --env prod "$image"
  quiet as promoter promote --policy "$policy" "$image" --to dev
  # prod may be entered only from staging.
  expect 1 as promoter promote --policy "$policy" "$image" --to prod
  quiet as promoter promote --policy "$policy" "$image" --to staging
  quiet decide verify --env staging "$image"
  expect 4 as promoter promote --policy "$policy" "$image" --to prod
  said approvals-missing
  quiet as alice approve --policy "$policy" "$image" --to prod --yes
  # The same person twice is one person.
  quiet as alice approve --policy "$policy" "$image" --to prod --yes --message again
  expect 4 as promoter promote --policy "$policy" "$image" --to prod
  quiet as dana approve --policy "$policy" "$image" --to prod --yes
  expect 1 as promoter promote --policy "$policy" "$image" --to prod
  said approver-is-author
  quiet as bob approve --policy "$policy" "$image" --to prod --yes
  quiet as promoter promote --policy "$policy" "$image" --to prod
  quiet decide verify --env prod "$image"
  said allowed
}
