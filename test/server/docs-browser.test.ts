import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import t, { type Test } from 'tap';
import { startApp } from '../fixtures/server-app.js';

const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';
const REQUIRED = process.env.SHMTABLE_REQUIRE_BROWSER === '1';
/** For a machine without a graphics card and without a network beyond itself. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

async function openBrowser(t: Test): Promise<BrowserContext> {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-browser-'));
  const context = await chromium.launchPersistentContext(folder, { executablePath: BROWSER, args: FLAGS });
  t.teardown(async () => {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return context;
}

const missing = existsSync(BROWSER) ? false : `NO BROWSER: ${BROWSER} is missing, /docs was not tried in a browser`;
if (missing !== false) process.stderr.write(`\n*** ${missing}\n\n`);

t.test('/docs in a browser', { skip: REQUIRED ? false : missing }, async (t) => {
  const { port, send, table } = await startApp(t);
  table.set('a/b', { text: 'read by the page' });
  const { paths } = (await send('GET', '/openapi.json')).json;
  const context = await openBrowser(t);
  const page = await context.newPage();
  const foreign: string[] = [];
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== 'data:' && protocol !== 'blob:' && host !== `127.0.0.1:${port}`) foreign.push(request.url());
  });
  const violations: string[] = [];
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) violations.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${port}/docs`);
  await page.locator('.opblock').first().waitFor();

  const shown = await page.locator('.opblock').evaluateAll((blocks) =>
    blocks.map((block) => {
      const method = block.querySelector('.opblock-summary-method')?.textContent ?? '';
      const path = block.querySelector('.opblock-summary-path')?.getAttribute('data-path') ?? '';
      return `${method.toLowerCase()} ${path}`;
    }),
  );
  const routes = Object.entries<object>(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  t.same(shown.sort(), routes.sort(), 'it lists every route');

  const getRow = page.locator('#operations-rows-getRow');
  await getRow.locator('.opblock-summary').click();
  await getRow.locator('.parameters [data-param-name="table"] input').fill('t');
  await getRow.locator('.parameters [data-param-name="key"] input').fill('a/b');
  await getRow.locator('button.execute').click();
  const answer = getRow.locator('.live-responses-table .response-col_description .highlight-code').first();
  await answer.waitFor();
  t.match(await answer.textContent(), /"text": "read by the page"/, 'Try it out reads a row of this service');
  t.equal(await getRow.locator('.live-responses-table .response-col_status').nth(1).textContent(), '200');
  t.same(foreign, [], 'nothing is fetched from elsewhere');
  t.same(violations, [], 'the page asks for nothing that its policy forbids');
});
