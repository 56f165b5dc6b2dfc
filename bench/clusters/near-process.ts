/**
 * A process with a near cache, on whose host it may run the feed. Arguments: the options of `ClusterTable.connect` as JSON,
 * and how many rows it reads into the cache. It sends a message when it has them, and again for each message it gets.
 */
import { ClusterTable } from '../../src/cluster/index.js';
import { warm } from './row-cluster.js';

const table = await ClusterTable.connect(JSON.parse(process.argv[2]));
const read = async (): Promise<void> => {
  await warm(table, Number(process.argv[3]));
  process.send?.('warm');
};
process.on('message', () => void read());
process.once('disconnect', () => process.exit());
await read();
