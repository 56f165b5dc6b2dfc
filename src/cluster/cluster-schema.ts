import { ShmTableError, show } from '../errors.js';
import type { Columns } from '../table/types.js';
import type { ClusterNodes } from './cluster-nodes.js';
import { REPLACE } from './scripts.js';
import { slotOf } from './slots.js';

/** The version of how rows are stored: see `RowFields` and the scripts. */
const FORMAT = 1;
/** How often others may change the schema between two steps. */
const MAX_RACES = 100;

interface StoredSchema {
  readonly format: number;
  readonly columns: Columns;
  readonly maxKeyBytes: number;
}

/** What a program wants of a table. */
interface WantedSchema {
  readonly columns: Columns;
  readonly maxKeyBytes: number;
  readonly onMismatch: 'throw' | 'alter';
}

/**
 * Agrees on the schema of a table: the first who opens it writes the schema under `key`, the others compare. With
 * `alter`, missing columns are added, which needs no change of any row, since a missing field is zero; columns that are
 * not wanted stay. `ERR_SCHEMA_MISMATCH`, `ERR_TABLE_CORRUPT`.
 */
export async function agreeOnSchema(nodes: ClusterNodes, key: string, wanted: WantedSchema): Promise<void> {
  const wire = Buffer.from(key);
  const slot = slotOf(wire);
  const { columns, maxKeyBytes } = wanted;
  const first = JSON.stringify({ format: FORMAT, columns, maxKeyBytes } satisfies StoredSchema);
  for (let races = 0; races < MAX_RACES; races++) {
    const created = await nodes.command(slot, ['SET', wire, first, 'NX'], false);
    if (created !== null) return;
    const text = (await nodes.command(slot, ['GET', wire], true)) as Buffer | null;
    if (text === null) continue;
    const next = nextSchema(key, text.toString('utf8'), wanted);
    if (next === undefined) return;
    if ((await nodes.run(REPLACE, slot, wire, [text, next])) === 1) return;
  }
  throw new ShmTableError('ERR_CLUSTER_UNAVAILABLE', `the schema ${key} changed ${MAX_RACES} times while it was read`);
}

/** The schema to store instead; undefined when the stored one will do. */
function nextSchema(key: string, text: string, { columns, maxKeyBytes, onMismatch }: WantedSchema): string | undefined {
  const stored = parse(key, text);
  const missing: Record<string, string> = {};
  for (const [name, type] of Object.entries(columns)) {
    if (!Object.hasOwn(stored.columns, name)) missing[name] = type;
    else if (stored.columns[name] !== type) {
      throw mismatch(key, `column ${name} is ${stored.columns[name]}, not ${type}`);
    }
  }
  if (stored.maxKeyBytes !== maxKeyBytes) {
    throw mismatch(key, `maxKeyBytes is ${stored.maxKeyBytes}, not ${maxKeyBytes}`);
  }
  const names = Object.keys(missing);
  if (onMismatch === 'throw') {
    if (names.length > 0) throw mismatch(key, `it lacks ${names.join(', ')}`);
    const more = Object.keys(stored.columns).filter((name) => !Object.hasOwn(columns, name));
    if (more.length > 0) throw mismatch(key, `it also has ${more.join(', ')}`);
  }
  if (names.length === 0) return undefined;
  return JSON.stringify({ ...stored, columns: { ...stored.columns, ...missing } });
}

function parse(key: string, text: string): StoredSchema {
  try {
    const schema: StoredSchema = JSON.parse(text);
    if (schema.format === FORMAT && typeof schema.columns === 'object' && schema.columns !== null) return schema;
  } catch {
    // It was not written by this package.
  }
  throw new ShmTableError('ERR_TABLE_CORRUPT', `${key} in the cluster is no schema of this version: ${show(text)}`);
}

function mismatch(key: string, difference: string): ShmTableError {
  return new ShmTableError(
    'ERR_SCHEMA_MISMATCH',
    `the table ${key} in the cluster has another schema: ${difference}; onMismatch: 'alter' adds columns`,
  );
}
