/** What the name of a column's type says about its values. */

type ColumnKind = 'integer' | 'int64' | 'float' | 'boolean' | 'string' | 'bytes' | 'text' | 'blob' | 'json';

export interface ColumnShape {
  readonly kind: ColumnKind;
  /** Of integers. */
  readonly range?: { readonly min: bigint; readonly max: bigint };
  /** Of values with a maximum, in bytes: of UTF-8 in a string. */
  readonly maxBytes?: number;
}

const INTEGER = /^(u?)int(8|16|32|64)$/;
const SIZED = /^(string|bytes)\((\d+)\)$/;
const NAMED: Readonly<Record<string, ColumnKind>> = {
  float32: 'float',
  float64: 'float',
  boolean: 'boolean',
  text: 'text',
  blob: 'blob',
  json: 'json',
};

/** A type that this page does not know, of a newer service, is shown and edited as JSON. */
export function columnShape(type: string): ColumnShape {
  const integer = INTEGER.exec(type);
  if (integer !== null) {
    const [, unsigned, bits] = integer;
    const width = BigInt(bits);
    const range =
      unsigned === 'u'
        ? { min: 0n, max: 2n ** width - 1n }
        : { min: -(2n ** (width - 1n)), max: 2n ** (width - 1n) - 1n };
    return { kind: bits === '64' ? 'int64' : 'integer', range };
  }
  const sized = SIZED.exec(type);
  if (sized !== null) return { kind: sized[1] === 'string' ? 'string' : 'bytes', maxBytes: Number(sized[2]) };
  return { kind: NAMED[type] ?? 'json' };
}

export function isNumeric({ kind }: ColumnShape): boolean {
  return kind === 'integer' || kind === 'int64' || kind === 'float';
}

export function isBinary({ kind }: ColumnShape): boolean {
  return kind === 'bytes' || kind === 'blob';
}

/** Whether its values are strings of Unicode. */
export function isTextual({ kind }: ColumnShape): boolean {
  return kind === 'string' || kind === 'text';
}
