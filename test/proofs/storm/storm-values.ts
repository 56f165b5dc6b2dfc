/** Values of any length that can be checked: the key and a number in the value determine its contents. */

const SMALL_BYTES = 400;
const MIDDLE_BYTES = 8_000;
const LARGE_BYTES = 100_000;

/** Most are small, some have several blocks, and a few up to 100 KB. */
function bytesFor(number: number): number {
  const share = (number * 0.618_033_988_749_895) % 1;
  const within = (number * 0.754_877_666_246_693) % 1;
  if (share < 0.5) return Math.floor(within * SMALL_BYTES);
  if (share < 0.95) return Math.floor(within * MIDDLE_BYTES);
  return Math.floor(within * LARGE_BYTES);
}

/** A text that begins with the number; empty if the number does not fit. */
function textOf(key: string, number: number): string {
  const stamp = `${number}:${key}:`;
  const bytes = bytesFor(number);
  if (bytes < stamp.length) return '';
  return stamp.repeat(Math.ceil(bytes / stamp.length)).slice(0, bytes);
}

export interface LongValues {
  readonly note: string;
  readonly image: Uint8Array;
  readonly doc: { readonly number: number; readonly text: string } | null;
}

/** Three long values, each with a different number. */
export function longValues(key: string, random: () => number): LongValues {
  const [note, image, doc] = [0, 1, 2].map(() => Math.floor(random() * 1_000_000));
  return {
    note: textOf(key, note),
    image: Buffer.from(textOf(key, image), 'latin1'),
    doc: { number: doc, text: textOf(key, doc) },
  };
}

/** Whether each of the values is intact and was written for this key. */
export function areWhole(key: string, row: object): boolean {
  const { note, image, doc } = row as Record<keyof LongValues, unknown>;
  return (
    isWholeText(key, note) &&
    image instanceof Uint8Array &&
    isWholeText(key, Buffer.from(image.buffer, image.byteOffset, image.length).toString('latin1')) &&
    isWholeDoc(key, doc)
  );
}

function isWholeText(key: string, text: unknown): boolean {
  if (typeof text !== 'string') return false;
  return text === '' || text === textOf(key, Number(text.slice(0, text.indexOf(':'))));
}

function isWholeDoc(key: string, doc: unknown): boolean {
  if (doc === null) return true;
  if (typeof doc !== 'object' || !('number' in doc) || !('text' in doc)) return false;
  return doc.text === textOf(key, Number(doc.number));
}
