/** The pages /docs and /ui, their resources and the routes are found behind a proxy that serves the service under a prefix. */
import t from 'tap';
import { startProxy } from '../fixtures/prefix-proxy.js';
import { startApp } from '../fixtures/server-app.js';

async function statusOf(url: URL): Promise<number> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  return answer.status;
}

t.test('the pages and their resources are found', async (t) => {
  const base = await startProxy(t, (await startApp(t)).port);
  for (const path of ['/docs', '/docs/', '/ui', '/ui/']) {
    const page = await fetch(base + path);
    const links = [...(await page.text()).matchAll(/(?:href|src)="([^"]*)"/g)].map(
      ([, link]) => new URL(link, page.url),
    );
    t.ok(links.length >= 3, `${path} has ${links.length} links`);
    for (const link of links) t.equal(await statusOf(link), 200, link.pathname);
  }
});

t.test('the routes are found from every address of the document', async (t) => {
  const base = await startProxy(t, (await startApp(t)).port);
  for (const path of ['/openapi.json', '/docs/json']) {
    const document = Object(await (await fetch(base + path)).json());
    const server = new URL(`${document.servers[0].url}/`, base + path);
    t.equal(await statusOf(new URL('v1/tables', server)), 200, `${path}: ${server.pathname}`);
  }
});
