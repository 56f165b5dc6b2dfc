/** Test frameworks replace clocks and timers, so the package reads them through one file. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const source = fileURLToPath(new URL('../../../src', import.meta.url));
/** Benchmarks use the engine's clock, and the console runs in browsers; nothing shared depends on them. */
const EXCEPTED = /^(memory\/(clock|process-clocks|timers)\.ts$|bench\/|console\/)/;
const FORBIDDEN = [
  /\bDate\.now\b/,
  /\bnew Date\(\)/,
  /\bDate\(\)/,
  /\bperformance\b/,
  /\bhrtime\b/,
  /\bprocess\.uptime\b/,
  /(?<![\w.])(set|clear)(Timeout|Interval|Immediate)\b/,
  /['"](node:)?timers(\/promises)?['"]/,
  /['"](node:)?perf_hooks['"]/,
  /\bAbortSignal\.timeout\b/,
];

t.test('clocks and timers come from src/memory/clock.ts', async (t) => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  const found = files
    .filter((path) => !EXCEPTED.test(path))
    .flatMap((path) =>
      codeOf(readFileSync(join(source, path), 'utf8')).flatMap((line) =>
        FORBIDDEN.filter((pattern) => pattern.test(line)).map(() => `${path}: ${line.trim()}`),
      ),
    );
  t.same(found, []);
});

/** The lines of a file, without comments. */
function codeOf(text: string): string[] {
  return text
    .replaceAll(/\/\*.*?\*\//gs, '')
    .split('\n')
    .map((line) => line.replace(/\/\/ .*$/, ''));
}
