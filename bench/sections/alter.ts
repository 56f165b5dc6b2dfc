/** Altering a large table: how long it takes, for how long writers wait, and what readers notice of it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { beforeEnd } from '../../src/bench/before-end.js';
import { rowCount, shown } from '../../src/bench/figure.js';
import { freshKey } from '../../src/bench/fresh-keys.js';
import { type Effort, rowsFor, type SectionResult } from '../../src/bench/section.js';
import { spreadOf } from '../../src/bench/spread.js';
import { type Alteration, type AlterOptions, Table } from '../../src/index.js';
import type { AlteringJob, AlteringResult } from '../altering/altering-jobs.js';

const PEER_PROCESS = fileURLToPath(new URL('../altering/peer-process.js', import.meta.url));
const COLUMNS = { count: 'int32', score: 'float64', name: 'string(20)' } as const;
const MAX_ALTERATIONS = 4;
const ROWS_PER_SECOND = 10_000;
const WRITERS = 2;

export async function run(effort: Effort, rows: number): Promise<SectionResult> {
  const count = rowsFor(effort, rows);
  const name = `bench-alter-${process.pid}`;
  const table = Table.create({ name, capacity: count, columns: COLUMNS });
  const destroy = beforeEnd(() => table.destroy());
  const peers: Peer[] = [];
  try {
    for (let i = 0; i < count; i++) table.set(freshKey(i), { count: 0, score: i / 7, name: `name ${i}` });
    // Before any alteration: they are to depend only on these columns.
    while (peers.length < WRITERS) peers.push(await Peer.start(name));
    const [first] = peers;
    const alterations = Math.min(effort.rounds, MAX_ALTERATIONS);
    const read = await alterAmongReads(name, first, { rows: count, alterations });
    const written = await alterAmongWrites(name, first, { rows: count, alterations, from: alterations });
    const grown = await growUnderLoad(table, peers, count);
    return { figures: [...readFigures(count, read), ...writtenFigures(count, written), ...grownFigures(count, grown)] };
  } finally {
    for (const peer of peers) await peer.end();
    destroy();
  }
}

/** A process that works while the table is altered. */
class Peer {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(table: string): Promise<Peer> {
    const peer = new Peer(fork(PEER_PROCESS, [table], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }));
    await peer.#next();
    return peer;
  }

  begin(job: AlteringJob): void {
    this.#child.send(job);
  }

  async stop(): Promise<AlteringResult> {
    const next = this.#next();
    this.#child.send('stop');
    return (await next) as AlteringResult;
  }

  async #next(): Promise<unknown> {
    const over = new AbortController();
    const [message] = await Promise.race([
      once(this.#child, 'message', over),
      once(this.#child, 'exit', over).then(() => {
        throw new Error('a process of the benchmark ended');
      }),
    ]);
    over.abort();
    return message;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }
}

/** There and back, so that any number of alterations is possible. */
function changesOf(number: number): AlterOptions {
  return number % 2 === 0 ? { add: { added: 'int32' } } : { drop: ['added'] };
}

interface AmongReads {
  readonly alterations: readonly Alteration[];
  readonly undisturbed: readonly AlteringResult[];
  readonly disturbed: readonly AlteringResult[];
}

interface AmongWrites {
  readonly alterations: readonly Alteration[];
  readonly results: readonly AlteringResult[];
}

async function alterAmongReads(
  name: string,
  reader: Peer,
  { rows, alterations }: { rows: number; alterations: number },
): Promise<AmongReads> {
  const done: Alteration[] = [];
  const undisturbed: AlteringResult[] = [];
  const disturbed: AlteringResult[] = [];
  for (let i = 0; i < alterations; i++) {
    reader.begin({ kind: 'read', rows });
    await pause(done[0]?.durationMs ?? rows / 1000);
    undisturbed.push(await reader.stop());
    reader.begin({ kind: 'read', rows });
    done.push(Table.alter(name, changesOf(i)));
    disturbed.push(await reader.stop());
  }
  // The first compiles the code, here and in the reader.
  const from = alterations > 1 ? 1 : 0;
  return { alterations: done.slice(from), undisturbed: undisturbed.slice(from), disturbed: disturbed.slice(from) };
}

