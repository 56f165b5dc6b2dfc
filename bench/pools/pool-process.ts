/**
 * A process that uses a pool: argv is the number of the subject and the segment. Runs as many operations as each
 * message says.
 */
import { Segment } from '../../src/pools/index.js';
import { poolSubjects } from './subjects.js';

const [number, name] = process.argv.slice(2);
const run = poolSubjects[Number(number)].open(Segment.open({ name }));
process.on('message', (operations: number) => {
  const start = process.hrtime.bigint();
  run(operations);
  process.send?.(Number(process.hrtime.bigint() - start) / operations);
});
