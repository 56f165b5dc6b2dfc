/**
 * Checks a JSON text (RFC 8259) while its bytes arrive, and stops at the first invalid byte: of a text that is
 * malformed, too deeply nested or has too many members, only the part before the fault is processed, and nothing is
 * parsed.
 *
 * Whether the bytes of strings are valid UTF-8 is checked by the decoder.
 */
import { ShmTableError } from '../../errors.js';
import { ByteCollector } from './byte-collector.js';

/** Limits of a text in addition to the grammar. */
export interface JsonLimits {
  /** Maximum nesting of containers. */
  readonly maxDepth: number;
  /** Maximum number of members or elements of a container, by its depth from 1; unlimited if there is no entry. */
  readonly maxMembers: readonly number[];
}

/** What the scanner expects next. Outside of strings, numbers and words: */
const VALUE = 0;
/** A value, or the end of an empty array. */
const FIRST_ELEMENT = 1;
/** A name, or the end of an empty object. */
const FIRST_NAME = 2;
const NAME = 3;
const AFTER_NAME = 4;
/** A comma, or the end of the container. */
const NEXT = 5;
/** Nothing but white space. */
const END = 6;
/** Within a string: */
const STRING = 7;
const ESCAPE = 8;
/** Hexadecimal digits of an escape. */
const HEX = 9;
/** The rest of `true`, `false` or `null`. */
const WORD = 10;
/** Within a number: after its minus sign, a leading zero, digits, its point, its `e`. */
const AFTER_MINUS = 11;
const AFTER_ZERO = 12;
const INTEGER = 13;
const AFTER_POINT = 14;
const FRACTION = 15;
const AFTER_E = 16;
const AFTER_E_SIGN = 17;
const EXPONENT = 18;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const SMALL_U = 0x75;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const WORDS = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]));
const ESCAPED = new Set(Buffer.from('"\\/bfnrtu'));

/** States in which a number may end. */
const NUMBER_ENDS: ReadonlySet<number> = new Set([AFTER_ZERO, INTEGER, FRACTION, EXPONENT]);

export class JsonScanner {
  readonly #limits: JsonLimits;
  /** Called with the bytes of each element of an array at the root, when it is complete. */
  readonly #element: ((bytes: Buffer) => void) | undefined;
  #state: number = VALUE;
  #depth = 0;
  /** For each container from depth 1 on: whether it is an object, and the number of its members so far. */
  readonly #isObject: Uint8Array;
  readonly #members: Uint32Array;
  /** Whether the string is a name. */
  #isName = false;
  #hexDigits: number = 0;
  #word = WORDS.values().next().value ?? Buffer.alloc(0);
  #wordAt = 0;
  /** Bytes in the chunks before this one. */
  #before = 0;
  /** Where the current element of the root begins in this chunk; -1 outside of elements. */
  #elementAt = -1;
  /** The part of the current element in previous chunks. */
  readonly #part = new ByteCollector();

  constructor(limits: JsonLimits, element?: (bytes: Buffer) => void) {
    this.#limits = limits;
    this.#element = element;
    this.#isObject = new Uint8Array(limits.maxDepth + 1);
    this.#members = new Uint32Array(limits.maxDepth + 1);
  }

