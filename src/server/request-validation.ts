/**
 * Validates requests against the routes' TypeBox schemas. Bodies are not converted; in a query, which is text, digits
 * become a number where the schema says integer, and nothing else is converted.
 */
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { type ErrorCode, ShmTableError, show } from '../errors.js';
import { hintFor } from '../memory/index.js';
import { NO_QUERY } from './request-target.js';
import { Compile } from './schema-compiler.js';

const DIGITS = /^(0|[1-9][0-9]{0,15})$/;

interface Refusal {
  readonly instancePath: string;
  readonly keyword: string;
}

/** A validator compiler with the error code for invalid members of a body; for everything else it is ERR_ARGUMENT. */
export function requestValidation(bodyCode: ErrorCode = 'ERR_BODY_MALFORMED'): FastifySchemaCompiler<TSchema> {
  return ({ schema, httpPart }) => {
    // Both have only strings. Without a validator, which its type does not allow, Fastify does nothing.
    if ((httpPart === 'params' || httpPart === 'headers') && takesAnyText(schema)) return undefined as never;
    const compiled = Compile(schema);
    const integers = httpPart === 'querystring' ? integerMembers(schema) : [];
    const known = httpPart === 'querystring' ? memberNames(schema) : undefined;
    const takesNoQuery = httpPart === 'querystring' && compiled.Check(NO_QUERY);
    return (given: unknown) => {
      if (given === NO_QUERY && takesNoQuery) return true;
      const unknown = known === undefined ? undefined : unknownParameter(given, known);
      if (unknown !== undefined) return { error: unknown };
      const value = integers.length > 0 ? withNumbers(given, integers) : given;
      if (compiled.Check(value)) return { value };
      const [, [first]] = compiled.Errors(value);
      const what = `${httpPart ?? 'request'}${first.instancePath}`;
      const message = `${what} ${first.message}, got ${show(valueAt(value, first.instancePath))}`;
      return { error: new ShmTableError(codeOf(httpPart, first, bodyCode), message) };
    };
  };
}

/** Whether every object whose members are strings is valid. */
function takesAnyText(schema: TSchema): boolean {
  if (!('properties' in schema) || 'additionalProperties' in schema) return false;
  const annotations = new Set(['type', 'description', 'examples']);
  return Object.values(Object(schema.properties)).every(
    (member) => Object(member).type === 'string' && Object.keys(Object(member)).every((name) => annotations.has(name)),
  );
}

function memberNames(schema: TSchema): string[] {
  return 'properties' in schema ? Object.keys(Object(schema.properties)) : [];
}

/** If it were ignored, an unknown parameter could make a request do more than was intended, such as delete all rows. */
function unknownParameter(query: unknown, known: readonly string[]): ShmTableError | undefined {
  const name = Object.keys(Object(query)).find((each) => !known.includes(each));
  if (name === undefined) return undefined;
  const all = known.length === 0 ? 'this request takes none' : `those of this request are ${known.join(', ')}`;
  return new ShmTableError('ERR_ARGUMENT', `unknown query parameter ${show(name)}; ${hintFor(name, known, all)}`);
}

function codeOf(httpPart: string | undefined, { instancePath, keyword }: Refusal, bodyCode: ErrorCode): ErrorCode {
  if (httpPart !== 'body') return 'ERR_ARGUMENT';
  return instancePath === '' && keyword === 'type' ? 'ERR_BODY_MALFORMED' : bodyCode;
}

function integerMembers(schema: TSchema): string[] {
  if (!('properties' in schema) || typeof schema.properties !== 'object' || schema.properties === null) return [];
  return Object.entries(schema.properties).flatMap(([name, member]) => (member.type === 'integer' ? [name] : []));
}

function withNumbers(query: unknown, names: readonly string[]): unknown {
  if (typeof query !== 'object' || query === null) return query;
  const members = Object.entries(query).map(([name, value]) =>
    names.includes(name) && typeof value === 'string' && DIGITS.test(value) ? [name, Number(value)] : [name, value],
  );
  return Object.fromEntries(members);
}

/** The value at a JSON pointer, for a message. */
function valueAt(value: unknown, pointer: string): unknown {
  let at = value;
  for (const step of pointer.split('/').slice(1)) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = Object.entries(at).find(([name]) => name === step.replaceAll('~1', '/').replaceAll('~0', '~'))?.[1];
  }
  return at;
}
