/** A minute of samples, taken twice a second. */
const SAMPLES = 120;

/** The latest delays of the event loop. */
export class DelayWindow {
  readonly #delays: number[] = [];
  #next: number = 0;

  add(ms: number): void {
    this.#delays[this.#next] = ms;
    this.#next = (this.#next + 1) % SAMPLES;
  }

  /** The 99th percentile of the last minute, in milliseconds; 0 without samples. */
  get p99Ms(): number {
    const sorted = [...this.#delays].sort((a, b) => a - b);
    return sorted[Math.ceil(0.99 * sorted.length) - 1] ?? 0;
  }
}
