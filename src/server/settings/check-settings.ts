/** Checks settings against their schema; a message names the source and the path of each wrong setting. */

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
        .map((name) => `unknown setting ${dotted(pointerTo(instancePath, name))}`);
    case 'propertyNames':
      return namesIn(violation).map((name) => `${dotted(pointerTo(instancePath, name))} is not a valid table name`);
    // These only repeat what the other violations of `additionalProperties: false` and `anyOf` report.
    case 'boolean':
    case 'anyOf':
      return [];
  }
  if (all.some((other) => other.keyword === 'propertyNames' && isNamedBy(instancePath, other))) return [];
  const path = dotted(instancePath);
  // A wrong value for a token's digest may be the token itself.
  const got = path.startsWith('tokens') ? '' : `, got ${show(valueAt(value, instancePath))}`;
  return [`${path === '' ? 'settings' : path} ${message}${got}`];
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
