/** What `shmtable top` does. */

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

/** Until `q`, Ctrl-C or SIGTERM on a terminal; else one sample. */
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
    // They stay: what shows the cursor again ends the process by a signal that nobody else listens for.
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

/** Calls `quit` at `q` and Ctrl-C. Returns what gives the keyboard back. */
function onQuit(quit: () => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => undefined;
  // Only so do keys come one by one; the terminal then makes no signals of them.
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
