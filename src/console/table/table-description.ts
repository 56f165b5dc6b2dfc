/** A table as the service describes it. */
import { call } from '../client/api.js';
import { tablePath } from '../client/paths.js';
import { type Loaded, useLoaded } from './loaded.js';

export interface TableDescription {
  readonly name: string;
  readonly columns: Readonly<Record<string, string>>;
  /** A table in a cluster of servers has none, and no `rows`. */
  readonly capacity?: number | null;
  readonly maxKeyBytes?: number;
  readonly evict?: string | null;
  /** Bytes of the change feed; 0 for none. */
  readonly changes?: number;
  readonly heap?: { readonly bytes: number; readonly blockBytes: number };
  readonly schemaVersion?: number;
  readonly backend: string;
  readonly rows: number | null;
  readonly stats?: TableStatistics | null;
}

export interface TableStatistics {
  readonly bytes: number;
  readonly heap?: { readonly blocks: number; readonly used: number; readonly inFlight: number };
  readonly [counter: string]: unknown;
}

export function useTable(table: string): Loaded<TableDescription> {
  return useLoaded(table, async (signal) => (await call<TableDescription>(tablePath(table), { signal })).value);
}
