/**
 * Throws a TypeError for what `JSON.stringify` would silently omit or replace by null: `undefined`, a function or a
 * symbol inside a value. An object with a `toJSON` is replaced by what that returns.
 */
export function refuseInside(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      if (value[i] === undefined) throw new TypeError(`its element ${i} is undefined`);
      refuseMember(value, i, value[i]);
    }
    return;
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') return;
  const members: Record<string, unknown> = value as Record<string, unknown>;
  for (const name in members) refuseMember(members, name, members[name]);
}

function refuseMember(holder: object, name: string | number, member: unknown): void {
  switch (typeof member) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'bigint':
      return;
    case 'object':
      if (member !== null) refuseInside(member);
      return;
    default:
      // An inherited member is not part of the value.
      if (Object.hasOwn(holder, name)) throw new TypeError(`its member ${JSON.stringify(name)} is ${describe(member)}`);
  }
}

function describe(member: unknown): string {
  return member === undefined ? 'undefined' : `a ${typeof member}`;
}

/**
 * The first number of a parsed JSON text that no double can represent, for which the parser returns an infinity;
 * undefined when there is none. Without recursion: a parser accepts any depth.
 */
export function firstInfinity(parsed: unknown): number | undefined {
  const left: unknown[] = [parsed];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) return value;
    } else if (Array.isArray(value)) {
      for (const element of value) left.push(element);
    } else if (typeof value === 'object' && value !== null) {
      for (const member of Object.values(value)) left.push(member);
    }
  }
  return undefined;
}
