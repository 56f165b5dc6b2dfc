/** The change to a segment's bytes in one case. */
export interface Damage {
  readonly kind: string;
  readonly at: number;
}

const MAX_PLACES = 4;

/** Parts of a segment, so that damage is spread over all of them and not mostly over the largest. */
export interface Part {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

/** Damages one to four places in the memory. */
export function damage(memory: Buffer, parts: readonly Part[], random: () => number): Damage[] {
  const places = 1 + Math.floor(random() * MAX_PLACES);
  return Array.from({ length: places }, () => {
    const part = parts[Math.floor(random() * parts.length)];
    const at = part.begin + Math.floor(random() * (part.end - part.begin));
    const kinds = Object.keys(KINDS);
    const kind = kinds[Math.floor(random() * kinds.length)];
    KINDS[kind](memory, at, random);
    return { kind: `${kind} in ${part.name}`, at };
  });
}

const KINDS: Readonly<Record<string, (memory: Buffer, at: number, random: () => number) => void>> = {
  'one bit flipped': (memory, at, random) => {
    memory[at] ^= 1 << Math.floor(random() * 8);
  },
  'one byte zeroed': (memory, at) => {
    memory[at] = 0;
  },
  'one byte random': (memory, at, random) => {
    memory[at] = Math.floor(random() * 256);
  },
  'a word random': (memory, at, random) => {
    memory.writeInt32LE(Math.floor(random() * 2 ** 32) | 0, wordAt(memory, at));
  },
  'a word small': (memory, at, random) => {
    memory.writeInt32LE(Math.floor(random() * 64), wordAt(memory, at));
  },
  'a word of all ones': (memory, at) => {
    memory.writeInt32LE(-1, wordAt(memory, at));
  },
  'a word from elsewhere': (memory, at, random) => {
    memory.writeInt32LE(memory.readInt32LE(wordAt(memory, Math.floor(random() * memory.length))), wordAt(memory, at));
  },
  'a line zeroed': (memory, at) => {
    memory.fill(0, at - (at % 64), Math.min(memory.length, at - (at % 64) + 64));
  },
  'a line random': (memory, at, random) => {
    for (let i = at - (at % 64); i < Math.min(memory.length, at - (at % 64) + 64); i++) {
      memory[i] = Math.floor(random() * 256);
    }
  },
};

function wordAt(memory: Buffer, at: number): number {
  return Math.min(at - (at % 4), memory.length - 4);
}
