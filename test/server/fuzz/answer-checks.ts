/** Checks a response against the description of its operation: status, media type, headers, body and code. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { COMPONENTS, OPERATIONS, type Operation } from './described-operations.js';

export interface FuzzedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Errors of the service itself that any request may cause without a mistake of the client. */
const TOLERATED: ReadonlySet<number> = new Set([503, 507]);

const ajv = new Ajv2020({ strict: false, validateSchema: false });
ajv.addSchema({ $id: 'openapi', components: { schemas: COMPONENTS } });

const validators = new Map<string, ValidateFunction>();
for (const { operationId, responses } of OPERATIONS) {
  for (const [status, { content = {} }] of Object.entries(responses)) {
    for (const [type, { schema }] of Object.entries(content)) {
      validators.set(`${operationId} ${status} ${type}`, ajv.compile(withAbsoluteReferences(schema)));
    }
  }
}

/** Headers that only responses about tables in a cluster have; the fuzzed ones are in shared memory. */
const OF_CLUSTERS = new Set(['Shm-Source']);

/** Returns what is wrong with a response, or undefined if it is as described. */
export function problemWith(operation: Operation, { status, headers, body }: FuzzedAnswer): string | undefined {
  if (status >= 500 && !TOLERATED.has(status)) return `status ${status}`;
  const described = operation.responses[String(status)];
  if (described === undefined) return `status ${status} is not documented`;
  for (const [name, { schema }] of Object.entries(described.headers ?? {})) {
    const value = headers[name.toLowerCase()];
    const { type } = Object(schema);
    if (OF_CLUSTERS.has(name) && value === undefined) continue;
    if (value === undefined) return `${status} has no header ${name}`;
    if (!ajv.validate(schema, type === 'integer' ? Number(value) : value)) return `header ${name}: ${ajv.errorsText()}`;
  }
  const [type, media] = [String(headers['content-type'] ?? '').split(';')[0], described.content ?? {}];
  if (Object.keys(media).length === 0) return body === '' ? undefined : `${status} has a body: ${body}`;
  const validate = validators.get(`${operation.operationId} ${status} ${type}`);
  if (validate === undefined) return `type ${type} is not documented for ${status}`;
  if (type === 'text/event-stream') return undefined;
  if (type === 'application/x-ndjson') {
    const wrong = body.split('\n').find((line) => line !== '' && !validate(JSON.parse(line)));
    return wrong === undefined ? undefined : `${status}: ${ajv.errorsText(validate.errors)} in ${wrong}`;
  }
  const value: unknown = type.endsWith('json') ? JSON.parse(body) : body;
  if (!validate(value)) return `${status}: ${ajv.errorsText(validate.errors)}`;
  return type === 'application/problem+json' ? problemWithProblem(status, described.description, value) : undefined;
}

function problemWithProblem(status: number, description: string, value: unknown): string | undefined {
  const { status: said, code, detail }: { status?: number; code?: string; detail?: string } = Object(value);
  if (said !== status) return `the problem document says ${said}`;
  if (!description.includes(`\`${code}\``)) return `${code} is not documented for ${status}`;
  // Messages are for clients: no paths or stacks of the service.
  return /node_modules|dist\/src|\n +at /.test(detail ?? '') ? `the detail reveals internals: ${detail}` : undefined;
}

function withAbsoluteReferences(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"openapi#/components/'));
}
