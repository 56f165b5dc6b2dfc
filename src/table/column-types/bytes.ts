import { types } from 'node:util';
import { ShmTableError } from '../../errors.js';
import { tooLong, type VariableType, wrongJson, wrongType } from './column-type.js';
import { byteLengthOf, isDetached } from './typed-array.js';

const TAKES_JSON = 'base64 with padding (RFC 4648 section 4)';
const at = (row: string, offset: number): string => `${row} * 4 + ${offset}`;

/** `bytes(n)`: u32 length, then that many bytes. Its position is the byte offset of the length. */
export const bytesType: VariableType = {
  field: { form: 'variable', lengthBytes: 4, mostBytes: 16_777_215 },
  zero: new Uint8Array(0),
  code: {
    read: (row, { offset, maxBytes }) => `text.readBytes(${at(row, offset)}, ${maxBytes})`,
    write: (row, value, refuse, { offset, maxBytes }) =>
      `if (!text.writeBytes(${at(row, offset)}, ${maxBytes}, ${value})) ${refuse};`,
    clear: (row, { offset }) => `i32[${row} + ${offset / 4}] = 0;`,
    copy: (from, row, { offset, maxBytes }) => `text.copyBytes(${at(from, offset)}, ${at(row, offset)}, ${maxBytes});`,
  },
  refusal: (column, value) => {
    if (!types.isUint8Array(value)) return wrongType(column, 'a Uint8Array', value);
    if (isDetached(value)) return wrongType(column, 'a Uint8Array that has its memory, not a detached one', value);
    return tooLong(column, byteLengthOf(value));
  },
  json: {
    decode: (column, value) => {
      if (typeof value !== 'string' || value.length % 4 !== 0) throw wrongJson(column, TAKES_JSON, value);
      const bytes = Buffer.from(value, 'base64');
      // Node decodes what it can and skips the rest; only canonical text encodes back to itself.
      if (bytes.toString('base64') !== value) throw wrongJson(column, TAKES_JSON, value);
      return bytes;
    },
    stored: (value) => value,
    write: (value) => {
      if (!(value instanceof Uint8Array)) {
        throw new ShmTableError('ERR_INTERNAL', 'a bytes column gave something else');
      }
      return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`;
    },
    ofText: (text) => text,
  },
};
