/** Runs `shmtable serve` as a child process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));

export interface RunningService {
  readonly port: number;
  /** Process ids of the workers. */
  readonly workers: readonly number[];
  /** Lets it finish; resolves with its exit code. */
  stop(): Promise<number | null>;
}

/** Starts the service on a free port; resolves once every worker listens. */
export async function startService(namespace: string, workers: number, folder: string): Promise<RunningService> {
  const child = spawn(process.execPath, [COMMAND, 'serve', '--port', '0', '--workers', String(workers)], {
    cwd: folder,
    env: { ...process.env, SHMTABLE_NAMESPACE: namespace },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const { port, workers: pids } = await readyLine(child);
  return {
    port,
    workers: pids,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      return child.exitCode;
    },
  };
}

async function readyLine(child: ChildProcess): Promise<{ port: number; workers: number[] }> {
  if (child.stdout === null) throw new Error('the service has no output to read');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const entry = JSON.parse(line);
    // Readline would stop reading, and the service would then block on a full pipe.
    if (entry.msg === 'ready') {
      child.stdout.resume();
      return entry;
    }
  }
  throw new Error('the service ended before it was ready');
}
