import { readFileSync } from 'node:fs';
import t from 'tap';
import { bootId, bootTimeMs } from '../../src/memory/index.js';

t.test('boot time is that of the kernel, in fractions of a millisecond', async (t) => {
  const uptimeMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
  t.ok(Math.abs(bootTimeMs() - uptimeMs) < 1000, 'the same as the uptime of the kernel');
  const values = Array.from({ length: 1000 }, bootTimeMs);
  t.ok(
    values.every((value, index) => index === 0 || value >= values[index - 1]),
    'never back',
  );
  t.ok(
    values.some((value) => !Number.isInteger(value)),
    'more precise than milliseconds',
  );
});

t.test('the boot id is that of the kernel', async (t) => {
  t.match(bootId(), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  t.equal(bootId(), bootId());
});
