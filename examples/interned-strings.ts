/**
 * Each distinct string is stored once for all processes, and identified by its offset, which is the same in all of
 * them.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { GlobalPool, Segment } from 'shmtable/pools';

const WORDS = 'the quick brown fox jumps over the lazy dog and the dog sleeps on'.split(' ');
const HEAD = 0; // word of the segment with the string that was added last; the pool begins after it
const POOL_AT = 64;

const [name = `strings-${process.pid}`] = process.argv.slice(2);
const isParent = process.argv.length === 2;
const segment = isParent ? Segment.create({ name, size: 1 << 20 }) : Segment.open({ name });
const pool = isParent
  ? GlobalPool.create(segment, { pageBytes: 4096, offset: POOL_AT })
  : GlobalPool.open(segment, POOL_AT);
const words = new Int32Array(segment.buffer);
const memory = Buffer.from(segment.buffer);

/** A string: offset of the previous one, length in bytes, text. */
function find(text: string, from: number): number {
  for (let at = from; at !== 0; at = words[at / 4]) {
    if (memory.toString('utf8', at + 8, at + 8 + words[at / 4 + 1]) === text) return at;
  }
  return 0;
}

function intern(text: string): number {
  let made = 0;
  for (;;) {
    const head = Atomics.load(words, HEAD);
    const found = find(text, head);
    if (found !== 0) return found;
    if (made === 0) {
      const bytes = Buffer.byteLength(text);
      made = pool.alloc(8 + bytes);
      if (made === 0) throw new Error('no space for another string');
      words[made / 4 + 1] = bytes;
      memory.write(text, made + 8);
    }
    // The entry is complete before a single store makes it visible, unless another process was faster.
    words[made / 4] = head;
    if (Atomics.compareExchange(words, HEAD, head, made) === head) return made;
  }
}

async function compare(): Promise<void> {
  const children = [1, 2, 3, 4].map(() => fork(fileURLToPath(import.meta.url), [name]));
  const answers = await Promise.all(
    children.map(async (child): Promise<number[]> => (await once(child, 'message'))[0]),
  );
  const same = answers.every((offsets) => offsets.join() === answers[0].join());
  const distinct = new Set(answers.flat()).size;
  console.log(`${WORDS.length} words, ${distinct} strings, ${same ? 'the same' : 'others'} in every process`);
  segment.unlink();
}

if (isParent) await compare();
else process.send?.(WORDS.map(intern), () => process.exit());
