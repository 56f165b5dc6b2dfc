/** The page /docs, its resources and the routes are found behind a proxy that serves the service under a prefix. */
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { startApp } from '../fixtures/server-app.js';

/** Forwards paths below `/pre` to the port, without the prefix; everything else is 404. */
async function startProxy(t: Test, port: number): Promise<string> {
  const proxy = createServer((request, response) => {
    if (request.url?.startsWith('/pre/') !== true) {
      response.writeHead(404).end();
      return;
    }
    get({ host: '127.0.0.1', port, path: request.url.slice(4) }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.teardown(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  const address: AddressInfo = Object(proxy.address());
  return `http://127.0.0.1:${address.port}/pre`;
}

async function statusOf(url: URL): Promise<number> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  return answer.status;
}

t.test('the page and its resources are found', async (t) => {
  const base = await startProxy(t, (await startApp(t)).port);
  for (const path of ['/docs', '/docs/']) {
    const page = await fetch(base + path);
    const links = [...(await page.text()).matchAll(/(?:href|src)="([^"]*)"/g)].map(
      ([, link]) => new URL(link, page.url),
    );
    t.ok(links.length >= 5, `${path} has ${links.length} links`);
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
