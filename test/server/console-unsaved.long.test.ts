/** What was typed into the console is neither lost nor written over what its author has not seen. */
import type { Page } from 'playwright-core';
import t from 'tap';
import { AccessTokens } from '../../src/server/access/access-tokens.js';
import { Table } from '../../src/table/table.js';
import { SECRETS, TOKENS } from '../fixtures/access-tokens.js';
import { WITHOUT_BROWSER } from '../fixtures/browser.js';
import { openConsole } from '../fixtures/console-page.js';
import { startApp } from '../fixtures/server-app.js';

const OPTIONS = { skip: WITHOUT_BROWSER, timeout: 60_000 };
const COLUMNS = { n: 'int8', name: 'string(40)', note: 'string(40)' } as const;

const makeTable = (namespace: string) => Table.create({ name: 'people', namespace, capacity: 100, columns: COLUMNS });
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name, exact: true });
const field = (page: Page, label: string) => page.getByLabel(label, { exact: true });
const NAME = 'name: string(40)';

async function openRow(page: Page, key: string): Promise<void> {
  await page.evaluate((hash) => {
    Object(globalThis).location.hash = hash;
  }, `#/tables/people/rows/${key}`);
  await field(page, NAME).waitFor();
}

t.test('columns named like members of every object are edited like others', OPTIONS, async (t) => {
  const app = await startApp(t);
  const columns = { n: 'int64', name: 'string(40)', toString: 'string(40)', valueOf: 'json' } as const;
  using table = Table.create({ name: 'people', namespace: app.namespace, capacity: 100, columns });
  table.set('ada', { n: 1n, name: 'Ada', toString: 'text', valueOf: [1] });
  const { page, faults } = await openConsole(t, `http://127.0.0.1:${app.port}`);
  await openRow(page, 'ada');
  t.equal(await field(page, 'toString: string(40)').inputValue(), 'text');
  t.equal(await button(page, 'Undo').count(), 0, 'nothing counts as edited');
  await field(page, 'toString: string(40)').fill('other');
  await field(page, NAME).fill('mine');
  await app.send('PATCH', '/v1/tables/people/rows/ada', { json: { name: 'theirs', valueOf: [2] } });
  await button(page, 'Save 2 changes').click();
  const conflict = page.getByRole('dialog');
  await conflict.getByRole('radio', { name: 'Yours' }).first().check();
  await conflict.getByRole('button', { name: 'Save over their version' }).click();
  await conflict.waitFor({ state: 'detached' });
  t.same(table.get('ada'), { n: 1n, name: 'mine', toString: 'other', valueOf: [2] });
  t.same(faults, []);
});

