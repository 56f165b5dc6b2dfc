import { deserialize, serialize } from 'node:v8';
import { reasonOf, ShmTableError, show } from '../errors.js';

/** Encodes values as bytes and decodes them. Both functions must be synchronous. */
export interface Codec<V> {
  encode(value: V): Uint8Array;
  /** Receives a copy of the bytes, which it may keep. */
  decode(bytes: Uint8Array): V;
}

/** A codec in the form that the rows of a cache use. */
export interface StoredCodec<V> {
  /**
   * The name of the column with the values, which depends on the codec, so that handles with different codecs have
   * different schemas.
   */
  readonly column: 'json' | 'v8' | 'custom';
  /** Throws `ERR_COLUMN_TYPE` for a value that cannot be encoded. */
  encode(value: V): string | Uint8Array;
  /**
   * Throws `ERR_COLUMN_TYPE` when the codec's own `decode` throws, `ERR_TABLE_CORRUPT` when a stored value is not JSON.
   */
  decode(stored: string | Uint8Array): V;
}

/** `ERR_ARGUMENT` when it is not a codec. */
export function storedCodec<V>(codec: 'json' | 'v8' | Codec<V>): StoredCodec<V> {
  if (codec === 'json') return jsonCodec();
  if (codec === 'v8') return bytesCodec('v8', { encode: serialize, decode: deserialize });
  if (typeof codec === 'object' && codec !== null) {
    const { encode, decode } = codec;
    if (typeof encode === 'function' && typeof decode === 'function') return bytesCodec('custom', codec);
  }
  throw new ShmTableError(
    'ERR_ARGUMENT',
    `codec must be 'json', 'v8' or an object with functions encode and decode, got ${show(codec)}`,
  );
}

/** Precedes a string that is stored as it is. No JSON begins with it. */
const STRING = '=';

/** JSON, except that strings are stored as they are: quoting and parsing them would take most of the time. */
function jsonCodec<V>(): StoredCodec<V> {
  return {
    column: 'json',
    encode(value) {
      if (typeof value === 'string' && value.isWellFormed()) return STRING + value;
      let text: string | undefined;
      try {
        text = JSON.stringify(value);
      } catch (error) {
        throw unencodable(value, 'JSON', error);
      }
      if (text === undefined) throw unencodable(value, 'JSON');
      return text;
    },
    decode(stored) {
      const text = stored as string;
      if (text.startsWith(STRING)) return text.slice(STRING.length) as V;
      try {
        return JSON.parse(text);
      } catch (error) {
        throw new ShmTableError('ERR_TABLE_CORRUPT', `a stored value is not JSON: ${reasonOf(error)}`, {
          cause: error,
        });
      }
    },
  };
}

function bytesCodec<V>(column: 'v8' | 'custom', codec: Codec<V>): StoredCodec<V> {
  return {
    column,
    encode(value) {
      let bytes: unknown;
      try {
        bytes = codec.encode(value);
      } catch (error) {
        throw unencodable(value, `codec ${column}`, error);
      }
      if (bytes instanceof Uint8Array) return bytes;
      throw new ShmTableError('ERR_COLUMN_TYPE', `encode of the codec must return a Uint8Array, got ${show(bytes)}`);
    },
    decode(stored) {
      try {
        return codec.decode(stored as Uint8Array);
      } catch (error) {
        throw new ShmTableError('ERR_COLUMN_TYPE', `codec ${column} cannot decode a value: ${reasonOf(error)}`, {
          cause: error,
        });
      }
    },
  };
}

function unencodable(value: unknown, by: string, cause?: unknown): ShmTableError {
  const why = cause === undefined ? '' : `: ${reasonOf(cause)}`;
  return new ShmTableError('ERR_COLUMN_TYPE', `${by} cannot encode ${show(value)}${why}`, { cause });
}
