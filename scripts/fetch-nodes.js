/**
 * Downloads other Nodes from the registry into `.nodes/`, for `npm run test:nodes` and the package test: the newest 22
 * and 24 as `.nodes/22/node` and `.nodes/24/node`. With `--arm64` instead the newest 20 for arm64: `.nodes/arm64/node`
 * runs it in an emulator, for `npm run test:arm64`. An existing binary is kept.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Where the Debian packages libc6-arm64-cross and libstdc++6-arm64-cross install the libraries of arm64. */
const ARM64_LIBRARIES = '/usr/aarch64-linux-gnu';

/** Installs the Node of a major version and an architecture into `.nodes/NAME`, and creates `.nodes/NAME/node`. */
function fetchNode(name, major, arch, makeCommand) {
  const folder = join(root, '.nodes', name);
  const command = join(folder, 'node');
  if (!existsSync(command)) {
    const packageName = `node-linux-${arch}`;
    mkdirSync(folder, { recursive: true });
    // A separate package: otherwise npm would install into the nearest package in a parent folder.
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const options = ['--ignore-scripts', '--no-package-lock'];
    // npm refuses a package for another processor otherwise.
    if (arch !== process.arch) options.push('--force', '--loglevel=error');
    execFileSync('npm', ['install', ...options, `${packageName}@${major}`], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    makeCommand(command, join('node_modules', packageName, 'bin', 'node'));
  }
  console.log(`${command} ${execFileSync(command, ['--version'], { encoding: 'utf8' }).trim()}`);
}

/**
 * A command that runs a Node in the emulator. Inside it, `process.execPath` is the path of the command, because the host
 * cannot execute the path of the Node itself; so everything that a test starts is emulated as well. A library that is to be
 * preloaded is one for the emulated processor: the emulator itself must not load it.
 */
function emulate(command, binary) {
  const preloaded = join(command, '..', 'exec-path.cjs');
  writeFileSync(preloaded, `process.execPath = ${JSON.stringify(command)};\n`);
  const emulator = `qemu-aarch64 -L ${ARM64_LIBRARIES} \${preload:+-E "LD_PRELOAD=$preload"}`;
  const text = [
    '#!/bin/sh',
    'preload=$LD_PRELOAD',
    'unset LD_PRELOAD',
    `exec ${emulator} '${join(command, '..', binary)}' --require '${preloaded}' "$@"`,
  ];
  writeFileSync(command, `${text.join('\n')}\n`, { mode: 0o755 });
}

if (process.argv.includes('--arm64')) {
  fetchNode('arm64', 20, 'arm64', emulate);
} else {
  for (const major of [22, 24]) {
    fetchNode(String(major), major, process.arch, (command, binary) => symlinkSync(binary, command));
  }
}
