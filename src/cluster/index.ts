export { ShmTableError } from '../errors.js';
export type { ClusterScan } from './cluster-scan.js';
export {
  ClusterTable,
  type ClusterTableStats,
  type Incremented,
  type ReadOptions,
  type Written,
} from './cluster-table.js';
export type { ClusterConnectionOptions, ClusterTableOptions, NearOptions } from './options.js';
