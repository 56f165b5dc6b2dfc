/** The operations of the OpenAPI document, in the form that the fuzzer uses. */
import { readFileSync } from 'node:fs';

/** The part of JSON Schema that the document's request schemas use. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly schema: Schema;
}

export interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly schema: object }>>;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

export interface Operation {
  readonly operationId: string;
  readonly method: string;
  /** A parameter is `{name}`. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** Schemas of the body by media type; none for an operation without a body. */
  readonly bodies: Readonly<Record<string, { readonly schema: Schema }>>;
  readonly responses: Readonly<Record<string, Answer>>;
}

type Described = Omit<Operation, 'method' | 'path' | 'bodies' | 'parameters'> & {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Operation['bodies'] };
};

interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

const DOCUMENT: OpenApiDocument = JSON.parse(
  readFileSync(new URL('../../../../openapi/openapi.json', import.meta.url), 'utf8'),
);

/** The schemas below `#/components/schemas/`. */
export const COMPONENTS = DOCUMENT.components.schemas;

export const OPERATIONS: readonly Operation[] = Object.entries(DOCUMENT.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { requestBody, parameters = [], ...described }]) => ({
    ...described,
    path,
    method: method.toUpperCase(),
    parameters,
    bodies: requestBody?.content ?? {},
  })),
);
