/**
 * One of several processes that use the table named by its argument: executes the jobs that its parent sends, one by
 * one.
 */
import { Table } from '../table/table.js';
import { type Job, runJob } from './peer-jobs.js';
import { benchColumns } from './row-subject.js';

const table = Table.open(process.argv[2], { columns: benchColumns, backend: 'anonymous' });
process.on('message', (job: Job) => {
  process.send?.(runJob(table, job));
});
process.once('disconnect', () => table.close());
