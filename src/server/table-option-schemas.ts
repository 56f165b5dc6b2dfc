/** JSON Schemas of table options, for the request that creates a table and for the settings. */

import { TABLE_DEFAULTS } from '../table/defaults.js';
import { EVICTIONS, MAX_CAPACITY, MAX_KEY_BYTES, MAX_PARTICIPANTS } from '../table/options.js';
import type { BackendName } from '../table/types.js';
import { Type } from './json-schema.js';

const { maxKeyBytes, hugePages, evict, changes, maxParticipants, backend } = TABLE_DEFAULTS;

/** Types and ranges; column types are checked where the table is created. */
export const tableOption = {
  capacity: Type.Integer({ minimum: 1, maximum: MAX_CAPACITY, description: 'Number of rows; exactly this many fit' }),
  maxKeyBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_KEY_BYTES, default: maxKeyBytes })),
  hugePages: Type.Optional(Type.Boolean({ default: hugePages })),
  evict: Type.Optional(
    Type.Unsafe<(typeof EVICTIONS)[number]>({ type: 'string', enum: [...EVICTIONS], default: evict }),
  ),
  changes: Type.Optional(
    Type.Integer({ minimum: 0, default: changes, description: 'Size of the change feed in bytes; 0 for none' }),
  ),
  maxParticipants: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PARTICIPANTS, default: maxParticipants })),
};

/** The option `backend`, with these values. */
export function backendOption<T extends BackendName>(names: readonly T[]) {
  return Type.Optional(Type.Unsafe<T>({ type: 'string', enum: [...names], default: backend }));
}