  /**
   * Checks the next bytes.
   *
   * @throws {ShmTableError} ERR_BODY_MALFORMED at the first fault
   */
  push(chunk: Buffer): void {
    if (this.#part.length > 0) this.#elementAt = 0;
    const { length } = chunk;
    let at = 0;
    while (at < length) {
      const byte = chunk[at];
      switch (this.#state) {
        case STRING: {
          let end = at;
          while (end < length && chunk[end] !== QUOTE && chunk[end] !== BACKSLASH && chunk[end] >= 0x20) end++;
          at = end;
          if (at === length) break;
          if (chunk[at] === QUOTE) {
            at++;
            if (this.#isName) this.#state = AFTER_NAME;
            else this.#ended(chunk, at);
          } else if (chunk[at] === BACKSLASH) {
            this.#state = ESCAPE;
            at++;
          } else throw this.#unexpected(chunk[at], at);
          break;
        }
        case ESCAPE:
          if (!ESCAPED.has(byte)) throw this.#unexpected(byte, at);
          this.#hexDigits = 4;
          this.#state = byte === SMALL_U ? HEX : STRING;
          at++;
          break;
        case HEX:
          if (!isHex(byte)) throw this.#unexpected(byte, at);
          if (--this.#hexDigits === 0) this.#state = STRING;
          at++;
          break;
        case WORD:
          if (byte !== this.#word[this.#wordAt++]) throw this.#unexpected(byte, at);
          at++;
          if (this.#wordAt === this.#word.length) this.#ended(chunk, at);
          break;
        case AFTER_MINUS:
        case AFTER_ZERO:
        case INTEGER:
        case AFTER_POINT:
        case FRACTION:
        case AFTER_E:
        case AFTER_E_SIGN:
        case EXPONENT: {
          const next = afterNumber(this.#state, byte);
          if (next !== undefined) {
            this.#state = next;
            at++;
          } else if (NUMBER_ENDS.has(this.#state)) this.#ended(chunk, at);
          else throw this.#unexpected(byte, at);
          break;
        }
        default:
          if (!isSpace(byte)) this.#structure(byte, chunk, at);
          at++;
      }
    }
    if (this.#elementAt >= 0) this.#part.add(chunk.subarray(this.#elementAt));
    this.#elementAt = -1;
    this.#before += length;
  }

  /**
   * Checks that the text is complete.
   *
   * @throws {ShmTableError} ERR_BODY_MALFORMED when it is not
   */
  end(): void {
    if (this.#state === END || (this.#depth === 0 && NUMBER_ENDS.has(this.#state))) return;
    throw malformed(`it is incomplete after ${this.#before} bytes`);
  }

  /** A byte outside strings, numbers and literals. */
  #structure(byte: number, chunk: Buffer, at: number): void {
    switch (this.#state) {
      case FIRST_ELEMENT:
        if (byte === CLOSE_ARRAY) this.#close(chunk, at);
        else this.#beginValue(byte, at);
        return;
      case VALUE:
        this.#beginValue(byte, at);
        return;
      case FIRST_NAME:
      case NAME:
        if (byte === CLOSE_OBJECT && this.#state === FIRST_NAME) this.#close(chunk, at);
        else if (byte === QUOTE) {
          this.#count(at);
          this.#isName = true;
          this.#state = STRING;
        } else throw this.#unexpected(byte, at);
        return;
      case AFTER_NAME:
        if (byte !== COLON) throw this.#unexpected(byte, at);
        this.#state = VALUE;
        return;
      case NEXT: {
        const isObject = this.#isObject[this.#depth] === 1;
        if (byte === COMMA) this.#state = isObject ? NAME : VALUE;
        else if (byte === (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) this.#close(chunk, at);
        else throw this.#unexpected(byte, at);
        return;
      }
      default:
        throw this.#unexpected(byte, at);
    }
  }

  #beginValue(byte: number, at: number): void {
    if (this.#depth > 0 && this.#isObject[this.#depth] === 0) this.#count(at);
    if (this.#depth === 1 && this.#isObject[1] === 0 && this.#element !== undefined) this.#elementAt = at;
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      const { maxDepth } = this.#limits;
      if (this.#depth === maxDepth) {
        throw malformed(`objects and arrays may be nested at most ${maxDepth} deep (byte ${this.#before + at})`);
      }
      this.#depth++;
      this.#isObject[this.#depth] = byte === OPEN_OBJECT ? 1 : 0;
      this.#members[this.#depth] = 0;
      this.#state = byte === OPEN_OBJECT ? FIRST_NAME : FIRST_ELEMENT;
      return;
    }
    const word = WORDS.get(byte);
    if (byte === QUOTE) {
      this.#isName = false;
      this.#state = STRING;
    } else if (byte === MINUS) this.#state = AFTER_MINUS;
    else if (byte === ZERO) this.#state = AFTER_ZERO;
    else if (isDigit(byte)) this.#state = INTEGER;
    else if (word !== undefined) {
      this.#word = word;
      this.#wordAt = 1;
      this.#state = WORD;
    } else throw this.#unexpected(byte, at);
  }

  #close(chunk: Buffer, at: number): void {
    this.#depth--;
    this.#ended(chunk, at + 1);
  }

  /** A value has ended before the byte at `end`. */
  #ended(chunk: Buffer, end: number): void {
    this.#state = this.#depth === 0 ? END : NEXT;
    if (this.#depth !== 1 || this.#elementAt < 0 || this.#element === undefined) return;
    this.#part.add(chunk.subarray(this.#elementAt, end));
    this.#elementAt = -1;
    this.#element(this.#part.take());
  }

  #count(at: number): void {
    const limit = this.#limits.maxMembers[this.#depth - 1];
    this.#members[this.#depth]++;
    if (limit === undefined || this.#members[this.#depth] <= limit) return;
    const what = this.#isObject[this.#depth] === 1 ? 'an object has more than' : 'an array has more than';
    throw malformed(`${what} ${limit} members at byte ${this.#before + at}`);
  }

  #unexpected(byte: number, at: number): ShmTableError {
    const shown = byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `0x${byte.toString(16)}`;
    return malformed(`unexpected ${shown} at byte ${this.#before + at}`);
  }
}

/** The state after a byte that continues a number, or undefined. */
function afterNumber(state: number, byte: number): number | undefined {
  switch (state) {
    case AFTER_MINUS:
      return byte === ZERO ? AFTER_ZERO : isDigit(byte) ? INTEGER : undefined;
    case AFTER_ZERO:
      return byte === POINT ? AFTER_POINT : isExponent(byte) ? AFTER_E : undefined;
    case INTEGER:
      return isDigit(byte) ? state : byte === POINT ? AFTER_POINT : isExponent(byte) ? AFTER_E : undefined;
    case AFTER_POINT:
      return isDigit(byte) ? FRACTION : undefined;
    case FRACTION:
      return isDigit(byte) ? state : isExponent(byte) ? AFTER_E : undefined;
    case AFTER_E:
      return byte === MINUS || byte === 0x2b ? AFTER_E_SIGN : isDigit(byte) ? EXPONENT : undefined;
    default:
      return isDigit(byte) ? EXPONENT : undefined;
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function isExponent(byte: number): boolean {
  return (byte | 0x20) === 0x65;
}

function isHex(byte: number): boolean {
  return isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function malformed(what: string): ShmTableError {
  return new ShmTableError('ERR_BODY_MALFORMED', `not acceptable as JSON: ${what}`);
}
