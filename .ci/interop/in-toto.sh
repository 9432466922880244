#!/usr/bin/env bash
# Bulla and the reference implementation of in-toto give the same answer about the same layouts and
# links, made by the reference implementation: in both wrappings, with one and with two functionaries.
. "$(dirname "$0")/lib.sh"

in_toto=$peers/in-toto/bin
if [ ! -x "$in_toto/in-toto-verify" ]; then
  skip in-toto
  exit 0
fi
need openssl

for kind in ed25519 rsa ec; do
  case $kind in
    ed25519) make=(-algorithm ed25519) ;;
    rsa) make=(-algorithm rsa -pkeyopt rsa_keygen_bits:2048) ;;
    ec) make=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256) ;;
  esac
  quiet openssl genpkey "${make[@]}" -out "$work/$kind.pem"
  quiet openssl pkey -in "$work/$kind.pem" -pubout -out "$work/$kind.pub"
done
quiet openssl genpkey -algorithm ed25519 -out "$work/owner.pem"
quiet openssl pkey -in "$work/owner.pem" -pubout -out "$work/owner.pub"

# make FOLDER FORM CHANGE: a layout and its links in FOLDER/links, a product in FOLDER/product.
make() { quiet "$in_toto/python" "$interop/in-toto-chain.py" "$work" "$@"; }

# agree WHAT EXIT FOLDER [KEY]: in-toto accepts what Bulla accepts, and refuses what Bulla refuses.
agree() {
  local what=$1 exit=$2 folder=$3 key=${4:-owner.pub} theirs=0
  (cd "$folder/product" && "$in_toto/in-toto-verify" --layout "$folder/root.layout" \
    --verification-keys "$work/$key" --link-dir "$folder/links") >"$work/theirs" 2>&1 || theirs=$?
  if [ "$theirs" -ne "$((exit == 0 ? 0 : 1))" ]; then
    cat "$work/theirs"
    fail "$what: in-toto-verify ends with $theirs, Bulla should end with $exit"
  fi
  expect "$exit" "$BULLA" in-toto verify --layout "$folder/root.layout" --key "$work/$key" \
    --links "$folder/links" --inspected "look=$folder/product,$folder/product"
}

for form in traditional envelope; do
  at=$work/$form
  make "$at/good" "$form" nothing
  agree "$form" 0 "$at/good"
  make "$at/two" "$form" two
  agree "$form, two builders" 0 "$at/two"
  ok "$form: a layout that was followed, by one builder and by two, is accepted by both"

  make "$at/differ" "$form" differ
  agree "$form, builders that differ" 1 "$at/differ"
  make "$at/material" "$form" material
  agree "$form, changed between steps" 1 "$at/material"
  make "$at/product" "$form" product
  agree "$form, changed product" 1 "$at/product"
  make "$at/extra" "$form" extra
  agree "$form, an artifact too many" 1 "$at/extra"
  ok "$form: builders that differ, changed materials and products are refused by both"

  make "$at/missing" "$form" missing
  agree "$form, a link missing" 10 "$at/missing"
  make "$at/forged" "$form" forged
  agree "$form, a link by the wrong key" 11 "$at/forged"
  make "$at/broken" "$form" broken
  agree "$form, a broken link" 12 "$at/broken"
  make "$at/expired" "$form" expired
  agree "$form, an expired layout" 14 "$at/expired"
  agree "$form, another owner" 11 "$at/good" ed25519.pub
  ok "$form: a missing, forged or broken link, an ended layout and another owner are refused by both"

  make "$at/negated" "$form" negated
  agree "$form, [!x] matches" 1 "$at/negated"
  make "$at/caret" "$form" caret
  agree "$form, [^x] does not" 0 "$at/caret"
  make "$at/nested" "$form" nested
  agree "$form, a layout for a step" 0 "$at/nested"
  make "$at/nested-ended" "$form" nested-ended
  agree "$form, an ended layout for a step" 14 "$at/nested-ended"
  ok "$form: patterns with negation and layouts in place of steps mean the same to both"
done

# The reference implementation runs the inspection's command; without having seen it Bulla says so.
expect 3 "$BULLA" in-toto verify --layout "$at/good/root.layout" --key "$work/owner.pub" --links "$at/good/links"
said "it was not run"
ok "an inspection is never run"
