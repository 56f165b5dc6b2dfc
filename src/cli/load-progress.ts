/** How far `load` has come, on a terminal; nothing where standard error is none. */
import { fstatSync } from 'node:fs';
import { Presets, SingleBar } from 'cli-progress';

const MIB = 2 ** 20;
const BAR = '{bar} {percentage}% of {total} MiB, {rows} rows, {eta_formatted}';
/** Of a pipe nobody knows the end. */
const COUNTER = '{value} MiB, {rows} rows, {duration_formatted}';

export class LoadProgress {
  readonly #bar: SingleBar;
  #bytes = 0;
  #rows = 0;

  /** Of a descriptor that is read to its end. */
  constructor(descriptor: number) {
    const stat = fstatSync(descriptor);
    this.#bar = new SingleBar(
      { stream: process.stderr, format: stat.isFile() ? BAR : COUNTER, etaBuffer: 50, hideCursor: true },
      Presets.shades_classic,
    );
    // cli-progress looks by itself whether the stream is a terminal.
    this.#bar.start(stat.isFile() ? roundMiB(stat.size) : 0, 0, { rows: 0 });
  }

  /** Passes chunks on and counts their bytes. */
  async *count(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      yield chunk;
      this.#bytes += chunk.length;
      this.#bar.update(roundMiB(this.#bytes), { rows: this.#rows });
    }
  }

  /** One more row is in the table. */
  addRow(): void {
    this.#rows++;
  }

  stop(): void {
    this.#bar.update(roundMiB(this.#bytes), { rows: this.#rows });
    this.#bar.stop();
  }
}

function roundMiB(bytes: number): number {
  return Math.round((10 * bytes) / MIB) / 10;
}
