/** Counts and sizes as people type them. */

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
};

/** `200000`, `200,000` or `200 000`; undefined for anything that is not a whole number. */
export function parseCount(text: string): number | undefined {
  const digits = text.trim().replaceAll(/(?<=[0-9])[,_ ](?=[0-9]{3}(?![0-9]))/g, '');
  return /^[0-9]{1,15}$/.test(digits) ? Number(digits) : undefined;
}

/** `65536`, `64 KiB`, `1.5 M`: bytes, in binary units; undefined for anything else, and for a part of a byte. */
export function parseByteSize(text: string): number | undefined {
  const [, number, unit = ''] = /^([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = Object.hasOwn(UNITS, unit.toLowerCase()) ? UNITS[unit.toLowerCase()] : undefined;
  if (number === undefined || factor === undefined) return parseCount(text);
  const bytes = Number(number) * factor;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
