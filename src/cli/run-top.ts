/** Samples and shows a namespace for `shmtable top`. */

import { createLogUpdate } from 'log-update';
import { pause } from '../memory/index.js';
import { parseNamespace } from '../table/options.js';
import { LiveReader } from './live-reader.js';
import { printJson } from './output.js';
import { screenOf } from './top-screen.js';

export interface TopFlags {
  /** Milliseconds. */
  readonly interval: number;
  readonly json?: boolean;
}

/** Runs until `q`, Ctrl-C or SIGTERM on a terminal; otherwise prints one sample. */
export async function runTop({ interval, json = false }: TopFlags): Promise<void> {
  const reader = new LiveReader(parseNamespace(undefined));
  try {
    reader.read();
    const stop = new AbortController();
    const { stdout } = process;
    if (json || !stdout.isTTY) {
      await pause(interval);
      const sample = reader.read();
      if (json) printJson(sample);
      else stdout.write(`${screenOf(sample, Number.POSITIVE_INFINITY)}\n`);
      return;
    }
    const draw = createLogUpdate(stdout, { showCursor: false });
    // The listeners remain: log-update's own handler, which shows the cursor again, kills the process unless others
    // listen for the signal.
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop.abort());
    const releaseKeys = onQuit(() => stop.abort());
    while (!stop.signal.aborted) {
      draw(screenOf(reader.read(), stdout.rows));
      await pause(interval, stop.signal);
    }
    draw.done();
    releaseKeys();
  } finally {
    reader.close();
  }
}

const CTRL_C = '\u0003';
const CTRL_Z = '\u001a';

/** Calls `quit` on `q` and Ctrl-C. Returns a function that restores the keyboard. */
function onQuit(quit: () => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => undefined;
  // In raw mode keys arrive one by one, and the terminal does not turn them into signals.
  const listen = (): unknown => stdin.setRawMode(true);
  const read = (keys: string): void => {
    if (/[qQ]/.test(keys) || keys.includes(CTRL_C)) quit();
    if (!keys.includes(CTRL_Z)) return;
    stdin.setRawMode(false);
    process.kill(process.pid, 'SIGTSTP');
  };
  listen();
  process.on('SIGCONT', listen);
  stdin.setEncoding('utf8').on('data', read);
  return () => {
    process.off('SIGCONT', listen);
    stdin.off('data', read).pause();
    stdin.setRawMode(false);
  };
}
