/** A value for which a great many others have to go. */
import t from 'tap';
import { tries } from '../fixtures/tries.js';
import { Child } from '../table/child.js';
import { scratchCache } from './scratch-cache.js';

t.setTimeout(120_000);

t.test('a value is stored even if evicting others for it takes longer than waiting for others may', async (t) => {
  const entries = 400_000;
  const cache = scratchCache<string>(t, { bytes: 240 * 2 ** 20, entries });
  const small = 'x'.repeat(300);
  for (let i = 0; i < entries; i++) cache.set(`k${i}`, small);
  const { evictions, heap } = cache.stats();
  const large = 'a'.repeat((heap?.bytes ?? 0) * 0.9);
  cache.set('large', large);
  t.ok(cache.get('large') === large);
  t.ok(cache.stats().evictions - evictions > 200_000, `${cache.stats().evictions - evictions} evictions`);
});

t.test("processes may replace each other's value even if only one of them fits", async (t) => {
  const cache = scratchCache<string>(t, { bytes: 1 << 20, entries: 100 });
  const length = Math.floor((cache.stats().heap?.bytes ?? 0) * 0.6);
  const setters = ['a', 'b', 'c'].map((character) =>
    Child.start(t, 'cache-setter', cache.name, character, length, tries(500, 5_000)),
  );
  for (const setter of setters) t.equal(await setter.ended, 0);
  t.match(cache.get('k'), /^(a+|b+|c+)$/);
});
