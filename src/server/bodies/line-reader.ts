/**
 * Splits a body into lines while it arrives. Only the line that is arriving is kept. A line that is too long or
 * malformed is not kept: its rest is skipped.
 */
import { ShmTableError } from '../../errors.js';
import { errorOf } from '../request-hooks.js';
import type { BodyBudget } from './body-budget.js';
import type { RouteLimits } from './body-limits.js';
import { ByteCollector } from './byte-collector.js';
import { ByteOrderMark } from './byte-order-mark.js';
import { type JsonLimits, JsonScanner } from './json-scanner.js';

const NEWLINE = 0x0a;
/** A line up to this size is parsed without being scanned first. */
const SMALL_BYTES = 16 * 1024;

/** A line, counted from 1, or what is wrong with it. */
export type Line = { readonly number: number } & ({ readonly bytes: Buffer } | { readonly error: Error });

export class LineReader {
  readonly #limits: RouteLimits;
  readonly #budget: BodyBudget;
  readonly #mark = new ByteOrderMark();
  #number: number = 1;
  /** The beginning of the current line. */
  readonly #kept = new ByteCollector();
  #bytes: number = 0;
  /** Bytes of the current line taken from the budget. */
  #taken: number = 0;
  /** Scans the current line if it is not small. */
  #scanner: JsonScanner | undefined;
  #error: Error | undefined;

  constructor(limits: RouteLimits, budget: BodyBudget) {
    this.#limits = limits;
    this.#budget = budget;
  }

  /** The lines that end in the next piece of the body. */
  *lines(piece: Buffer): Generator<Line> {
    const chunk = this.#mark.without(piece);
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#add(chunk.subarray(start, end));
      yield this.#take();
      start = end + 1;
    }
    // A copy, so that a short beginning does not keep the whole chunk.
    const rest = chunk.subarray(start);
    this.#add(start === 0 ? rest : Buffer.from(rest));
  }

  /** The last line, if the body does not end with a newline. */
  *end(): Generator<Line> {
    if (this.#bytes > 0) yield this.#take();
  }

  /** Forgets the current line; must be called when no more of the body is read. */
  close(): void {
    this.#kept.clear();
    this.#budget.release(this.#taken);
    this.#taken = 0;
  }

  #add(piece: Buffer): void {
    this.#bytes += piece.length;
    if (this.#error !== undefined) return;
    try {
      const { maxBytes, structure } = this.#limits;
      if (this.#bytes > maxBytes) {
        throw new ShmTableError('ERR_BODY_TOO_LARGE', `a line must have at most ${maxBytes} bytes, got more`);
      }
      if (this.#bytes > SMALL_BYTES) {
        this.#reserve();
        if (this.#scanner === undefined) this.#beginScan(structure).push(piece);
        else this.#scanner.push(piece);
      }
      this.#kept.add(piece);
    } catch (error) {
      this.#error = errorOf(error);
      this.close();
    }
  }

  /** Scans what has arrived of a line that turns out not to be small. */
  #beginScan(structure: JsonLimits): JsonScanner {
    const scanner = new JsonScanner(structure);
    this.#scanner = scanner;
    const arrived = this.#kept.take();
    scanner.push(arrived);
    this.#kept.add(arrived);
    return scanner;
  }

  #reserve(): void {
    const bytes = this.#bytes - this.#taken;
    this.#budget.take(bytes);
    this.#taken += bytes;
  }

  #take(): Line {
    const number = this.#number++;
    const bytes = this.#kept.take();
    const scanner = this.#scanner;
    let error = this.#error;
    this.close();
    this.#bytes = 0;
    this.#scanner = undefined;
    this.#error = undefined;
    try {
      scanner?.end();
    } catch (incomplete) {
      error ??= errorOf(incomplete);
    }
    if (error !== undefined) return { number, error };
    return { number, bytes };
  }
}
