#!/bin/sh
# Runs the memory layer's tests on an addon built with AddressSanitizer. The tests run in a copy of the compiled
# package, which has this addon as its prebuilt one, so the ordinary build is not changed.
#
# Leaks are not reported, because Node itself frees little on exit. SIGSEGV is left to the process, because some tests
# expect it from a child that writes to protected memory.
set -eu
cd "$(dirname "$0")/.."

folder=build/asan
mkdir -p "$folder"
cp native/binding.gyp native/*.cc native/*.h "$folder/"
(
  # By npx, which passes npm's settings to node-gyp, among them the place of Node's headers.
  cd "$folder" && npx node-gyp configure -- -Dsanitize=address && npx node-gyp build
) >"$folder/build.log" 2>&1 || {
  cat "$folder/build.log"
  exit 1
}

rm -rf "$folder/package"
mkdir -p "$folder/package"
# Copied, not linked, because Node would follow the links back to the ordinary package.
cp -r package.json dist test scripts "$folder/package/"
ln -s ../../../node_modules ../../../native "$folder/package/"
prebuilt="$folder/package/prebuilds/$(node -p '`${process.platform}-${process.arch}`')"
mkdir -p "$prebuilt"
cp "$folder/build/Release/shmtable.node" "$prebuilt/"
cd "$folder/package"

ASAN_OPTIONS=detect_leaks=0:handle_segv=0:detect_stack_use_after_return=1:abort_on_error=1
export ASAN_OPTIONS
LD_PRELOAD="$(g++ -print-file-name=libasan.so)" exec node scripts/run-tests.js --except memory/binaries memory/ "$@"
