#!/usr/bin/env bash
# Windows that recur are closed when python-dateutil says so, in time zones whose clocks change. And the
# recurrences of testdata/verify/calendar are those that it computes.
. "$(dirname "$0")/lib.sh"

# It comes with in-toto.
python=$peers/in-toto/bin/python
if ! [ -x "$python" ] || ! "$python" -c 'import dateutil' 2>/dev/null; then
  skip python-dateutil
  exit 0
fi

cp "$root/testdata/verify/calendar/recurrence.json" kept.json
quiet "$python" "$interop/calendars.py" recompute kept.json computed.json
quiet cmp kept.json computed.json
ok 'kept recurrences are those of python-dateutil'

quiet "$BULLA" key generate --out owner
mkdir -p policy/services
pem() { sed 's/^/        /' owner.pub; }
cat >policy/release.yaml <<EOF
apiVersion: bulla.dev/policy/v0.1
name: release
version: 1
environments:
  prod: {uri: env://acme/pay/prod, freshness: none}
tiers:
  high: {claimedTime: allow}
identities:
  owner:
    - key: |
$(pem)
edges:
  - {to: prod, by: [owner], require: {provenance: {by: [owner]}}}
freezes: {by: [owner]}
EOF
printf 'people: {}\nmachines:\n  owner:\n    - key: |\n%s\n' "$(pem)" >policy/people.yaml
printf 'service: pay\ntier: high\nsources: [https://git.example.test/acme/pay]\n' >policy/services/pay.yaml
cat >anchor.yaml <<EOF
apiVersion: bulla.dev/anchor/v0.1
owners:
  threshold: 1
  keys:
    - |
$(pem)
environments: [env://acme/pay/prod]
ledger:
  by:
    - key: |
$(pem)
  location: oci:ledger
EOF
# Named, and not in a bulla.yaml: in CI a discovered one may set neither.
export BULLA_POLICY=$PWD/policy BULLA_ANCHOR=$PWD/anchor.yaml
quiet "$BULLA" checkpoint --first --key owner.key --state state.json
"$python" "$interop/calendars.py" ask "$BULLA" | tail -n 20
ok 'random windows are closed when python-dateutil says so'
