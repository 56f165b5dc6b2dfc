/**
 * The compiled addons of the package: each serves glibc 2.28 and later and musl, so it must depend on nothing that one
 * of them lacks.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { readElf } from '../fixtures/elf-symbols.js';

const prebuilds = fileURLToPath(new URL('../../../prebuilds', import.meta.url));

/** Libraries on a machine with the Debian packages `musl` and `libc6-arm64-cross`. */
const PROCESSORS = {
  x64: { machine: 62, glibc: '/lib/x86_64-linux-gnu/libc.so.6', musl: '/lib/ld-musl-x86_64.so.1' },
  // Debian has no musl for arm64; its functions are the same.
  arm64: { machine: 183, glibc: '/usr/aarch64-linux-gnu/lib/libc.so.6', musl: '/lib/ld-musl-x86_64.so.1' },
};

/** Defined by Node itself. */
const isNodeApi = (name: string): boolean => /^napi_\w+$/.test(name);

for (const [processor, { machine, glibc, musl }] of Object.entries(PROCESSORS)) {
  t.test(`the addon for ${processor}`, async (t) => {
    const path = join(prebuilds, `linux-${processor}`, 'shmtable.node');
    const { symbols, needed, requiresVersions, machine: own } = readElf(path);
    t.equal(own, machine, 'is for this processor');
    t.same(needed, [], 'loads no library');
    t.notOk(requiresVersions, 'requires no version of a symbol');
    const exported = symbols.filter(({ name, isDefined }) => isDefined && name !== '').map(({ name }) => name);
    t.same(exported.sort(), ['napi_register_module_v1', 'node_api_module_get_api_version_v1'], 'exports its start');

    const used = symbols.filter(({ name, isDefined }) => !isDefined && !isNodeApi(name)).map(({ name }) => name);
    t.ok(used.includes('mmap'), 'the symbols were read');
    t.same(
      used.filter((name) => name.startsWith('_') && name !== '__errno_location'),
      [],
      'uses no private function of a C library',
    );
    const inMusl = new Set(readElf(musl).symbols.map(({ name }) => name));
    t.same(
      used.filter((name) => !inMusl.has(name)),
      [],
      'musl has every function',
    );
    const inGlibc = new Set(
      readElf(glibc)
        .symbols.filter(({ version }) => isOld(version))
        .map(({ name }) => name),
    );
    t.same(
      used.filter((name) => !inGlibc.has(name)),
      [],
      'glibc 2.28 has every function',
    );
    t.ok(statSync(path).size < 160_000, 'is small');
  });
}

/** Whether glibc 2.28 has this version. */
function isOld(version: string | undefined): boolean {
  const [, major, minor] = version?.match(/^GLIBC_(\d+)\.(\d+)/) ?? [];
  return Number(major) === 2 && Number(minor) <= 28;
}
