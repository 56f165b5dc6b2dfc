/**
 * The second host of the demonstration of a cluster. Arguments: namespace, server. Messages: `fill` reads every city into the near
 * cache, `peek` reads every city there and compares it, `watch` reads random ones until `report`. Each is answered.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { ShmTableError } from '../src/errors.js';
import { cities, keyOf, openCities, rowOf } from './cluster-city-table.js';

export interface Watched {
  peeks: number;
  hits: number;
  /** The longest time without any hit, in ms. */
  longestGapMs: number;
  /** Reads at a primary, and those that failed. */
  reads: number;
  unavailable: number;
}

const AT_ONCE = 1_000;
const PEEKS_PER_TURN = 500;
const READS_PER_TURN = 20;

const [namespace, server] = process.argv.slice(2);
const table = await openCities(namespace, server);
const watched: Watched = { peeks: 0, hits: 0, longestGapMs: 0, reads: 0, unavailable: 0 };
let watching = false;

async function fill(): Promise<number> {
  while ((table.stats().near?.grants ?? 0) < table.stats().primaries) await turn();
  let rows = 0;
  for (let start = 0; start < cities.length; start += AT_ONCE) {
    const found = await table.getMany(cities.slice(start, start + AT_ONCE).map(keyOf));
    rows += found.filter((row) => row !== undefined).length;
  }
  return rows;
}

/** How many cities are known here. Throws if one differs. */
function peekAll(): number {
  let known = 0;
  for (const city of cities) {
    const row = table.peek(keyOf(city));
    if (row === undefined) continue;
    const { name, population } = rowOf(city);
    if (row.name !== name || row.population !== population) throw new Error(`${name} is ${JSON.stringify(row)}`);
    known++;
  }
  return known;
}

async function watch(): Promise<void> {
  watching = true;
  let hitAt = performance.now();
  while (watching) {
    const missing: string[] = [];
    for (let i = 0; i < PEEKS_PER_TURN; i++) {
      const key = keyOf(cities[Math.floor(Math.random() * cities.length)]);
      watched.peeks++;
      if (table.peek(key) === undefined) {
        missing.push(key);
        continue;
      }
      const now = performance.now();
      watched.longestGapMs = Math.max(watched.longestGapMs, now - hitAt);
      hitAt = now;
      watched.hits++;
    }
    await Promise.all(missing.slice(0, READS_PER_TURN).map(read));
    await turn();
  }
}

async function read(key: string): Promise<void> {
  watched.reads++;
  try {
    await table.get(key);
  } catch (error) {
    if (!(error instanceof ShmTableError)) throw error;
    watched.unavailable++;
  }
}

process.on('message', (message: 'fill' | 'peek' | 'watch' | 'report') => {
  void answer(message).then((result) => process.send?.(result));
});
process.once('disconnect', () => process.exit());
process.send?.('ready');

async function answer(message: 'fill' | 'peek' | 'watch' | 'report'): Promise<unknown> {
  if (message === 'fill') return fill();
  if (message === 'peek') return peekAll();
  if (message === 'watch') {
    void watch();
    return 'watching';
  }
  watching = false;
  return watched;
}
