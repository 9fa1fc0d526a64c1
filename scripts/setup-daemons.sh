#!/usr/bin/env bash
# The tests run against real programs and never skip silently: this installs what is missing, or says what to install.
set -euo pipefail

if [ -n "${BITCOIND:-}" ] && ! command -v "$BITCOIND" >/dev/null; then
  echo "BITCOIND=$BITCOIND names no program: give the path of a bitcoind, or leave it out" >&2
  exit 1
fi

# command:Debian package
needed=(litecoind:litecoind chromium:chromium openssl:openssl unshare:util-linux systemd-analyze:systemd)

commands=()
packages=()
for pair in "${needed[@]}"; do
  command -v "${pair%%:*}" >/dev/null && continue
  commands+=("${pair%%:*}")
  packages+=("${pair##*:}")
done
[ "${#packages[@]}" = 0 ] && exit 0

fail() {
  echo "tests need ${commands[*]} on the PATH: install them, on Debian with: apt-get install ${packages[*]}" >&2
  exit 1
}

command -v apt-get >/dev/null || fail
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || fail
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update >&2 || fail
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${packages[@]}" >&2 || fail
for name in "${commands[@]}"; do command -v "$name" >/dev/null || fail; done
