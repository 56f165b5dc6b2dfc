/** Random requests for an operation of the document: most are valid, in some a part is invalid. */
import { SECRETS } from '../../fixtures/access-tokens.js';
import type { Operation, Parameter, Schema } from './described-operations.js';
import {
  COLUMN_NAMES,
  CREATED_TABLES,
  ROW_KEYS,
  randomCapacity,
  randomColumns,
  randomRow,
  TABLE_NAMES,
} from './fuzzed-tables.js';
import type { RandomValues } from './random-values.js';

export interface FuzzedRequest {
  readonly method: string;
  /** The path exactly as sent. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

/** Large enough to be checked while it arrives. */
const LARGE_BODY_BYTES = 65_537;

/** Created repeatedly, so it usually exists already. */
const SAME_TABLE = { capacity: 5, columns: { n: 'int32' } };

const OTHER_SECRETS = [SECRETS.read, SECRETS.write, 'wrong', ''];

/** Operations that remove rows, columns or tables that the others need. */
const ENDING: ReadonlySet<string> = new Set(['createTable', 'alterTable', 'destroyTable', 'clearTable']);

export class RandomRequests {
  readonly #random: RandomValues;
  /** Entity tags and cursors of earlier responses, to send back. */
  readonly #tags: string[] = ['"1"'];
  readonly #cursors: string[] = [];

  constructor(random: RandomValues) {
    this.#random = random;
  }

