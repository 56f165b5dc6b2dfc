import { bytesType } from './bytes.js';
import type { LongType } from './column-type.js';
import { longCode, MAX_BLOB_BYTES } from './long.js';

/** `blob`: bytes of any length. */
export const blobType: LongType = {
  field: { form: 'long', maxValueBytes: MAX_BLOB_BYTES },
  zero: new Uint8Array(0),
  code: longCode('Blob'),
  refusal: bytesType.refusal,
  json: bytesType.json,
};
