/** Evaluating text must not lose a request to stop the thread; one function ensures that. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const source = fileURLToPath(new URL('../../../src', import.meta.url));

t.test('text is evaluated only by src/memory/evaluate.ts', async (t) => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  const evaluating = files.filter((path) =>
    /\bnew Function\(|\beval[(;]/.test(readFileSync(join(source, path), 'utf8')),
  );
  t.same(evaluating, [join('memory', 'evaluate.ts')]);
});
