/** Messages between primary and workers. Serving a request needs no messages. */
import type { Static } from 'typebox';
import { Type } from './json-schema.js';
import { Compile } from './schema-compiler.js';

/** From a worker to the primary: it listens, or failed to; it now accepts only the tokens of this
 * round, or a later one. */
const fromWorker = Type.Union([
  Type.Object({ type: Type.Literal('ready') }),
  Type.Object({ type: Type.Literal('tokens replaced'), round: Type.Integer({ minimum: 1 }) }),
  Type.Object({ type: Type.Literal('failed'), reason: Type.String() }),
]);

/**
 * From the primary to a worker: first what to serve; later the tokens to accept from then on; finally to complete the
 * current requests and exit, keeping idle connections for a time. A second `stop` may only shorten that time.
 */
const toWorker = Type.Union([
  Type.Object({
    type: Type.Literal('serve'),
    settings: Type.Unknown(),
    listeners: Type.Integer({ minimum: 1 }),
    memory: Type.String(),
  }),
  Type.Object({ type: Type.Literal('tokens'), tokens: Type.Unknown(), round: Type.Integer({ minimum: 1 }) }),
  Type.Object({ type: Type.Literal('stop'), idleMs: Type.Integer({ minimum: 0 }) }),
]);

export type WorkerMessage = Static<typeof fromWorker>;
export type PrimaryMessage = Static<typeof toWorker>;

/**
 * Startup parameters of a worker: its settings, the number of listening sockets that it inherits, and the name of the
 * memory that it shares with the primary and the other workers. A message, because an environment variable is limited to
 * 128 KiB.
 */
export type WorkerTask = Extract<PrimaryMessage, { type: 'serve' }>;

const compiledFromWorker = Compile(fromWorker);
const compiledToWorker = Compile(toWorker);

export function isWorkerMessage(message: unknown): message is WorkerMessage {
  return compiledFromWorker.Check(message);
}

export function isPrimaryMessage(message: unknown): message is PrimaryMessage {
  return compiledToWorker.Check(message);
}
