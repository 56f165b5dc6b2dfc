/** The progress of `load`, shown if standard error is a terminal. */
import { fstatSync } from 'node:fs';
import { Presets, SingleBar } from 'cli-progress';

const MIB = 2 ** 20;
const BAR = '{bar} {percentage}% of {total} MiB, {rows} rows, {eta_formatted}';
/** The size of a pipe's contents is unknown. */
const COUNTER = '{value} MiB, {rows} rows, {duration_formatted}';

export class LoadProgress {
  readonly #bar: SingleBar;
  #bytes = 0;
  #rows = 0;

  /** The size of what a descriptor contains, if that is known. */
  constructor(descriptor: number) {
    const stat = fstatSync(descriptor);
    this.#bar = new SingleBar(
      { stream: process.stderr, format: stat.isFile() ? BAR : COUNTER, etaBuffer: 50, hideCursor: true },
      Presets.shades_classic,
    );
    // cli-progress itself checks whether the stream is a terminal.
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

  /** Counts a row that was written. */
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
