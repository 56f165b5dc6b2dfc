/** JSON Schemas of table options, for the request that creates a table and for the settings. */

import { HEAP_DEFAULTS, TABLE_DEFAULTS } from '../table/defaults.js';
import {
  EVICTIONS,
  MAX_BLOCK_BYTES,
  MAX_BLOCKS,
  MAX_CAPACITY,
  MAX_KEY_BYTES,
  MAX_PARTICIPANTS,
  MIN_BLOCK_BYTES,
} from '../table/options.js';
import type { BackendName, HeapOptions } from '../table/types.js';
import { Type } from './json-schema.js';

const { maxKeyBytes, hugePages, evict, changes, maxParticipants, backend } = TABLE_DEFAULTS;

const MAX_HEAP_BYTES = MAX_BLOCKS * MAX_BLOCK_BYTES;
const BLOCK_SIZES = powersOfTwo(MIN_BLOCK_BYTES, MAX_BLOCK_BYTES);

/** Types and ranges; column types are checked when the table is created. */
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
  heap: Type.Optional(
    Type.Unsafe<number | HeapOptions>({
      type: ['integer', 'object'],
      minimum: MIN_BLOCK_BYTES,
      maximum: MAX_HEAP_BYTES,
      required: ['bytes'],
      properties: {
        bytes: { type: 'integer', minimum: MIN_BLOCK_BYTES, maximum: MAX_HEAP_BYTES, description: 'Size in bytes' },
        blockBytes: {
          type: 'integer',
          enum: BLOCK_SIZES,
          default: HEAP_DEFAULTS.blockBytes,
          description: 'Size of a block; a value takes whole blocks',
        },
      },
      additionalProperties: false,
      description:
        'Room for values of text, blob and json columns outside their rows: bytes, or bytes and the size of a block. ' +
        `By default ${HEAP_DEFAULTS.bytesPerRow} bytes for each row of the capacity`,
    }),
  ),
  maxParticipants: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PARTICIPANTS, default: maxParticipants })),
  schemaVersion: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'The version of the schema: one that is lower than the version of the table does not alter it',
    }),
  ),
};

/** The option `backend`, with these values. */
export function backendOption<T extends BackendName>(names: readonly T[]) {
  return Type.Optional(Type.Unsafe<T>({ type: 'string', enum: [...names], default: backend }));
}

function powersOfTwo(from: number, to: number): number[] {
  return from > to ? [] : [from, ...powersOfTwo(from * 2, to)];
}
