/** Opening a large existing table, in processes that have not opened one before. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Table } from '../../table/table.js';
import { beforeEnd } from '../before-end.js';
import { shown } from '../figure.js';
import { benchColumns } from '../row-subject.js';
import { type Effort, rowsFor, type SectionResult } from '../section.js';
import { spreadOf } from '../spread.js';
import type { Opening } from './opening-process.js';

const OPENING_PROCESS = fileURLToPath(new URL('./opening-process.js', import.meta.url));
const MAX_PROCESSES = 11;
const GIB = 2 ** 30;

export async function run(effort: Effort): Promise<SectionResult> {
  const options = { name: `bench-${process.pid}`, columns: benchColumns };
  const bytesPerRow = Table.bytesFor({ ...options, capacity: 1_000_000 }).total / 1_000_000;
  const table = Table.create({ ...options, capacity: rowsFor(effort, Math.ceil(GIB / bytesPerRow)) });
  const destroy = beforeEnd(() => table.destroy());
  try {
    const { bytes } = table.stats();
    const openings: Opening[] = [];
    for (let i = 0; i < Math.min(effort.rounds, MAX_PROCESSES); i++) openings.push(await openInProcess(table.name));
    const gib = `${(bytes / GIB).toLocaleString('en', { maximumFractionDigits: 2 })} GiB`;
    return {
      figures: [
        {
          what: `open a table of ${gib}, the first one of the process`,
          unit: 'ms',
          value: spreadOf(openings.map(({ firstMs }) => firstMs)),
          target: { below: 2 },
          note: `opened again in the same process: ${shown(spreadOf(openings.map(({ laterMs }) => laterMs)).median)} ms`,
        },
        {
          what: `resident memory of an opened table of ${gib}`,
          unit: 'MB',
          value: spreadOf(openings.map(({ residentBytes }) => residentBytes / 1e6)),
          target: { below: 10 },
        },
      ],
    };
  } finally {
    destroy();
  }
}

async function openInProcess(name: string): Promise<Opening> {
  const child = fork(OPENING_PROCESS, [name], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  const opened = new Promise<Opening>((resolve) => child.once('message', (opening: Opening) => resolve(opening)));
  const opening = await Promise.race([opened, ended.then(() => undefined)]);
  await ended;
  if (opening === undefined) throw new Error('a process that opens the table of the benchmark failed');
  return opening;
}
