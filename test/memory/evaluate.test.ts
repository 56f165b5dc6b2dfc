/** Evaluating text in scripts that are stopped meanwhile. */
import t, { type Test } from 'tap';
import { evaluate } from '../../src/memory/index.js';
import { StoppedScript } from '../fixtures/stopped-script.js';

const ROUNDS = 40;
/** For where loss is expected: a busy machine may also stop a script later than that. */
const SHORT_GRACE_MS = 100;

/** How many scripts that only evaluate text were not stopped by their timeout, with source maps. */
function countLost(t: Test, evaluateText: (text: string) => unknown, graceMs?: number): number {
  const { sourceMapsEnabled } = process;
  t.teardown(() => process.setSourceMapsEnabled(sourceMapsEnabled));
  process.setSourceMapsEnabled(true);
  let made = 0;
  const script = new StoppedScript(() => evaluateText(`(() => ${made++})`), graceMs);
  return Array.from({ length: ROUNDS }, (_, i) => script.run(1 + (i % 3))).filter((stopped) => !stopped).length;
}

t.test('every script that evaluates texts is stopped by its timeout', async (t) => {
  t.equal(
    countLost(t, (text) => evaluate(text, 'test')),
    0,
  );
});

t.test('without src/memory/evaluate.ts some scripts may not be stopped (printed, not asserted)', async (t) => {
  const lost = countLost(t, (text) => new Function(`return ${text}`), SHORT_GRACE_MS);
  t.comment(`${lost} of ${ROUNDS} were not stopped`);
});
