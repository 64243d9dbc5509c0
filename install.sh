#!/bin/sh
# Installs the `reliant` executable: from this checkout, or from a folder of release files.
#
#   ./install.sh                    from the checkout, built first where dist/reliant is missing
#   ./install.sh --from DIR         from DIR, which holds reliant-<platform> and SHA256SUMS
#   ./install.sh --prefix DIR       to DIR/bin instead of ~/.local/bin
#
# The body is a function that is called on the last line, so that half a download does nothing.
set -eu

main() {
  from=""
  prefix="${HOME:+$HOME/.local}"
  while [ $# -gt 0 ]; do
    case "$1" in
      --from | --prefix)
        [ $# -ge 2 ] && [ -n "$2" ] || usage "$1 needs a folder"
        if [ "$1" = --from ]; then from=$2; else prefix=$2; fi
        shift 2
        ;;
      --from=?*) from=${1#--from=}; shift ;;
      --prefix=?*) prefix=${1#--prefix=}; shift ;;
      -h | --help) print_usage; return 0 ;;
      *) usage "unknown argument: $1" ;;
    esac
  done
  [ -n "$prefix" ] || usage "HOME is not set: say where with --prefix"

  target=$(find_target)
  if [ -n "$from" ]; then
    source="$from/reliant-$target"
    check_sum "$from" "reliant-$target"
  else
    source=$(find_in_checkout)
  fi
  put_in_place "$source" "$prefix/bin"
}

print_usage() {
  echo "Usage: install.sh [--from DIR] [--prefix DIR]"
  echo "  --from DIR    folder with reliant-<platform> and SHA256SUMS; default: this checkout"
  echo "  --prefix DIR  installs DIR/bin/reliant; default: ~/.local"
}

find_target() {
  case "$(uname -s)" in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    *) fail "no executable for $(uname -s): there is one for Linux and macOS, and reliant-windows-x64.exe for Windows" ;;
  esac
  case "$(uname -m)" in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "no executable for processor $(uname -m): there is one for x86_64 and arm64" ;;
  esac
  if [ "$os" = linux ] && ldd --version 2>&1 | grep -qi musl; then
    fail "this system uses musl (Alpine, say), and the executable needs glibc: use a glibc system or container"
  fi
  echo "$os-$arch"
}

# The executable of the checkout that this script lies in.
find_in_checkout() {
  here=$(cd "$(dirname "$0")" && pwd)
  [ -f "$here/build.ts" ] || fail "$here is no checkout of reliant: give a folder of release files with --from DIR"
  if [ ! -f "$here/dist/reliant" ]; then
    command -v npm >/dev/null || fail "dist/reliant is not built, and npm, which the build needs, is not on PATH"
    echo "building dist/reliant ..." >&2
    (cd "$here" && npm run --silent bootstrap && node_modules/.bin/bun run build.ts) >&2 || fail "the build failed"
  fi
  echo "$here/dist/reliant"
}

# check_sum FOLDER FILE: FILE is as SHA256SUMS of the same folder says.
check_sum() {
  [ -d "$1" ] || fail "$1: no such folder"
  [ -f "$1/$2" ] || fail "$1/$2: no such file (the executable for this machine)"
  [ -f "$1/SHA256SUMS" ] || fail "$1/SHA256SUMS: no such file, so nothing shows that $2 is whole"
  wanted=$(awk -v file="$2" '$2 == file || $2 == "*" file { print $1 }' "$1/SHA256SUMS")
  [ -n "$wanted" ] || fail "$1/SHA256SUMS has no line for $2"
  if command -v sha256sum >/dev/null; then
    found=$(sha256sum <"$1/$2")
  elif command -v shasum >/dev/null; then
    found=$(shasum -a 256 <"$1/$2")
  else
    fail "neither sha256sum nor shasum is on PATH: cannot check $2"
  fi
  [ "${found%% *}" = "$wanted" ] || fail "$1/$2 is not the file that SHA256SUMS names: get both again"
}

# put_in_place FILE FOLDER: under another name first, so that a running reliant is never half overwritten.
put_in_place() {
  mkdir -p "$2" 2>/dev/null || fail "cannot make the folder $2: choose another with --prefix"
  partial="$2/.reliant.$$"
  trap 'rm -f "$partial"' EXIT
  trap 'exit 1' INT TERM HUP
  cp "$1" "$partial" || fail "cannot write to $2: choose another folder with --prefix"
  chmod 755 "$partial"
  told=$("$partial" version) || fail "$1 does not run on this machine"
  mv -f "$partial" "$2/reliant" || fail "cannot replace $2/reliant"
  echo "installed $told as $2/reliant"
  case ":$PATH:" in
    *":$2:"*) ;;
    *) echo "$2 is not on PATH. Add it:  export PATH=\"$2:\$PATH\"" ;;
  esac
}

usage() {
  echo "install.sh: $1" >&2
  print_usage >&2
  exit 2
}

fail() {
  echo "install.sh: $1" >&2
  exit 1
}

main "$@"
