/**
 * `npm run bench`: the table beside an in-process `Map`, in one run.
 *
 *   node --expose-gc dist/bench/run.js [--keys 1000,100000] [--rounds 41] [--operations 20000] [--json FILE]
 *
 * Prints a table, ratios first, and writes the same as JSON to FILE (bench/results/map.json).
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Measurement, measureInterleaved } from './interleaved.js';
import { makeReport, printReport, writeReport } from './report.js';
import { openMap, openMapByReference } from './subjects/map.js';
import { openShmtable } from './subjects/shmtable.js';

/** The first one is the baseline. */
const SUBJECTS = [openMap, openMapByReference, openShmtable];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      keys: { type: 'string', default: '1000,100000' },
      rounds: { type: 'string', default: '41' },
      operations: { type: 'string', default: '20000' },
      json: { type: 'string', default: fileURLToPath(new URL('../../bench/results/map.json', import.meta.url)) },
    },
  });
  const rounds = positive('--rounds', values.rounds);
  const sliceOperations = positive('--operations', values.operations);
  const sizes = values.keys.split(',').map((size) => positive('--keys', size));
  const measurements: Measurement[] = [];
  for (const keys of sizes) {
    measurements.push(...(await measureInterleaved(SUBJECTS, { keys, rounds, sliceOperations })));
  }
  const report = makeReport(measurements[0].subject, { rounds, sliceOperations }, measurements);
  printReport(report);
  writeReport(report, values.json);
  process.stdout.write(`\nwritten to ${values.json}\n`);
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`${flag} takes integers of 1 or more, got '${text}'`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
