/** Unknown options, in every method that takes options. */
import t from 'tap';
import { nearest } from '../../src/memory/known-options.js';
import { FixedPool, GlobalPool, MetricRegistry, RingBuffer, Segment } from '../../src/pools/index.js';
import { Table } from '../fixtures/placed-table.js';
import { scratchName, scratchTable } from './scratch-table.js';

const columns = { n: 'int32' } as const;
const untyped = (value: unknown): never => value as never;
const also = (good: object, wrong: object): never => untyped({ ...good, ...wrong });

t.test('each is rejected with the nearest existing option, and nothing is done', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns, changes: 65_536 });
  table.set('k', { n: 1 });
  const revision = table.entry('k')?.revision;
  const name = scratchName(t);
  const segment = { buffer: new ArrayBuffer(65_536) };
  const good = { name, capacity: 10, columns };
  const wrong: [method: string, unknown: object, hint: string, run: (options: never) => unknown][] = [
    ['create', { evicts: 'lru' }, 'evict', (o) => Table.create(also(good, o))],
    ['openOrCreate', { Capacity: 5 }, 'capacity', (o) => Table.openOrCreate(also(good, o))],
    ['open', { readonly: true }, 'readOnly', (o) => Table.open(table.name, o)],
    ['bytesFor', { maxKeybytes: 9 }, 'maxKeyBytes', (o) => Table.bytesFor(also(good, o))],
    ['list', { namspace: 'a' }, 'namespace', (o) => Table.list(o)],
    ['destroy', { backnd: 'sysv' }, 'backend', (o) => Table.destroy(table.name, o)],
    ['set', { TTL: 5 }, 'ttl', (o) => table.set('k', { n: 2 }, o)],
    ['set', { ifRevision: 5 }, 'the options are ttl', (o) => table.set('k', { n: 2 }, o)],
    ['put', { tll: 5 }, 'ttl', (o) => table.put('k', { n: 2 }, o)],
    ['insert', { ttI: 5 }, 'ttl', (o) => table.insert('new', { n: 2 }, o)],
    ['update', { Ttl: 5 }, 'ttl', (o) => table.update('k', { n: 2 }, o)],
    ['compareAndSet', { tl: 5 }, 'ttl', (o) => table.compareAndSet('k', { n: 1 }, { n: 2 }, o)],
    ['modify', { tttl: 5 }, 'ttl', (o) => table.modify('k', () => ({ n: 2 }), o)],
    ['setMany', { ttl_: 5 }, 'ttl', (o) => table.setMany([['k', { n: 2 }]], o)],
    ['increment', { ttlIfnew: 5 }, 'ttlIfNew', (o) => table.increment('k', 'n', 1, o)],
    ['decrement', { ttlIfNews: 5 }, 'ttlIfNew', (o) => table.decrement('k', 'n', 1, o)],
    ['scan', { prefx: 'a' }, 'prefix', (o) => table.scan(o)],
    ['watch', { sicne: 1 }, 'since', (o) => table.watch(o)],
    ['Segment.create', { hugepages: true }, 'hugePages', (o) => Segment.create(also({ name, size: 64 }, o))],
    ['Segment.open', { backed: 'sysv' }, 'backend', (o) => Segment.open(also({ name }, o))],
    ['Segment.list', { pth: '/' }, 'path', (o) => Segment.list(o)],
    ['FixedPool', { slice: 1 }, 'slices', (o) => FixedPool.create(segment, also({ slices: 1, sliceBytes: 8 }, o))],
    ['RingBuffer', { byte: 1 }, 'bytes', (o) => RingBuffer.create(untyped(segment), also({ bytes: 1024 }, o))],
    ['GlobalPool', { ofset: 64 }, 'offset', (o) => GlobalPool.create(segment, also({ pageBytes: 64 }, o))],
    ['MetricRegistry', { pagebytes: 64 }, 'pageBytes', (o) => MetricRegistry.create(untyped(segment), o)],
  ];
  for (const [method, options, hint, run] of wrong) {
    const unknown = Object.keys(options)[0];
    const message = new RegExp(`unknown option ${unknown}; (did you mean ${hint}\\?|${hint}$)`);
    t.throws(() => run(untyped(options)), { code: 'ERR_ARGUMENT', message }, method);
  }
  await t.rejects(Table.restore('/nowhere', untyped({ capcity: 5 })), {
    message: /unknown option capcity; .*capacity/,
  });
  await t.rejects(table.clear(untyped({ yieldMS: 5 })), { message: /unknown option yieldMS; .*yieldMs/ });
  t.equal(table.entry('k')?.revision, revision);
  t.equal(table.size, 1);
  t.throws(() => Table.open(name), { code: 'ERR_TABLE_NOT_FOUND' });
});

t.test('`undefined` counts as not given, and inherited options count as given', async (t) => {
  const table = scratchTable(t, { capacity: 10, columns });
  table.set('k', { n: 1 }, untyped({ ttl: undefined, TTL: undefined }));
  t.throws(() => table.set('k', { n: 2 }, Object.create({ TTL: 5 })), { code: 'ERR_ARGUMENT' });
  table.set('k', { n: 2 }, Object.create({ ttl: 60_000 }));
  t.not(table.ttl('k'), Number.POSITIVE_INFINITY);
  for (const options of [null, 5, 'ttl', [], [5], () => ({})]) {
    t.throws(() => table.set('k', { n: 3 }, untyped(options)), { code: 'ERR_ARGUMENT', message: /options must be/ });
  }
  const hostile = new Proxy(
    {},
    {
      ownKeys: () => ['constructor', 'x'.repeat(1e6)],
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }),
      get: () => 1,
    },
  );
  t.throws(() => table.set('k', { n: 3 }, hostile), { code: 'ERR_ARGUMENT' });
  t.equal(table.get('k', 'n'), 2);
});

t.test('the same options object is valid for create and open; an unknown name in it is not', async (t) => {
  const options = { name: scratchName(t), capacity: 10, columns } as const;
  const table = Table.openOrCreate(options);
  t.equal(Table.open(options.name, options).size, 0);
  const named = { code: 'ERR_ARGUMENT', message: /named twice/ };
  t.throws(() => Table.open(options.name, untyped({ name: 'another' })), named);
  table.close();
});

t.test('the nearest name is suggested', async (t) => {
  const words = ['get', 'set', 'delete', 'dump', 'load', 'restore', 'snapshot'];
  const cases = { gte: 'get', SET: 'set', delte: 'delete', restroe: 'restore', snapshto: 'snapshot', lod: 'load' };
  for (const [word, expected] of Object.entries(cases)) t.equal(nearest(word, words), expected, word);
  for (const word of ['', 'x', 'frobnicate', 'x'.repeat(1e6)]) t.equal(nearest(word, words), undefined);
  t.equal(nearest('a', []), undefined);
});
