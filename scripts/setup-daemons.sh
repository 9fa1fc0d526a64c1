#!/usr/bin/env bash
# The tests run against real daemons and never skip silently: this installs what is missing, or says what to install.
set -euo pipefail

command -v litecoind >/dev/null && exit 0

fail() {
  echo "tests need litecoind (Litecoin Core 0.21 or later) on the PATH: install it, on Debian with: apt-get install litecoind" >&2
  exit 1
}

command -v apt-get >/dev/null || fail
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || fail
  as_root=(sudo)
fi
"${as_root[@]}" apt-get update >&2 || fail
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends litecoind >&2 || fail
command -v litecoind >/dev/null || fail
