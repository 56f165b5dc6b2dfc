/** Runs compiled programs of `examples/` as a user would, in a namespace of this test's own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const namespace = `examples-${process.pid}`;

/** What the example prints. Rejects when it does not exit with 0. */
export async function outputOf(example: string): Promise<string> {
  const program = fileURLToPath(new URL(`../../examples/${example}.js`, import.meta.url));
  const env = { ...process.env, SHMTABLE_NAMESPACE: namespace };
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env });
  return stdout;
}
