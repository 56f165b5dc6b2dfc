import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEnd } from '../src/bench/before-end.js';

/** Creates a new temporary folder. */
export function scratchFolder(): { path: (name: string) => string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-bench-'));
  return {
    path: (name) => join(folder, name),
    remove: beforeEnd(() => rmSync(folder, { recursive: true, force: true })),
  };
}