async function alterAmongWrites(
  name: string,
  writer: Peer,
  { rows, alterations, from }: { rows: number; alterations: number; from: number },
): Promise<AmongWrites> {
  const done: Alteration[] = [];
  const results: AlteringResult[] = [];
  for (let i = 0; i < alterations; i++) {
    writer.begin({ kind: 'write', rows, rowsPerSecond: ROWS_PER_SECOND });
    done.push(Table.alter(name, changesOf(from + i)));
    results.push(await writer.stop());
  }
  return { alterations: done, results };
}

interface Grown extends AmongWrites {
  readonly lost: number;
}

async function growUnderLoad(table: Table<typeof COLUMNS>, writers: readonly Peer[], rows: number): Promise<Grown> {
  const sum = (): number => {
    let total = 0;
    for (const row of table.values()) total += row.count;
    return total;
  };
  const before = sum();
  for (const writer of writers) writer.begin({ kind: 'increment', rows });
  const alteration = Table.alter(table.name, { capacity: 2 * rows, lockTimeoutMs: 60_000 });
  const results: AlteringResult[] = [];
  for (const writer of writers) results.push(await writer.stop());
  const counted = results.reduce((total, { operations }) => total + operations, 0);
  return { alterations: [alteration], results, lost: counted - (sum() - before) };
}

function readFigures(rows: number, { alterations, undisturbed, disturbed }: AmongReads): SectionResult['figures'] {
  const ratios = disturbed.map(({ p999Ns }, i) => p999Ns / undisturbed[i].p999Ns);
  const p999 = (results: readonly AlteringResult[]) => spreadOf(results.map(({ p999Ns }) => p999Ns));
  return [
    {
      what: `alter a table of ${rowCount(rows)}, while a process reads`,
      unit: 'ms',
      value: spreadOf(alterations.map(({ durationMs }) => durationMs)),
      target: { below: 1500 },
    },
    {
      what: 'p99.9 of get column while a table is altered',
      comparedWith: 'p99.9 undisturbed',
      unit: 'x',
      value: spreadOf(ratios),
      target: { below: 3 },
      ns: p999(disturbed),
      comparedNs: p999(undisturbed),
      note: `the longest get took ${shown(Math.max(...disturbed.map(({ longestMs }) => longestMs)))} ms`,
    },
  ];
}

function writtenFigures(rows: number, { alterations, results }: AmongWrites): SectionResult['figures'] {
  return [
    {
      what: `writers held by altering ${rowCount(rows)}, at ${ROWS_PER_SECOND.toLocaleString('en')} writes a second`,
      unit: 'ms',
      value: spreadOf(alterations.map(({ heldMs }) => heldMs)),
      target: { below: 50 },
      note: `at most ${shown(Math.max(...alterations.map(({ heldMs }) => heldMs)))} ms; the longest write took ${shown(Math.max(...results.map(({ longestMs }) => longestMs)))} ms`,
    },
  ];
}

function grownFigures(rows: number, { alterations, results, lost }: Grown): SectionResult['figures'] {
  if (lost !== 0) throw new Error(`${lost} increments were lost while the table grew`);
  const [{ durationMs, heldMs }] = alterations;
  const operations = results.reduce((total, each) => total + each.operations, 0);
  return [
    {
      what: `double a table of ${rowCount(rows)} while ${WRITERS} processes write at full speed`,
      unit: 'ms',
      value: spreadOf([durationMs]),
      note:
        `none of ${operations.toLocaleString('en')} increments was lost; writers were held for ${shown(heldMs)} ms, and the ` +
        `longest write took ${shown(Math.max(...results.map(({ longestMs }) => longestMs)))} ms`,
    },
  ];
}
