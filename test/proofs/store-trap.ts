import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The TypeScript side of `native/test/store_trap.cc`, which explains how a store is trapped. */
export interface StoreTrap {
  /**
   * From now on, sends `signal` to this process right before its store number `stopBefore` (counted from 0; -1 never).
   */
  arm(buffer: ArrayBuffer, stopBefore: number, signal: number): void;
  /** Resumes trapping after the protection of the memory was changed elsewhere. */
  protectAgain(): void;
  /** Ends trapping; returns the number of stores since `arm`. */
  disarm(): number;
  /** Returns 0 in the child, which has one thread and no event loop, and is killed by SIGALRM after the limit. */
  fork(limitSeconds: number): number;
  /** Waits for a forked child; returns its exit code, or the negated number of the signal that ended it. */
  wait(pid: number): number;
  /** Exits immediately, without anything that Node does on exit. */
  exit(code: number): never;
}

/** The trap single-steps instructions of x64. */
export const canTrapStores = process.arch === 'x64';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const source = join(root, 'native', 'test');
const target = join(root, 'dist', 'store-trap', 'store_trap.node');

function isFresh(): boolean {
  return existsSync(target) && statSync(target).mtimeMs > statSync(join(source, 'store_trap.cc')).mtimeMs;
}

/** Node's own headers, if they are installed with its binary; otherwise node-gyp would download them. */
function nodeHeaders(): string[] {
  const prefix = process.env.npm_config_nodedir ?? join(dirname(process.execPath), '..');
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

/** Builds in a temporary folder, so that two processes that find it missing do not conflict. */
function build(): void {
  mkdirSync(dirname(target), { recursive: true });
  const folder = mkdtempSync(join(dirname(target), 'build-'));
  try {
    for (const name of ['binding.gyp', 'store_trap.cc']) copyFileSync(join(source, name), join(folder, name));
    const gyp = join(root, 'node_modules', '.bin', 'node-gyp');
    execFileSync(process.execPath, [gyp, 'rebuild', ...nodeHeaders()], { cwd: folder, stdio: 'pipe' });
    renameSync(join(folder, 'build', 'Release', 'store_trap.node'), target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Loads the helper; builds it first if it is missing or older than its source. */
export function loadStoreTrap(): StoreTrap {
  if (!isFresh()) build();
  return createRequire(import.meta.url)(target);
}