  /** Remembers values that later requests may refer to. */
  learn(tag: string | undefined, body: string): void {
    if (tag !== undefined) this.#tags.push(tag);
    const cursor = /"cursor":"([^"]+)"\}$/.exec(body)?.[1];
    if (cursor !== undefined) this.#cursors.push(cursor);
  }

  next(operation: Operation): FuzzedRequest {
    const random = this.#random;
    const query = new URLSearchParams();
    const headers: Record<string, string> = {};
    let path = operation.path;
    for (const parameter of operation.parameters) {
      const { name } = parameter;
      if (parameter.in === 'path') path = path.replace(`{${name}}`, () => this.#pathPart(name, operation));
      else if (random.chance(parameter.in === 'query' ? 15 : 20)) {
        const text = this.#parameterText(parameter);
        if (parameter.in === 'query') query.append(name, text);
        else headers[name] = Buffer.from(text.replace(/[^\t\x20-\x7e]/g, '?')).toString('latin1');
      }
    }
    // Not a parameter: the document names the types of each response.
    const [, type] = Object.keys(operation.responses['200']?.content ?? {});
    if (type !== undefined && random.chance(20)) headers.accept = type;
    if (random.chance(3)) query.append(random.pick(['nope', 'limit', 'ttl', 'token']), random.text());
    const text = query.size === 0 ? '' : `?${query}`;
    if (random.chance(93))
      headers.authorization = `Bearer ${random.chance(85) ? SECRETS.admin : random.pick(OTHER_SECRETS)}`;
    if (random.chance(1)) headers.host = random.pick(['example.com', '', 'localhost:1', '[::1]:80', 'a b']);
    return { method: operation.method, path: path + text, headers, body: this.#body(operation, headers) };
  }

  #pathPart(name: string, { operationId }: Operation): string {
    const random = this.#random;
    if (random.chance(2))
      return random.pick(['%ff', '%', '%zz', '', '.', '..', '%2e%2e', '%00', 'a/b', 'x'.repeat(800)]);
    if (name === 'table') {
      // The rows of the other tables should exist for the other operations, most of the time.
      if (ENDING.has(operationId) && random.chance(85)) return random.pick(CREATED_TABLES);
      return encodeURIComponent(
        random.chance(93) ? random.pick(TABLE_NAMES) : random.pick(['none', '-', 'a b', 'x'.repeat(65)]),
      );
    }
    return encodeURIComponent(random.chance(90) ? random.pick(ROW_KEYS) : random.text());
  }

  #parameterText({ name, schema }: Parameter): string {
    const random = this.#random;
    if (random.chance(12)) return JSON.stringify(random.odd());
    switch (name) {
      case 'columns':
        return COLUMN_NAMES.filter(() => random.chance(40)).join(',');
      case 'cursor':
        return this.#cursors.length > 0 ? random.pick(this.#cursors) : random.text();
      case 'prefix':
        return random.pick(['', 'k', 'k1', 'aw']);
      case 'if-match':
      case 'if-none-match':
        return random.pick([
          '*',
          '*',
          '*',
          '*',
          this.#tags.at(-1) ?? '*',
          `W/${random.pick(this.#tags)}`,
          '"1", "2"',
          '"',
          '1',
        ]);
      case 'shm-ttl-ms':
        return random.pick(['1', '60000', '0', '9007199254740991']);
      case 'last-event-id':
        return random.pick(['0', '5', '', '9007199254740991']);
      default:
        return String(random.allowed(schema, () => undefined));
    }
  }

  #body({ bodies, method }: Operation, headers: Record<string, string>): Buffer | undefined {
    const random = this.#random;
    const types = Object.keys(bodies);
    if (types.length === 0) {
      // Occasionally a body with a request that needs none, as by a client's mistake.
      if (method === 'GET' || method === 'HEAD' || random.chance(95)) return undefined;
      headers['content-type'] = random.pick(['application/json', 'text/plain']);
      return Buffer.from('{}');
    }
    const type = random.pick(types);
    headers['content-type'] = random.chance(95) ? type : random.pick(['text/plain', 'application/jsonx', '', 'a/b;c']);
    if (random.chance(2)) headers['content-encoding'] = random.pick(['identity', 'gzip', 'br']);
    if (random.chance(3)) {
      return random.pick([Buffer.of(), Buffer.of(0xff), Buffer.from('{"a":'), Buffer.alloc(LARGE_BODY_BYTES, ' ')]);
    }
    const wanted = this.#value(bodies[type].schema);
    return Buffer.from(JSON.stringify(random.chance(85) ? wanted : random.mutated(wanted)) ?? 'null');
  }

  #value(schema: Schema): unknown {
    const random = this.#random;
    // An object without declared members: a row.
    if (schema.type === 'object' && schema.properties === undefined) return randomRow(random);
    if (schema.properties?.capacity !== undefined && random.chance(30)) return SAME_TABLE;
    if (schema.type === 'array' && random.chance(75))
      return Array.from({ length: random.below(6) }, () => this.#operation());
    return random.allowed(schema, (name, member) => this.#hint(name, member));
  }

  /** An operation of a batch, with the members that it accepts. */
  #operation(): object {
    const random = this.#random;
    const op = random.pick(['get', 'set', 'put', 'update', 'insert', 'delete', 'increment']);
    return {
      op,
      key: random.pick(ROW_KEYS),
      ...(['set', 'put', 'update', 'insert'].includes(op) && { row: randomRow(random) }),
      ...(op === 'increment' && { column: random.pick(COLUMN_NAMES), by: random.pick([1, '5', 0.5]) }),
      ...(op === 'get' && random.chance(50) && { columns: COLUMN_NAMES.filter(() => random.chance(40)) }),
      ...(op !== 'get' && op !== 'delete' && random.chance(20) && { ttl: random.pick([1, 60_000, null, 0]) }),
    };
  }

  #hint(name: string, { type }: Schema): unknown {
    const random = this.#random;
    switch (name) {
      case 'key':
        return random.chance(90) ? random.pick(ROW_KEYS) : random.text();
      case 'row':
        return randomRow(random);
      case 'column':
        return random.pick(COLUMN_NAMES);
      case 'by':
        return random.pick([1, -1, '5', 0.5, 'x']);
      case 'capacity':
        return randomCapacity(random);
      case 'columns':
        return type === 'object' ? randomColumns(random) : COLUMN_NAMES.filter(() => random.chance(40));
      case 'add':
      case 'type':
        return randomColumns(random);
      case 'drop':
        return ['c1'];
      case 'maxParticipants':
        return random.pick([8, 128, 1025]);
      case 'changes':
        return random.pick([0, 65_536, 1, 2 ** 40]);
      case 'hugePages':
        return false;
      default:
        return undefined;
    }
  }
}
