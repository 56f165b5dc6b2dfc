/** Checks settings against their schema; a message names the source and the path of what is wrong. */
import { Compile } from 'typebox/compile';
import { ShmTableError } from '../../errors.js';
import { show } from '../../table/schema.js';
import { type GivenSettings, settingsSchema } from './settings-schema.js';

const compiled = Compile(settingsSchema);

/** The value as settings; ERR_ARGUMENT names every unknown or wrong one by its path. */
export function checkSettings(source: string, value: unknown): GivenSettings {
  if (compiled.Check(value)) return value;
  const wrong = new Set<string>();
  for (const { instancePath, keyword, message, params } of compiled.Errors(value)) {
    const path = instancePath.slice(1).replaceAll('/', '.');
    if (keyword === 'additionalProperties') {
      for (const name of Object.values(params).flat()) wrong.add(`unknown setting ${join(path, String(name))}`);
    } else if (keyword === 'propertyNames') {
      for (const name of Object.values(params).flat())
        wrong.add(`${join(path, String(name))} is not a valid table name`);
    } else if (keyword !== 'boolean') {
      // What stands where a token's digest should may be the token.
      const got = path.startsWith('tokens') ? '' : `, got ${show(valueAt(value, instancePath))}`;
      wrong.add(`${path === '' ? 'settings' : path} ${message}${got}`);
    }
  }
  throw new ShmTableError('ERR_ARGUMENT', `${source}: ${[...wrong].join('; ')}`);
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function valueAt(value: unknown, pointer: string): unknown {
  let at = value;
  for (const step of pointer.split('/').slice(1)) {
    at = typeof at === 'object' && at !== null ? new Map(Object.entries(at)).get(step) : undefined;
  }
  return at;
}
