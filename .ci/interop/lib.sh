# Sourced by every interop script: peers, servers on free loopback ports, and what a check prints.
#
# A script prints `ok NAME` for each thing it saw work, and one `SKIPPED peer NAME` line when a peer is
# missing; with BULLA_PEERS=required a missing peer fails instead. Anything unexpected ends the script.
# BULLA is the program under test; without it the release build, else the debug build, is used.
# shellcheck shell=bash
set -euo pipefail

interop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$interop/../.." && pwd)
peers=${BULLA_PEERS_DIR:-$HOME/.cache/bulla-peers}
script=$(basename "$0" .sh)
export PATH="$peers/bin:$PATH"

if [ -z "${BULLA:-}" ]; then
  for candidate in "$root/target/release/bulla" "$root/target/debug/bulla"; do
    if [ -x "$candidate" ]; then BULLA=$candidate && break; fi
  done
fi
export BULLA=${BULLA:?build bulla first: cargo build}
export BULLA_PASSWORD=interop COSIGN_PASSWORD=interop

work=$(mktemp -d "${TMPDIR:-/tmp}/bulla-interop.XXXXXX")
# Nothing of the user's own settings or logins takes part.
export XDG_CONFIG_HOME=$work/home/.config DOCKER_CONFIG=$work/docker
mkdir -p "$XDG_CONFIG_HOME" "$DOCKER_CONFIG"
cd "$work"

servers=()
finish() { # [STATUS]
  local status=${1:-$?}
  local pid
  for pid in ${servers[@]+"${servers[@]}"}; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  if [ "$status" -ne 0 ] && [ "${BULLA_INTEROP_KEEP:-}" ]; then
    printf 'kept %s\n' "$work" >&2
  else
    rm -rf "$work"
  fi
  if [ "$status" -ne 0 ]; then printf 'FAILED %s\n' "$script"; fi
}
trap finish EXIT

ok() { printf 'ok %s: %s\n' "$script" "$*"; }
fail() {
  printf 'not ok %s: %s\n' "$script" "$*"
  exit 1
}

# skip NAME: this peer is not here.
skip() {
  if [ "${BULLA_PEERS:-}" = required ]; then fail "peer $1 is missing, and BULLA_PEERS=required"; fi
  printf 'SKIPPED peer %s\n' "$1"
}

# need PROGRAM...: ends the script, as skipped, when a program is missing.
need() {
  local program
  for program in "$@"; do
    if ! command -v "$program" >/dev/null; then
      skip "$program"
      exit 0
    fi
  done
}

# quiet COMMAND...: runs it and shows what it said only if it fails.
quiet() {
  if ! "$@" >"$work/last" 2>&1 </dev/null; then
    printf '$ %s\n' "$*"
    cat "$work/last"
    fail "the command above failed"
  fi
}

# expect CODE COMMAND...: the command must end with this exit code; what it said stays in $work/last.
expect() {
  local wanted=$1 found=0
  shift
  "$@" >"$work/last" 2>&1 </dev/null || found=$?
  if [ "$found" -ne "$wanted" ]; then
    printf '$ %s\n' "$*"
    cat "$work/last"
    fail "exit $found instead of $wanted"
  fi
}

# said TEXT: the command before this one said so.
said() {
  if ! grep -qF -- "$1" "$work/last"; then
    cat "$work/last"
    fail "nothing above says: $1"
  fi
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# serve_until URL COMMAND...: starts a server and waits until URL answers anything at all.
serve_until() {
  local url=$1 try
  shift
  "$@" >>"$work/server.log" 2>&1 </dev/null &
  servers+=($!)
  for try in $(seq 200); do
    if curl -sk -m 1 -o /dev/null "$url"; then return 0; fi
    if ! kill -0 "${servers[-1]}" 2>/dev/null; then break; fi
    sleep 0.05
  done
  tail -n 20 "$work/server.log"
  fail "the server did not start (try $try): $*"
}
