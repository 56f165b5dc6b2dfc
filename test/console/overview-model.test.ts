import t from 'tap';
import { NO_DATA, withPoint } from '../../src/console/overview/chart-history.js';
import { HitRates } from '../../src/console/overview/hit-rates.js';
import type { Overview, OverviewEvent, ServiceSample, TableSample } from '../../src/console/overview/overview-data.js';
import { OverviewModel } from '../../src/console/overview/overview-model.js';

const NO_COUNTS = { inserts: 0, updates: 0, deletes: 0, expirations: 0, evictions: 0, recoveries: 0, lockWaits: 0 };

function table(name: string, inserts: number): TableSample {
  const counters = { ...NO_COUNTS, inserts };
  const heap = null;
  return {
    name,
    backend: 'posix',
    kind: 'table',
    rows: 1,
    capacity: 9,
    bytes: 1,
    evict: 'none',
    heap,
    counters,
    cache: null,
    problem: null,
  };
}

function service(instance: string, requests = 0): ServiceSample {
  const worker = { pid: 1, uptimeS: 1, rssBytes: 1, cpuPercent: 1, requests, eventLoopDelayP99Ms: 2 };
  const counts = { requests, errors4xx: 0, errors5xx: 0, inFlight: 0, connections: 1, streams: 1 };
  return { instance, version: '1', startedAt: 0, ...counts, latency: { p50Ms: null, p99Ms: null }, workers: [worker] };
}

function overview(at: number, parts: Partial<Overview>): Overview {
  return { at, service: service('self'), services: [], tables: [], events: [], ...parts };
}

t.test('rates need two readings, and count per second whatever the time between them', async (t) => {
  const model = new OverviewModel();
  t.equal(model.take(overview(1000, { tables: [table('a', 5)] })).tables[0]?.rates, undefined);
  const { tables } = model.take(overview(3000, { tables: [table('a', 25), table('b', 7)] }));
  t.equal(tables[0]?.rates?.inserts, 10);
  t.equal(tables[1]?.rates, undefined, 'a new table');
});

t.test('a counter that begins again has grown from 0', async (t) => {
  const model = new OverviewModel();
  model.take(overview(0, { tables: [table('a', 1000)] }));
  t.equal(model.take(overview(1000, { tables: [table('a', 4)] })).tables[0]?.rates?.inserts, 4);
});

t.test('two messages of the same time give no rate', async (t) => {
  const model = new OverviewModel();
  model.take(overview(1000, { tables: [table('a', 5)] }));
  t.equal(model.take(overview(1000, { tables: [table('a', 6)] })).tables[0]?.rates, undefined);
});

t.test('a table in which nothing has changed stays the same object', async (t) => {
  const model = new OverviewModel();
  const views = [0, 1000, 2000, 3000].map((at) =>
    model.take(overview(at, { tables: [table('a', at < 3000 ? 5 : 6)] })),
  );
  t.not(views[1]?.tables[0], views[0]?.tables[0], 'now it has rates');
  t.equal(views[2]?.tables[0], views[1]?.tables[0]);
  t.not(views[3]?.tables[0], views[2]?.tables[0]);
});

t.test('another service that is gone is shown as such, until it is back', async (t) => {
  const model = new OverviewModel();
  model.take(overview(1000, { services: [service('other', 10)] }));
  const gone = model.take(overview(2000, {})).services[1];
  t.equal(gone?.goneSince, 1000);
  t.equal(model.take(overview(3000, {})).services[1]?.goneSince, 1000);
  const { services } = model.take(overview(4000, { services: [service('other', 10)] }));
  t.same(
    services.map(({ instance, goneSince }) => [instance, goneSince]),
    [
      ['self', undefined],
      ['other', undefined],
    ],
  );
  model.take(overview(5000, {}));
  t.equal(model.take(overview(1_000_000, {})).services.length, 1, 'not for ever');
});

t.test('events are shown once, the newest first, also after a connection was lost', async (t) => {
  const event = (sequence: number, at: number): OverviewEvent => ({
    at,
    service: 's',
    sequence,
    level: 'info',
    message: '',
  });
  const model = new OverviewModel();
  model.take(overview(1000, { events: [event(1, 10), event(2, 20)] }));
  const { events } = model.take(overview(2000, { events: [event(1, 10), event(2, 20), event(3, 20)] }));
  t.same(
    events.map(({ sequence }) => sequence),
    [3, 2, 1],
  );
});

t.test('charts keep 15 minutes, are interrupted by a pause, and begin again when the clock is set back', async (t) => {
  const point = {
    requests: 1,
    errors4xx: 0,
    errors5xx: 0,
    p50: null,
    p99: null,
    inserts: 0,
    updates: 0,
    deletes: 0,
    removals: 0,
    loopDelay: undefined,
  };
  let data = withPoint(withPoint(NO_DATA, 1000, point), 1001, point);
  t.same(data.lines.loopDelay, [null, null]);
  data = withPoint(data, 1100, point);
  t.same(data.times, [1000, 1001, 1002, 1100]);
  t.same(data.lines.requests, [1, 1, null, 1]);
  t.same(withPoint(data, 1001 + 900, point).times, [1001, 1002, 1100, 1101, 1901]);
  t.same(withPoint(data, 1050, point).times, [1050]);
});

t.test('the hit rate is that of the reads of the last minute', async (t) => {
  const rates = new HitRates();
  t.equal(rates.take('a', 0, { hits: 100, misses: 100 }), undefined);
  t.equal(rates.take('a', 30_000, { hits: 103, misses: 101 }), 0.75);
  t.equal(rates.take('a', 80_000, { hits: 103, misses: 102 }), 0, 'the reads of before are too old');
  t.equal(rates.take('a', 81_000, { hits: 2, misses: 0 }), 2 / 3, 'a cache that was created again');
  t.equal(rates.take('a', 300_000, { hits: 2, misses: 0 }), undefined);
});
