/**
 * The package as the package managers install it: with scripts blocked and allowed, without a compiler, on this Node and
 * on the other release lines that `npm run test:nodes` has fetched.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { PackedPackage, root } from './packed-package.js';

const fetched = ['22', '24'].map((major) => join(root, '.nodes', major, 'node')).filter((path) => existsSync(path));
const nodes = [...new Set([process.execPath, ...fetched.map((path) => realpathSync(path))])];

const packed = new PackedPackage(t);
packed.run('npm', ['install', '--ignore-scripts', '--engine-strict', '--no-package-lock', packed.archive]);

t.test('it is the only package that is installed', async (t) => {
  t.same(
    readdirSync(join(packed.folder, 'node_modules')).filter((name) => !name.startsWith('.')),
    ['shmtable'],
  );
});

t.test('the example of the README works with import and require', async (t) => {
  for (const node of nodes) packed.testExample(t, node);
});

t.test('every entry point can be imported and required', async (t) => {
  for (const node of nodes) packed.testEntries(t, node);
});

t.test('the command starts', async (t) => {
  for (const node of nodes) t.match(packed.run(node, ['node_modules/.bin/shmtable', '--help']), /serve/);
});

t.test('the service serves tables, the console and the page of the routes, with nothing else installed', async (t) => {
  for (const node of nodes) {
    const service = spawn(node, ['node_modules/.bin/shmtable', 'serve', '--port', '0', '--workers', '1'], {
      cwd: packed.folder,
      env: { ...process.env, SHMTABLE_NAMESPACE: `installed-${process.pid}` },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => service.once('exit', resolve));
    t.teardown(() => service.kill('SIGKILL'));
    for await (const line of createInterface(service.stdout)) {
      const { msg, console: address } = JSON.parse(line);
      if (msg !== 'ready') continue;
      for (const path of ['ui', 'docs', 'v1/tables']) {
        const { status } = await fetch(new URL(path, address));
        t.equal(status, 200, `/${path} beside ${address}`);
      }
      service.kill();
    }
    t.equal(await ended, 0);
  }
});

/** The package managers, by the name under which they are installed here, and the newest Node, which npm 12 needs. */
const MANAGERS = {
  'npm-10': 'npm:npm@10',
  'npm-11': 'npm:npm@11',
  'npm-12': 'npm:npm@12',
  'pnpm-10': 'npm:pnpm@10',
  'yarn-1': 'npm:yarn@1.22.22',
  'yarn-4': 'npm:@yarnpkg/cli-dist@4',
};
const newest = nodes.at(-1) ?? process.execPath;
const tools = mkdtempSync(join(tmpdir(), 'shmtable-managers-'));
t.teardown(() => rmSync(tools, { recursive: true }));
writeFileSync(join(tools, 'package.json'), JSON.stringify({ private: true, dependencies: MANAGERS }));
execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], {
  cwd: tools,
  stdio: 'ignore',
});
// All commands that an installation may call: neither a compiler nor Python nor make.
const commands = join(tools, 'commands');
mkdirSync(commands);
symlinkSync(newest, join(commands, 'node'));
for (const command of ['env', 'sh', 'uname']) symlinkSync(join('/usr/bin', command), join(commands, command));

/** Without the variables that `npm run` sets for its own scripts. */
const OWN_ENV = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(lifecycle|package)/.test(name))),
  COREPACK_ENABLE_STRICT: '0',
  NO_UPDATE_NOTIFIER: '1',
  NPM_CONFIG_UPDATE_NOTIFIER: 'false',
  YARN_ENABLE_TELEMETRY: 'false',
};

const PROGRAM = `const { Table } = require('shmtable');
const table = Table.create({ name: 'installed-' + process.pid, capacity: 10, columns: { n: 'int32' } });
console.log('n is', table.increment('a', 'n'));
table.destroy();
`;

const npm = (major: number) => [`npm-${major}/bin/npm-cli.js`, 'install', '--no-audit', '--no-fund', packed.archive];
const pnpm = ['pnpm-10/bin/pnpm.cjs', 'add', packed.archive];
const yarn1 = ['yarn-1/bin/yarn.js', 'add', `file:${packed.archive}`];
const yarn4 = ['yarn-4/bin/yarn.js', 'add', `shmtable@file:${packed.archive}`];
const BLOCKED = ['--ignore-scripts'];

for (const [name, command, env = {}] of [
  ['npm 10', npm(10)],
  ['npm 10, scripts blocked', [...npm(10), ...BLOCKED]],
  ['npm 11', npm(11)],
  ['npm 11, scripts blocked', [...npm(11), ...BLOCKED]],
  ['npm 12, which blocks scripts', npm(12)],
  ['pnpm, which blocks scripts', pnpm],
  ['pnpm, scripts allowed', [...pnpm, '--dangerously-allow-all-builds']],
  ['Yarn 1', yarn1],
  ['Yarn 1, scripts blocked', [...yarn1, ...BLOCKED]],
  ['Yarn 4 with PnP', yarn4, { YARN_ENABLE_SCRIPTS: 'true' }],
  ['Yarn 4 with PnP, scripts blocked', yarn4, { YARN_ENABLE_SCRIPTS: 'false' }],
  ['Yarn 4 with node_modules', yarn4, { YARN_NODE_LINKER: 'node-modules', YARN_ENABLE_SCRIPTS: 'true' }],
  [
    'Yarn 4 with node_modules, scripts blocked',
    yarn4,
    { YARN_NODE_LINKER: 'node-modules', YARN_ENABLE_SCRIPTS: 'false' },
  ],
] as const satisfies [string, string[], NodeJS.ProcessEnv?][]) {
  t.test(name, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'shmtable-install-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'package.json'), '{ "name": "user", "private": true }\n');
    writeFileSync(join(folder, 'program.cjs'), PROGRAM);
    const options = {
      cwd: folder,
      encoding: 'utf8',
      env: { ...OWN_ENV, ...env, PATH: commands, HOME: tools },
    } as const;
    const [script, ...args] = command;
    const manager = join(tools, 'node_modules', script);
    const installed = spawnSync(newest, [manager, ...args], options);
    const output = installed.stdout + installed.stderr;
    t.equal(installed.status, 0, output);
    t.notMatch(output, /install-scripts|ignored build|must be built/i, 'says nothing of scripts');
    // With PnP only Yarn knows where the package is.
    const runner = existsSync(join(folder, '.pnp.cjs')) ? [manager, 'node'] : [];
    const run = spawnSync(newest, [...runner, 'program.cjs'], options);
    t.equal(run.stdout.trim(), 'n is 1', run.stderr);
  });
}
