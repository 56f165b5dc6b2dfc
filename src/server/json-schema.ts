/**
 * Builders of JSON Schemas with the TypeScript types of TypeBox. Of TypeBox itself a process loads only the validator:
 * with its own builders, which load all types, a process of the service would take 0.3 s more processor time to start.
 */
import type { Type as TypeBox } from 'typebox';

type Builders =
  | 'Array'
  | 'Boolean'
  | 'Integer'
  | 'Literal'
  | 'Object'
  | 'Optional'
  | 'String'
  | 'Union'
  | 'Unknown'
  | 'Unsafe';

const optional = new WeakSet<object>();

// `Object()` is untyped, so the TypeBox type of each builder's schema is stated here.
export const Type: Pick<typeof TypeBox, Builders> = Object({
  Array: (items: object, options?: object) => ({ type: 'array', items, ...options }),
  Boolean: (options?: object) => ({ type: 'boolean', ...options }),
  Integer: (options?: object) => ({ type: 'integer', ...options }),
  Literal: (value: string | number | boolean, options?: object) => ({ type: typeof value, const: value, ...options }),
  Object: (properties: Readonly<Record<string, object>>, options?: object) => {
    const required = Object.keys(properties).filter((name) => !optional.has(properties[name]));
    return { type: 'object', ...(required.length > 0 && { required }), properties, ...options };
  },
  /** Marks a schema of a member that its object may lack. */
  Optional: (schema: object) => {
    const marked = { ...schema };
    optional.add(marked);
    return marked;
  },
  String: (options?: object) => ({ type: 'string', ...options }),
  Union: (anyOf: readonly object[], options?: object) => ({ anyOf, ...options }),
  Unknown: (options?: object) => ({ ...options }),
  Unsafe: (schema: object) => ({ ...schema }),
});

/** A value of a schema that has one type, or null. */
export function nullable<T>(schema: object): ReturnType<typeof Type.Unsafe<T | null>> {
  const { type, ...rest } = schema as { readonly type?: string };
  return Type.Unsafe<T | null>({ type: [type, 'null'], ...rest });
}
