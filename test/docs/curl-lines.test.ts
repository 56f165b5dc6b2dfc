/** The lines with curl in docs/http.md work, one after the other, and there is one for every route. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import t from 'tap';
import { startApp } from '../fixtures/server-app.js';

const PAGE = new URL('../../../docs/http.md', import.meta.url);
/** Exit code of curl at its time limit, which ends a stream. */
const TIME_IS_OVER = 28;

/** The block in which the lines are. */
function curlBlock(): string[] {
  const [, block = ''] = /## With curl\n[\s\S]*?```sh\n([\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8')) ?? [];
  return block.split('\n').filter((line) => line !== '');
}

/** Method and path of the request that a line sends. */
function requestOf(line: string): string {
  const [, path = ''] = /"\$B([^"?]*)/.exec(line) ?? [];
  const method = line.includes(' -I ') ? 'HEAD' : (/-X ([A-Z]+)/.exec(line)?.[1] ?? 'GET');
  return `${method.toLowerCase()} ${path}`;
}

t.test('every line succeeds, and every route has one', { timeout: 60_000 }, async (t) => {
  const { port, send } = await startApp(t, { snapshots: { dir: t.testdir() } });
  const lines = curlBlock();
  const settings = lines.filter((line) => /^[A-Z]=/.test(line));
  t.ok(settings[0]?.startsWith('B=http://127.0.0.1:7070'));
  const variables = settings.join('\n').replace('7070', String(port));
  const sent = lines.filter((line) => line.startsWith('curl '));
  t.equal(sent.length + settings.length, lines.length, 'nothing else is in the block');
  for (const line of sent) {
    const run = promisify(execFile)('sh', ['-c', `${variables}\n${line.replace('curl', 'curl -sS')}`]);
    const { code = 0, stdout } = await run.catch((error) => error);
    t.ok(code === 0 || (code === TIME_IS_OVER && line.includes('--max-time')), line);
    if (line.includes('/changes')) t.match(stdout, /event: insert[\s\S]*event: delete/, 'the changes so far');
    if (line.includes('/overview')) t.match(stdout, /event: overview\ndata: \{/, 'the state');
  }
  const covered = sent.map(requestOf);
  const { paths } = (await send('GET', '/openapi.json')).json;
  for (const [path, operations] of Object.entries<object>(paths)) {
    const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
    for (const method of Object.keys(operations).filter((each) => each !== 'head')) {
      const isCovered = covered.some((each) => each.startsWith(`${method} `) && pattern.test(each.split(' ')[1]));
      t.ok(isCovered, `${method} ${path}`);
    }
  }
});
