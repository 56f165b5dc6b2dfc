import type { Locator, Page } from 'playwright-core';
import t from 'tap';
import { SECRETS, TOKENS } from '../fixtures/access-tokens.js';
import { openPage, WITHOUT_BROWSER } from '../fixtures/browser.js';
import { startApp } from '../fixtures/server-app.js';

/** Fills in an operation's parameters and body and executes it; returns what the page then shows. */
async function tryOut(page: Page, operationId: string, parameters: Readonly<Record<string, string>>, body?: string) {
  const block = page.locator(`#operations-rows-${operationId}`);
  if ((await block.locator('button.execute').count()) === 0) await block.locator('.opblock-summary').click();
  for (const [name, value] of Object.entries(parameters)) {
    await block.locator(`.parameters [data-param-name="${name}"] input`).fill(value);
  }
  if (body !== undefined) await block.locator('textarea.body-param__text').fill(body);
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url().includes('/v1/')),
    block.locator('button.execute').click(),
  ]);
  const shown = block.locator('.live-responses-table');
  const status = shown.locator('.response-col_status').nth(1);
  await waitForText(status, String(answer.status()));
  return {
    status: await status.textContent(),
    text: await shown.locator('.response-col_description').nth(1).textContent(),
  };
}

/** The page briefly still shows the previous response. */
async function waitForText(place: Locator, text: string): Promise<void> {
  await place.filter({ hasText: text }).waitFor();
}

t.test('/docs lists every route and executes requests in a browser', { skip: WITHOUT_BROWSER }, async (t) => {
  const { port, send, table } = await startApp(t);
  table.set('a/b', { text: 'read by the page' });
  const { paths } = (await send('GET', '/openapi.json')).json;
  const page = await openPage(t);
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
  t.same(shown.sort(), routes.sort(), 'every route is listed');

  const { status, text } = await tryOut(page, 'getRow', { table: 't', key: 'a/b' });
  t.match(text, /"text": "read by the page"/, 'Try it out reads a row of this service');
  t.equal(status, '200');
  t.same(foreign, [], 'nothing is fetched from other origins');
  t.same(violations, [], 'nothing violates the content security policy');
});

t.test('/docs sends the token that the user enters', { skip: WITHOUT_BROWSER }, async (t) => {
  const { port, table } = await startApp(t, { tokens: TOKENS });
  const page = await openPage(t);
  await page.goto(`http://127.0.0.1:${port}/docs`);
  const row = { table: 't', key: 'k' };
  t.match(await tryOut(page, 'putRow', row, '{"u32":1}'), { status: '401', text: /ERR_UNAUTHENTICATED/ }, 'nobody');

  await page.locator('.auth-wrapper > .btn.authorize').click();
  const dialog = page.locator('.modal-ux');
  await dialog.locator('input').fill(SECRETS.write);
  await dialog.locator('button.authorize').click();
  await dialog.locator('button.btn-done').click();

  t.match(await tryOut(page, 'putRow', row, '{"u32":1}'), { status: '201', text: /"u32": 1/ }, 'PUT creates');
  const revision = table.entry('k')?.revision;
  t.match(await tryOut(page, 'getRow', row), { status: '200', text: new RegExp(`"revision": ${revision}`) }, 'GET');
  const current = { ...row, 'if-match': `"${revision}"` };
  t.match(await tryOut(page, 'putRow', current, '{"u32":2}'), { status: '200', text: /"u32": 2/ }, 'PUT replaces');
  t.match(
    await tryOut(page, 'putRow', current, '{"u32":3}'),
    { status: '412', text: /ERR_PRECONDITION_FAILED/ },
    'once',
  );
  t.equal(table.get('k', 'u32'), 2);
});
