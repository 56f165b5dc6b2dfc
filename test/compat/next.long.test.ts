/** The real Next over shared memory: two processes of a standalone build serve the same pages. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Cache } from '../../src/cache/index.js';
import { Table } from '../../src/index.js';
import { within } from '../fixtures/deadline.js';
import { PackedPackage, root } from '../house/packed-package.js';

const app = join(root, 'test/compat/next');
const packed = new PackedPackage(t);
cpSync(join(app, 'package.json'), join(packed.folder, 'package.json'));
packed.run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', packed.archive]);
const { version } = JSON.parse(readFileSync(join(packed.folder, 'node_modules/next/package.json'), 'utf8'));
t.comment(`next ${version}`);

/** Counts how often its data were fetched. */
const origin = createServer((_, response) => void response.end(`data ${++fetched};`));
let fetched = 0;
origin.listen(0, '127.0.0.1');
await once(origin, 'listening');
t.teardown(() => origin.close());

const namespace = `next-${process.pid}`;
const env = {
  ...process.env,
  ...{ NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production', SHMTABLE_NAMESPACE: namespace },
  ORIGIN: `http://127.0.0.1:${(origin.address() as AddressInfo).port}`,
};
t.teardown(() => {
  if (Table.list({ namespace }).length === 0) return;
  Cache.destroy('next-app', { namespace });
});

/** Ports on which nothing listens: Next does not choose free ones itself. */
async function twoPorts(): Promise<number[]> {
  const servers = [createServer(), createServer()];
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}

/** Builds one of the apps, in place of the one before, and returns the folder of its standalone server. */
async function build(name: string, settings: Record<string, string>): Promise<string> {
  const { folder } = packed;
  for (const old of ['app', '.next']) rmSync(join(folder, old), { recursive: true, force: true });
  cpSync(join(app, name), folder, { recursive: true });
  for (const file of ['next.config.mjs', 'cache-handler.mjs']) cpSync(join(app, file), join(folder, file));
  const next = join(folder, 'node_modules/next/dist/bin/next');
  const building = spawn(process.execPath, [next, 'build'], {
    cwd: folder,
    env: { ...env, ...settings },
    stdio: 'pipe',
  });
  let output = '';
  for (const stream of [building.stdout, building.stderr]) {
    stream.on('data', (text) => {
      output += text;
    });
  }
  const [code] = await once(building, 'exit');
  if (code !== 0) throw new Error(`next build of ${name}: ${output}`);
  return join(folder, '.next/standalone');
}

class Server {
  readonly process: ChildProcess;
  readonly #url: Promise<string>;

  constructor(t: Test, folder: string, port: number) {
    const child = spawn(process.execPath, ['server.js'], {
      cwd: folder,
      env: { ...env, PORT: String(port), HOSTNAME: '127.0.0.1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    this.process = child;
    this.#url = new Promise((resolve) => {
      child.stdout.on('data', (text) => String(text).includes('Ready') && resolve(`http://127.0.0.1:${port}`));
    });
    t.teardown(async () => {
      child.kill('SIGKILL');
      await ended;
    });
  }

  async fetch(path: string, options: RequestInit = {}): Promise<{ text: string; cache: string | null; html: string }> {
    const answer = await fetch(`${await within(60_000, 'start', this.#url)}${path}`, options);
    const html = await answer.text();
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${html}`);
    return { html, text: /<p>(.*?)<\/p>/.exec(html)?.[1] ?? html, cache: answer.headers.get('x-nextjs-cache') };
  }

  /** Fetches until the response has changed: Next renders the new one in the background. */
  async fetchUntilNew(path: string, old: string): Promise<string> {
    for (;;) {
      const { text } = await this.fetch(path);
      if (text !== old) return text;
    }
  }
}

t.test('pages and fetched data are shared, and revalidateTag is seen by the others', async (t) => {
  const folder = await build('isr', {});
  t.same(Table.list({ namespace }), [], 'the build has used no shared memory');
  const [one, other] = (await twoPorts()).map((port) => new Server(t, folder, port));
  const first = await one.fetch('/isr');
  t.match(first, { text: `page of ${one.process.pid}: data `, cache: 'MISS' });
  t.match(await other.fetch('/isr'), { text: first.text, cache: 'HIT' });
  const route = await other.fetch('/route');
  t.match(await one.fetch('/route'), { text: route.text, cache: 'HIT' });

  await one.fetch('/revalidate?tag=data');
  const second = await other.fetch('/isr');
  t.match(second.text, `page of ${other.process.pid}: data `);
  t.match(await one.fetch('/isr'), { text: second.text, cache: 'HIT' });
  t.equal((await one.fetch('/route')).text, route.text, 'without the tag');

  await other.fetch('/revalidate?tag=data&profile=max');
  t.match(await one.fetch('/isr'), { text: second.text, cache: 'STALE' }, 'the old page once more');
  const third = await within(30_000, 'a new page', one.fetchUntilNew('/isr', second.text));
  t.match(await other.fetch('/isr'), { text: third, cache: 'HIT' });
  const fetchedBefore = fetched;
  for (let i = 0; i < 20; i++) t.equal((await [one, other][i % 2].fetch('/isr')).text, third);
  t.equal(fetched, fetchedBefore);
});

t.test('entries of `use cache` are shared, and updateTag and revalidateTag are seen by the others', async (t) => {
  const folder = await build('use-cache', { CACHE_COMPONENTS: '1' });
  const [one, other] = (await twoPorts()).map((port) => new Server(t, folder, port));
  const first = await one.fetch('/cached');
  t.match(first.text, `value of ${one.process.pid}: data `);
  t.equal((await other.fetch('/cached')).text, first.text);
  const shell = await other.fetch('/shell');
  t.match(await one.fetch('/shell'), { text: shell.text, cache: 'HIT' });

  await one.fetch('/revalidate?tag=shell');
  const nextShell = await other.fetch('/shell');
  t.match(nextShell.text, `shell of ${other.process.pid} `);
  t.not(nextShell.text, shell.text);
  t.equal((await one.fetch('/shell')).text, nextShell.text);
  t.equal((await other.fetch('/cached')).text, first.text);

  await one.fetch('/revalidate?tag=data&profile=max');
  t.equal((await other.fetch('/cached')).text, first.text, 'the old value once more');
  const second = await within(30_000, 'a new value', other.fetchUntilNew('/cached', first.text));
  t.equal((await one.fetch('/cached')).text, second);

  const action = /\$ACTION_ID_\w+/.exec((await one.fetch('/cached')).html)?.[0];
  const body = new FormData();
  body.set(String(action), '');
  await one.fetch('/cached', { method: 'POST', body });
  const third = await other.fetch('/cached');
  t.not(third.text, second, 'after updateTag in another process');
  t.equal((await one.fetch('/cached')).text, third.text);
});
