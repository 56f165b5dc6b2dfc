import type { LongType } from './column-type.js';
import { longCode, MAX_TEXT_BYTES } from './long.js';
import { stringType } from './string.js';

/** `text`: well-formed UTF-8 of any length. */
export const textType: LongType = {
  field: { form: 'long', maxValueBytes: MAX_TEXT_BYTES },
  zero: '',
  code: longCode('Text'),
  refusal: stringType.refusal,
  json: stringType.json,
};
