/** Runs compiled programs of `examples/` as a user would, in a separate namespace. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const namespace = `examples-${process.pid}`;

/** Returns what the example prints. Rejects if it does not exit with code 0. */
export async function outputOf(example: string): Promise<string> {
  const program = fileURLToPath(new URL(`../../examples/${example}.js`, import.meta.url));
  const env = { ...process.env, SHMTABLE_NAMESPACE: namespace };
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env });
  return stdout;
}
