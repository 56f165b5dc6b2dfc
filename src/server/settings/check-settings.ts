/** Checks settings against their schema; a message names the source and the path of each wrong setting. */

import { reasonForNoOption } from '../../cluster/options.js';
import { ShmTableError, show } from '../../errors.js';
import { Compile } from '../schema-compiler.js';
import { type GivenSettings, settingsSchema } from './settings-schema.js';

const compiled = Compile(settingsSchema);

/** A finding of the validator: where it is (a JSON pointer, RFC 6901) and which keyword of the schema is violated. */
interface Violation {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message: string;
  readonly params: object;
}

/**
 * Checks a value, and returns it as settings.
 *
 * @throws {ShmTableError} ERR_ARGUMENT when settings are unknown or invalid; names each of them by its path, and no
 *   other
 */
export function checkSettings(source: string, value: unknown): GivenSettings {
  if (compiled.Check(value)) return value;
  const [, violations]: [boolean, readonly Violation[]] = compiled.Errors(value);
  const wrong = new Set(violations.flatMap((violation) => problemsOf(violation, violations, value)));
  throw new ShmTableError('ERR_ARGUMENT', `${source}: ${[...wrong].join('; ')}`);
}

function problemsOf(violation: Violation, all: readonly Violation[], value: unknown): string[] {
  const { instancePath, keyword, message } = violation;
  switch (keyword) {
    case 'additionalProperties':
      return namesIn(violation)
        .filter((name) => !isExplained(pointerTo(instancePath, name), all))
        .map((name) => unknown(pointerTo(instancePath, name), value));
    case 'propertyNames':
      return namesIn(violation).map((name) => `${dotted(pointerTo(instancePath, name))} is not a valid table name`);
    // These only repeat what the other violations of `additionalProperties: false`, `anyOf` and `if` report.
    case 'boolean':
    case 'anyOf':
    case 'if':
      return [];
  }
  if (all.some((other) => other.keyword === 'propertyNames' && isNamedBy(instancePath, other))) return [];
  const path = dotted(instancePath);
  const got = mayBeSecret(namesOf(instancePath)) ? '' : `, got ${show(valueAt(value, instancePath))}`;
  return [`${path === '' ? 'settings' : path} ${message}${got}`];
}

function unknown(pointer: string, value: unknown): string {
  const [tables, table, name, ...rest] = namesOf(pointer);
  const settings = tables === 'tables' && rest.length === 0 ? valueAt(value, pointerTo('/tables', table)) : undefined;
  const isInCluster = typeof settings === 'object' && settings !== null && 'cluster' in settings;
  const reason = isInCluster ? reasonForNoOption(name) : undefined;
  if (reason === undefined) return `unknown setting ${dotted(pointer)}`;
  return `${dotted(pointer)} is not a setting of a table in a cluster: ${reason}`;
}

/** A wrong value for a token's digest may be the token itself, and the address of a server may have a password in it. */
function mayBeSecret([first, , third, fourth]: readonly string[]): boolean {
  return first === 'tokens' || (first === 'tables' && third === 'cluster' && fourth !== 'timeoutMs');
}

/** The validator reports a member whose own schema is violated as additional too, although it is a known setting. */
function isExplained(pointer: string, all: readonly Violation[]): boolean {
  return all.some(
    ({ instancePath, keyword }) =>
      keyword !== 'boolean' && (instancePath === pointer || instancePath.startsWith(`${pointer}/`)),
  );
}

/** Whether the pointer refers to a member with an invalid name: the violated pattern is reported there as well. */
function isNamedBy(pointer: string, violation: Violation): boolean {
  return namesIn(violation).some((name) => pointerTo(violation.instancePath, name) === pointer);
}

function namesIn({ params }: Violation): string[] {
  return Object.values(params).flat().map(String);
}

function pointerTo(pointer: string, name: string): string {
  return `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function namesOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function dotted(pointer: string): string {
  return namesOf(pointer).join('.');
}

function valueAt(value: unknown, pointer: string): unknown {
  let at = value;
  for (const name of namesOf(pointer)) {
    at = typeof at === 'object' && at !== null ? new Map(Object.entries(at)).get(name) : undefined;
  }
  return at;
}
