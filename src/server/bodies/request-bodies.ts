/**
 * Request bodies: JSON only (for PATCH also merge-patch), in well-formed UTF-8, up to the limit of the route; or lines of
 * JSON, which the route reads itself.
 *
 * A body is checked while it arrives and rejected at its first fault; the rest of a rejected body is read and
 * discarded, so that the client can read the response. A small body is parsed as a whole, because that is cheap.
 */
import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ShmTableError } from '../../errors.js';
import { addRouteHook, errorOf, hook } from '../request-hooks.js';
import { Turns } from '../turns.js';
import { BatchReader } from './batch-reader.js';
import type { BodyBudget } from './body-budget.js';
import type { BodyKind, BodyLimits } from './body-limits.js';
import { ByteCollector } from './byte-collector.js';
import { ByteOrderMark } from './byte-order-mark.js';
import { JsonScanner } from './json-scanner.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The kind of the route's body; without it the route has none, and only the syntax is checked. */
    body?: BodyKind;
  }
}

/** A body up to this size is parsed without being scanned first. */
const SMALL_BYTES = 16 * 1024;
/** If a rejected body is announced to be longer than this, the client is disconnected instead of being read from. */
const MAX_DROPPED_BYTES = 64 * 1024 * 1024;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Replaces the body of a request that is to be rejected. */
class Refused {
  readonly error: Error;
  constructor(error: Error) {
    this.error = error;
  }
}

type Done = (error: null, body: unknown) => void;

/** Replaces the body parsers of this instance and its child instances. */
export function acceptJsonBodies(app: FastifyInstance, limits: BodyLimits): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    (request: FastifyRequest, payload: Readable, done: Done) => {
      try {
        const { body: kind } = request.routeOptions.config;
        checkHeaders(request, kind);
        new BodyReader(request, kind, payload, limits).read(done);
      } catch (error) {
        done(null, new Refused(errorOf(error)));
      }
    },
  );
  app.addContentTypeParser('application/x-ndjson', (request: FastifyRequest, payload: Readable, done: Done) => {
    try {
      checkHeaders(request, request.routeOptions.config.body);
      done(null, payload);
    } catch (error) {
      payload.resume();
      done(null, new Refused(errorOf(error)));
    }
  });
  const refuseBody = hook((request, reply) => {
    if (request.body instanceof Refused) refuse(request, reply, request.body.error);
  });
  app.addHook('onRoute', (route) => {
    if (route.method === 'GET' || route.method === 'HEAD') return;
    addRouteHook(route, 'preValidation', refuseBody);
    const { handler } = route;
    route.handler = function (request, reply) {
      const { bodyBytes } = request.raw;
      if (bodyBytes === undefined) return handler.call(this, request, reply);
      return limits.budget.during(bodyBytes, () => handler.call(this, request, reply));
    };
  });
}

/** Without a body the content type has no meaning and must not cause an error. */
export function forgetTypeOfNoBody(request: FastifyRequest): void {
  const { headers } = request.raw;
  if (headers['content-type'] === undefined || headers['transfer-encoding'] !== undefined) return;
  if (headers['content-length'] === undefined || headers['content-length'] === '0') delete headers['content-type'];
}

function refuse(request: FastifyRequest, reply: FastifyReply, error: Error): never {
  if (Number(request.headers['content-length'] ?? 0) > MAX_DROPPED_BYTES) reply.header('Connection', 'close');
  throw error;
}

const LINES = /^application\/x-ndjson\b/i;
const JSON_TYPE = /^application\/json\b/i;
const PATCH_TYPE = /^application\/(merge-patch\+)?json\b/i;

function checkHeaders({ headers, method }: FastifyRequest, kind: BodyKind | undefined): void {
  const type = headers['content-type'] ?? '';
  const isLines = kind === 'lines';
  if (!(isLines ? LINES : method === 'PATCH' ? PATCH_TYPE : JSON_TYPE).test(type)) {
    const wanted = isLines ? 'application/x-ndjson' : 'application/json';
    throw new ShmTableError('ERR_MEDIA_TYPE', `the content type of ${method} must be ${wanted}, got ${type}`);
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new ShmTableError('ERR_MEDIA_TYPE', `bodies must have no content encoding, got ${encoding}`);
  }
}

