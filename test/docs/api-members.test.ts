/** The reference has a section for each public member of `Table` and of `Cache`, and no others. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { Cache } from '../../src/cache/index.js';
import { Table } from '../../src/index.js';
import { HEAP_DEFAULTS, TABLE_DEFAULTS } from '../../src/table/defaults.js';

const api = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');

/** Names of a heading or of the first cell of a row: `table.get`, `Table.open`, `table[Symbol.iterator]`. */
function namesIn(text: string, owners = /^[Tt]able$/): string[] {
  const names = [...text.replaceAll('\\', '').matchAll(/\b(\w+)(?:\.(\w+)|\[(Symbol\.\w+)\])/g)].filter(([, owner]) =>
    owners.test(owner),
  );
  return [...names].map(([, owner, name, symbol]) => `${owner}.${name ?? symbol}`);
}

function namesOf(owner: string, object: object): string[] {
  // Symbol.dispose is named `nodejs.dispose` on Node 20.
  const nameOf = (key: string | symbol) => (key === Symbol.dispose ? 'Symbol.dispose' : key);
  return Reflect.ownKeys(object)
    .map(nameOf)
    .map((key) => `${owner}.${typeof key === 'symbol' ? key.description : key}`);
}

t.test('every public member has a section, and every section a member', async (t) => {
  const table = Table.create({ name: `members-${process.pid}`, capacity: 1, columns: { n: 'int8', t: 'text' } });
  t.teardown(() => table.destroy());
  const none = new Set(['table.constructor', 'Table.length', 'Table.name', 'Table.prototype']);
  const members = new Set(
    [...namesOf('Table', Table), ...namesOf('table', Table.prototype), ...namesOf('table', table)].filter(
      (name) => !none.has(name),
    ),
  );
  const headings = [...api.matchAll(/^### (.*)$/gm)].flatMap(([, heading]) => namesIn(heading));
  const properties = [...api.matchAll(/^\| (`table\..*?) \|/gm)].flatMap(([, names]) => namesIn(names));
  t.same([...headings, ...properties].sort(), [...members].sort());
});

t.test('every public member of Cache has a section, and every section a member', async (t) => {
  const cache = Cache.open({ name: `members-${process.pid}`, bytes: 4 * 2 ** 20, entries: 1 });
  t.teardown(() => cache.destroy());
  const none = new Set(['cache.constructor', 'Cache.length', 'Cache.name', 'Cache.prototype']);
  const members = [...namesOf('Cache', Cache), ...namesOf('cache', Cache.prototype), ...namesOf('cache', cache)].filter(
    (name) => !none.has(name),
  );
  const headings = [...api.matchAll(/^### (.*)$/gm)].flatMap(([, heading]) => namesIn(heading, /^[Cc]ache$/));
  t.same(headings.sort(), members.sort());
  const section = api.slice(api.indexOf('### cache.stats()'), api.indexOf('### cache.close()'));
  for (const name of Object.keys(cache.stats())) t.ok(section.includes(`\`${name}\``), name);
});

t.test('the reference has the right defaults', async (t) => {
  for (const [option, value] of Object.entries(TABLE_DEFAULTS)) {
    const [, , named] = api.match(new RegExp(`^\\| \`${option}\` \\|.*`, 'm'))?.[0].split(' | ') ?? [];
    t.ok(
      named?.includes(typeof value === 'string' ? `'${value}'` : String(value)),
      `${option} is ${value} by default, not ${named}`,
    );
  }
  const heap = `${HEAP_DEFAULTS.bytesPerRow} bytes for each row, blocks of ${HEAP_DEFAULTS.blockBytes}`;
  t.match(api, new RegExp(`^\\| \`heap\` \\|.* \\| ${heap} \\|`, 'm'), 'heap');
});

t.test('every count in stats() is described', async (t) => {
  const table = Table.create({ name: `counts-${process.pid}`, capacity: 1, columns: { n: 'int8', t: 'text' } });
  t.teardown(() => table.destroy());
  const section = api.slice(api.indexOf('### table.stats()'), api.indexOf('### table.verify()'));
  for (const name of Object.keys(table.stats())) t.ok(section.includes(`\`${name}\``), name);
});
