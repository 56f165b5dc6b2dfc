/** What is compiled of text while a thread is stopped must not lose that: one function sees to it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const source = fileURLToPath(new URL('../../../src', import.meta.url));

t.test('text is evaluated by src/memory/evaluate.ts', async (t) => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  const evaluating = files.filter((path) =>
    /\bnew Function\(|\beval[(;]/.test(readFileSync(join(source, path), 'utf8')),
  );
  t.same(evaluating, [join('memory', 'evaluate.ts')]);
});