class BodyReader {
  readonly #request: FastifyRequest;
  readonly #payload: Readable;
  readonly #limits: BodyLimits;
  readonly #budget: BodyBudget;
  readonly #kind: BodyKind | undefined;
  /** Of a body that is not small: its chunks may be many, or take long. */
  #turns: Turns | undefined;
  #maxBytes: number = SMALL_BYTES;
  #bytes = 0;
  /** Bytes taken from the budget. */
  #taken = 0;
  /** The kept part of the body so far. */
  readonly #kept = new ByteCollector();
  /** The decoder removes it from what is parsed. */
  readonly #mark = new ByteOrderMark();
  #scanner: JsonScanner | undefined;
  #batch: BatchReader | undefined;
  /** Undefined when the body was parsed or refused: the rest of it is discarded. */
  #done: Done | undefined;

  constructor(request: FastifyRequest, kind: BodyKind | undefined, payload: Readable, limits: BodyLimits) {
    this.#request = request;
    this.#payload = payload;
    this.#limits = limits;
    this.#budget = limits.budget;
    this.#kind = kind;
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > SMALL_BYTES) this.#begin(announced);
  }

  read(done: Done): void {
    this.#done = done;
    this.#request.raw.endBody = this.#refuse;
    this.#payload.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).resume();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#done === undefined) return;
    try {
      this.#add(chunk);
    } catch (error) {
      this.#settle(new Refused(errorOf(error)));
      return;
    }
    if (this.#turns?.isOver !== true) return;
    this.#payload.pause();
    void this.#turns.next().then(() => this.#payload.resume());
  };

  readonly #onEnd = (): void => {
    if (this.#done === undefined) return;
    let body: unknown;
    try {
      body = this.#parse();
    } catch (error) {
      body = new Refused(errorOf(error));
    }
    this.#settle(body);
  };

  readonly #refuse = (error: Error): void => this.#settle(new Refused(error));

  readonly #onError = (error: Error): void => {
    this.#settle(new Refused(new ShmTableError('ERR_BODY_MALFORMED', `the body did not arrive: ${error.message}`)));
  };

  /** The listeners stay: without one, an error of the connection would be thrown, and the rest would not be read. */
  #settle(body: unknown): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    this.#request.raw.endBody = undefined;
    this.#kept.clear();
    this.#budget.release(this.#taken);
    if (this.#taken > 0 && !(body instanceof Refused)) this.#request.raw.bodyBytes = this.#taken;
    this.#taken = 0;
    done(null, body);
  }

  #add(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#scanner === undefined) {
      this.#kept.add(chunk);
      if (this.#bytes <= SMALL_BYTES) return;
      const scanner = this.#begin(this.#bytes);
      const arrived = this.#kept.take();
      this.#take(this.#bytes);
      if (this.#keepsBytes) this.#kept.add(arrived);
      scanner.push(this.#mark.without(arrived));
      return;
    }
    if (this.#bytes > this.#maxBytes) throw tooLarge(this.#maxBytes, 'more');
    this.#take(chunk.length);
    this.#scanner.push(this.#mark.without(chunk));
    if (this.#keepsBytes) this.#kept.add(chunk);
  }

  #take(bytes: number): void {
    this.#budget.take(bytes);
    this.#taken += bytes;
  }

  /** False for a large batch, of which the operations are kept, and for a body that the route does not expect. */
  get #keepsBytes(): boolean {
    return this.#kind !== undefined && this.#kind !== 'batch';
  }

  /** Begins to scan a body that is not small and has at least this many bytes. */
  #begin(bytes: number): JsonScanner {
    const { maxBytes, structure } = this.#limits.of(this.#kind, Object(this.#request.params).table);
    this.#maxBytes = maxBytes;
    this.#turns = new Turns();
    if (bytes > maxBytes) throw tooLarge(maxBytes, String(bytes));
    const batch = this.#kind === 'batch' ? new BatchReader(this.#request) : undefined;
    this.#batch = batch;
    this.#scanner = new JsonScanner(
      structure,
      batch === undefined ? undefined : (operation) => batch.add(parseJson(operation)),
    );
    return this.#scanner;
  }

  #parse(): unknown {
    this.#scanner?.end();
    if (this.#batch !== undefined) return this.#batch.operations;
    if (this.#kind === undefined && this.#scanner !== undefined) return undefined;
    const body = parseJson(this.#kept.take());
    return this.#kind === 'batch' ? new BatchReader(this.#request).addAll(body) : body;
  }
}

function parseJson(body: Buffer): unknown {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new ShmTableError('ERR_BODY_MALFORMED', `the body's ${body.length} bytes are not well-formed UTF-8`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ShmTableError(
      'ERR_BODY_MALFORMED',
      `the body is not JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
}

function tooLarge(maxBytes: number, got: string): ShmTableError {
  return new ShmTableError('ERR_BODY_TOO_LARGE', `the body must have at most ${maxBytes} bytes, got ${got}`);
}
