/** The pages of the console: usable by everybody, in every size and colour, and while the service is away. */
import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { Table } from '../../src/table/table.js';
import { TOKENS } from '../fixtures/access-tokens.js';
import { WITHOUT_BROWSER } from '../fixtures/browser.js';
import { openConsole, seriousFaults } from '../fixtures/console-page.js';
import { startApp } from '../fixtures/server-app.js';
import { startService } from '../fixtures/server-process.js';

const OPTIONS = { skip: WITHOUT_BROWSER, timeout: 120_000 };

const PAGES: Readonly<Record<string, string>> = {
  '#/': 'Overview',
  '#/tables/people': 'people',
  '#/tables/people?view=new': 'people',
  '#/tables/people?view=statistics': 'people',
  '#/tables/people?view=changes': 'people',
  '#/tables/people?view=files': 'people',
  '#/tables/people/rows/ada': 'ada',
  '#/tables/people/rows/nobody': 'nobody',
  '#/tables/none': 'none',
  '#/admin': 'Administration',
  '#/elsewhere': 'No such page',
};

async function goTo(page: Page, hash: string, heading: string): Promise<void> {
  await page.evaluate((target) => {
    Object(globalThis).location.hash = target;
  }, hash);
  await page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();
  await page.locator('.loading').waitFor({ state: 'detached' });
}

/** Whether the page is wider than the window, so that one must scroll sideways to read it. */
function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > innerWidth');
}

async function check(t: Test, page: Page, what: string): Promise<void> {
  t.same(await seriousFaults(page), [], `axe finds nothing serious: ${what}`);
  t.notOk(await isTooWide(page), `it fits: ${what}`);
}

for (const colorScheme of ['light', 'dark'] as const) {
  t.test(`every page can be read by everybody, wide and narrow: ${colorScheme}`, OPTIONS, async (t) => {
    const app = await startApp(t);
    const columns = {
      n: 'int64',
      name: 'string(40)',
      ok: 'boolean',
      doc: 'json',
      raw: 'blob',
      a_name_that_is_as_long_as_a_name_can_be_without_a_place_to_end: 'int8',
    } as const;
    using table = Table.create({ name: 'people', namespace: app.namespace, capacity: 100, columns, changes: 65_536 });
    table.set('ada', { name: 'Ada', doc: { born: 1815 } }, { ttl: 1_000_000 });
    const { page, faults } = await openConsole(t, `http://127.0.0.1:${app.port}`, { colorScheme });
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 });
      for (const [hash, heading] of Object.entries(PAGES)) {
        await goTo(page, hash, heading);
        await check(t, page, `${hash} at ${width}`);
      }
      await goTo(page, '#/admin', 'Administration');
      for (const name of ['Create a table', 'Alter people', 'Destroy people']) {
        await page.getByRole('button', { name, exact: true }).click();
        await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).waitFor();
        await check(t, page, `${name} at ${width}`);
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
      }
    }
    t.same(faults, []);
  });
}

t.test('the page for the token can be read by everybody', OPTIONS, async (t) => {
  const app = await startApp(t, { tokens: TOKENS });
  const { page } = await openConsole(t, `http://127.0.0.1:${app.port}`, { viewport: { width: 360, height: 800 } });
  await page.getByLabel('Token').waitFor();
  await check(t, page, 'sign in');
});

t.test('a service that goes away is shown, and comes back by itself', OPTIONS, async (t) => {
  const { service, port } = await startService(t);
  const { page } = await openConsole(t, `http://127.0.0.1:${port}`);
  const banner = page.getByText('No answer from the service since');
  await page.getByRole('table', { name: 'Services' }).getByText('(this one)').waitFor();
  t.equal(await banner.count(), 0);
  service.signal('SIGTERM');
  await service.ended;
  await banner.waitFor();
  t.pass('it is shown that it is away');
  const next = await startService(t, { args: ['--port', String(port)] });
  await banner.waitFor({ state: 'detached', timeout: 60_000 });
  await page.getByRole('table', { name: 'Services' }).getByText(`${next.service.pid}-`).waitFor();
  t.pass('the page connects to its successor');
});
