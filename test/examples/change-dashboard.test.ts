/** The page shows changes that another process makes to the table, immediately and without a reload. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import t, { type Test } from 'tap';
import { Table } from '../../src/index.js';
import { namespace } from './example-program.js';

const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';
const REQUIRED = process.env.SHMTABLE_REQUIRE_BROWSER === '1';
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];
FLAGS.push('--disable-background-networking', '--disable-component-update', '--disable-sync');

const name = 'visits-shown';

/** Starts the example, which ends with the test. Returns its address, its table, and a promise of its exit. */
async function startExample(t: Test) {
  const program = fileURLToPath(new URL('../../examples/change-dashboard.js', import.meta.url));
  const env = { ...process.env, SHMTABLE_NAMESPACE: namespace, PORT: '0' };
  const example = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(example, 'exit');
  const [line] = await once(example.stdout, 'data');
  const table = Table.open(name, { namespace, columns: { hits: 'uint32' } });
  t.teardown(async () => {
    table.destroy();
    example.kill('SIGKILL');
    await ended;
  });
  return { url: String(line).trim(), table, example, ended };
}

t.test('a client receives all rows and then changes, and SIGTERM ends the program', async (t) => {
  const { url, table, example, ended } = await startExample(t);
  table.set('/', { hits: 7 });
  const { body } = await fetch(`${url}/changes`);
  if (body === null) throw new Error('no body');
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const seen = async (event: string): Promise<void> => {
    for (; !text.includes(event); ) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`${event} is missing in ${text}`);
      text += value;
    }
    t.pass(event);
  };
  await seen('event: all\ndata: [["/",{"hits":7}]]\n\n');
  table.increment('/', 'hits');
  await seen('event: one\ndata: ["/",{"hits":8}]\n\n');
  table.delete('/');
  await seen('event: one\ndata: ["/",null]\n\n');
  t.same(await (await fetch(`${url}/visit/about`)).json(), { hits: 1 });
  await seen('event: one\ndata: ["about",{"hits":1}]\n\n');
  t.match(await (await fetch(url)).text(), /EventSource/);

  example.kill('SIGTERM');
  t.same(await ended, [0, null], 'an open watch does not keep the process alive');
  await reader.read().catch(() => {});
});

const missing = existsSync(BROWSER) ? false : `NO BROWSER: ${BROWSER} is missing, the page was not tested in a browser`;
if (missing !== false) process.stderr.write(`\n*** ${missing}\n\n`);

t.test('a browser shows the changes', { skip: REQUIRED ? false : missing }, async (t) => {
  const { url, table } = await startExample(t);
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-browser-'));
  const context = await chromium.launchPersistentContext(folder, { executablePath: BROWSER, args: FLAGS });
  t.teardown(async () => {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const page = await context.newPage();
  table.set('first', { hits: 41 });
  await page.goto(url);
  await page.locator('tr', { hasText: 'first' }).filter({ hasText: '41' }).waitFor();
  table.increment('first', 'hits');
  await page.locator('tr', { hasText: 'first' }).filter({ hasText: '42' }).waitFor();
  table.set('second', { hits: 1 });
  await page.locator('tr', { hasText: 'second' }).waitFor();
  table.delete('first');
  await page.locator('tr', { hasText: 'first' }).waitFor({ state: 'detached' });
  t.equal(await page.locator('tr').count(), 1);
});
