/** Long values of one write; a number in each of them determines what it and the others must be. */
export interface LongTexts {
  readonly a: string;
  readonly b: Uint8Array;
  readonly c: { readonly write: number; readonly text: string };
}

/** Up to 20 KB each, occasionally empty. */
export function longTexts(write: number): LongTexts {
  const stamp = `${write};`;
  return {
    a: stamp.repeat((write * 7_919) % 2_000),
    b: Buffer.from(stamp.repeat((write * 104_729) % 1_500)),
    c: { write, text: stamp.repeat((write * 31) % 500) },
  };
}

/** Whether the long values of a row are intact and come from one write. */
export function areOfOneWrite(row: object): boolean {
  const { a, b, c } = row as Omit<LongTexts, 'c'> & { readonly c: LongTexts['c'] | null };
  // The row was created by an increment.
  if (c === null) return a === '' && b.length === 0;
  const expected = longTexts(c.write);
  return a === expected.a && Buffer.from(expected.b).equals(b) && c.text === expected.c.text;
}
