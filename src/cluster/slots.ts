/** The hash slots of a cluster: every key belongs to one of 16,384, and every slot to one primary. */

export const SLOTS = 16_384;

const BRACE_OPEN = 0x7b;
const BRACE_CLOSE = 0x7d;

/** CRC-16/XMODEM, of each byte value. */
const CRC = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** The slot of a key: of what is between its first `{` and the next `}`, if that is not empty, else of all of it. */
export function slotOf(key: Uint8Array): number {
  const open = key.indexOf(BRACE_OPEN);
  if (open >= 0) {
    const close = key.indexOf(BRACE_CLOSE, open + 1);
    if (close > open + 1) return slotOfBytes(key, open + 1, close);
  }
  return slotOfBytes(key, 0, key.length);
}

function slotOfBytes(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  for (let i = start; i < end; i++) crc = ((crc << 8) & 0xffff) ^ CRC[(crc >>> 8) ^ bytes[i]];
  return crc & (SLOTS - 1);
}

let tags: string[] | undefined;

/** A short text whose slot this is. The first call computes all of them: some 20 ms. */
export function tagOfSlot(slot: number): string {
  tags ??= findTags();
  return tags[slot];
}

function findTags(): string[] {
  const found = new Array<string>(SLOTS);
  for (let n = 0, left = SLOTS; left > 0; n++) {
    const tag = n.toString(36);
    const bytes = Buffer.from(tag);
    const slot = slotOfBytes(bytes, 0, bytes.length);
    if (found[slot] !== undefined) continue;
    found[slot] = tag;
    left--;
  }
  return found;
}