t.test(
  'a version that arrives while a row is edited does not take the place of the one that was read',
  OPTIONS,
  async (t) => {
    const app = await startApp(t);
    using table = makeTable(app.namespace);
    table.set('ada', { name: 'Ada' });
    const { page, faults } = await openConsole(t, `http://127.0.0.1:${app.port}`);
    await openRow(page, 'ada');
    const dialog = page.getByRole('dialog');
    /** Reads the row again, and types before the response arrives. */
    const typeDuringRefresh = async (text: string, change: () => unknown) => {
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      await page.route('**/people/rows/ada', async (route) => {
        await held;
        await route.continue();
      });
      await button(page, 'Refresh').click();
      await field(page, NAME).fill(text);
      change();
      const answered = page.waitForResponse('**/people/rows/ada');
      release();
      await (await answered).finished();
      await page.unroute('**/people/rows/ada');
    };

    await typeDuringRefresh('mine', () => table.update('ada', { name: 'theirs' }));
    t.equal(await field(page, NAME).inputValue(), 'mine', 'the text is still there');
    t.ok(await button(page, 'Delete…').isDisabled(), 'a row that is edited is not deleted');
    await button(page, 'Save 1 change').click();
    await page.getByRole('dialog', { name: 'The row ada was changed meanwhile' }).waitFor();
    t.equal(table.get('ada')?.name, 'theirs', 'their version is shown, not overwritten');
    await page.keyboard.press('Escape');
    await button(page, 'Discard').click();

    await typeDuringRefresh('mine again', () => table.delete('ada'));
    await page.getByText('no row with this key any more').waitFor();
    t.equal(await field(page, NAME).inputValue(), 'mine again', 'also when the row has gone');
    await button(page, 'Save 1 change').click();
    await dialog.getByRole('button', { name: 'Create it with these values' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('no row with this key').waitFor({ state: 'detached' });
    t.equal(table.get('ada')?.name, 'mine again');
    t.same(faults, []);
  },
);

t.test('a row whose table is altered can still be shown, edited and compared', OPTIONS, async (t) => {
  const app = await startApp(t);
  using table = makeTable(app.namespace);
  table.set('ada', { name: 'Ada' });
  const { page, faults } = await openConsole(t, `http://127.0.0.1:${app.port}`);
  await openRow(page, 'ada');
  await field(page, NAME).fill('mine');
  const alter = (json: object) => app.send('PATCH', '/v1/tables/people', { json });
  t.equal((await alter({ add: { more: 'int8' }, drop: ['note'], type: { n: 'int16' } })).status, 200);
  await app.send('PATCH', '/v1/tables/people/rows/ada', { json: { more: 7, name: 'theirs' } });
  await button(page, 'Save 1 change').click();
  const dialog = page.getByRole('dialog', { name: 'The row ada was changed meanwhile' });
  await dialog.getByRole('radio', { name: 'Yours' }).first().check();
  await dialog.getByRole('button', { name: 'Save over their version' }).click();
  await dialog.waitFor({ state: 'detached' });
  await field(page, 'more: int8').waitFor();
  t.equal(await field(page, 'more: int8').inputValue(), '7', 'an added column is shown');
  t.equal(await field(page, 'n: int16').count(), 1, 'and another type');
  t.equal(await field(page, 'note: string(40)').count(), 0, 'and not the one that was dropped');
  const { json } = await app.send('GET', '/v1/tables/people/rows/ada');
  t.match(json.row, { more: 7, name: 'mine' });
  t.same(faults, []);
});

t.test('an upload ends with its page', OPTIONS, async (t) => {
  const app = await startApp(t);
  using table = makeTable(app.namespace);
  const { page, faults } = await openConsole(t, `http://127.0.0.1:${app.port}`);
  await page.evaluate("location.hash = '#/tables/people?view=files'");
  await page.route('**/people/rows', () => undefined);
  const row = '{"key":"ada","row":{"name":"Ada"}}\n';
  await page
    .getByLabel('File', { exact: true })
    .setInputFiles({ name: 'rows.ndjson', mimeType: '', buffer: Buffer.from(row) });
  const failed = page.waitForEvent('requestfailed');
  const sent = page.waitForRequest('**/people/rows');
  await button(page, 'Upload').click();
  await sent;
  await page.getByRole('link', { name: 'Changes' }).click();
  await page.getByText('The upload to people was cancelled when you left it').waitFor();
  t.match((await failed).url(), /people\/rows$/, 'its request is cancelled');
  t.equal(table.size, 0);
  t.same(faults, []);
});

t.test('a token that ends while a row is edited costs no text', OPTIONS, async (t) => {
  const tokens = new AccessTokens(TOKENS);
  const app = await startApp(t, { tokens: TOKENS }, { tokens });
  using table = makeTable(app.namespace);
  table.set('ada', { name: 'Ada' });
  const { page, faults } = await openConsole(t, `http://127.0.0.1:${app.port}`);
  const signIn = async () => {
    await page.getByLabel('Token').fill(SECRETS.write);
    await button(page, 'Sign in').click();
    await page.getByLabel('Token').waitFor({ state: 'detached' });
  };
  await signIn();
  await openRow(page, 'ada');
  await field(page, NAME).fill('mine');
  tokens.replace([]);
  await page.getByLabel('Token').waitFor();
  tokens.replace(TOKENS);
  await signIn();
  t.equal(await field(page, NAME).inputValue(), 'mine', 'after the next one was accepted, the text is there');
  await button(page, 'Save 1 change').click();
  await page.getByText('Saved ada').waitFor();
  t.equal(table.get('ada')?.name, 'mine');
  await button(page, 'Sign out').click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  t.equal(await page.locator('main').getByText('ada').count(), 0, 'who signs out leaves nothing on the page');
  t.same(faults, []);
});
