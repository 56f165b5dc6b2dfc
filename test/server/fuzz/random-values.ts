/** Random values, most of them valid by a schema and some not; the same ones for the same seed. */
import { seededRandom } from '../../proofs/seeded-random.js';
import type { Schema } from './described-operations.js';

/**
 * A value for a member whose schema alone does not determine what is valid; undefined for any value that the schema
 * allows.
 */
export type Hints = (name: string, schema: Schema) => unknown;

const ODD_VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, 'NaN', 'Infinity', '', ' ', '0'],
  ...['-9223372036854775808', '9223372036854775808', '01', 'AQID', 'AQI', 'é', '\u0000', '\ud800', 'x'.repeat(300)],
  ...[[], {}, [[]], { a: 1 }, ['text'], { op: 'get' }, { __proto__: null, constructor: 1 }],
];

export class RandomValues {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededRandom(seed);
  }

  /** True in this many of 100 cases. */
  chance(percent: number): boolean {
    return this.#next() * 100 < percent;
  }

  /** 0 .. below - 1 */
  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }

  /** Any JSON value. */
  odd(): unknown {
    return this.pick(ODD_VALUES);
  }

  text(): string {
    const letters = ['a', 'B', '7', '_', '-', '.', '/', ' ', '%', 'é', '漢', '😀', '"', '\\', '\n', '\u0000', '\u2028'];
    return Array.from({ length: this.below(12) }, () => this.pick(letters)).join('');
  }

  /** A value that is valid by the schema. */
  allowed(schema: Schema, hints: Hints): unknown {
    if (schema.enum !== undefined) return this.pick(schema.enum);
    const types = schema.type === undefined ? ['number', 'string', 'boolean', 'null'] : [schema.type].flat();
    switch (this.pick(types)) {
      case 'object':
        return this.#object(schema, hints);
      case 'array':
        return Array.from({ length: this.below(5) }, () => this.allowed(schema.items ?? {}, hints));
      case 'integer':
        return this.#integer(schema);
      case 'number':
        return this.pick([0, -0, 1, -1.5, 1e-300, 1e300, 7, 255]);
      case 'boolean':
        return this.chance(50);
      case 'null':
        return null;
      default:
        return this.text();
    }
  }

  /** The same value with a part changed, removed or added. */
  mutated(value: unknown): unknown {
    if (this.chance(30) || typeof value !== 'object' || value === null) return this.odd();
    if (Array.isArray(value)) {
      if (value.length === 0 || this.chance(20)) return [...value, this.odd()];
      const at = this.below(value.length);
      return value.map((item, i) => (i === at ? this.mutated(item) : item));
    }
    const members: [string, unknown][] = Object.entries(value);
    if (members.length === 0 || this.chance(20)) {
      return Object.fromEntries([...members, [this.pick(['nope', '__proto__', '', 'constructor', 'n']), this.odd()]]);
    }
    const at = this.below(members.length);
    if (this.chance(30)) return Object.fromEntries(members.toSpliced(at, 1));
    return Object.fromEntries(members.map(([name, member], i) => [name, i === at ? this.mutated(member) : member]));
  }

  #object({ properties = {}, required = [] }: Schema, hints: Hints): object {
    const members = Object.entries(properties)
      .filter(([name]) => required.includes(name) || this.chance(40))
      .map(([name, schema]) => [name, hints(name, schema) ?? this.allowed(schema, hints)]);
    return Object.fromEntries(members);
  }

  #integer({ minimum = 0, maximum = Number.MAX_SAFE_INTEGER }: Schema): number {
    return this.pick([minimum, maximum, minimum + this.below(Math.min(maximum - minimum, 1000) + 1)]);
  }
}
