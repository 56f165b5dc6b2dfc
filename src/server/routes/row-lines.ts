import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest, FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { ShmTableError } from '../../errors.js';
import { parseRowLine } from '../../json/row-line.js';
import { wallTimeMs } from '../../memory/index.js';
import type { BodyLimits } from '../bodies/body-limits.js';
import { type Line, LineReader } from '../bodies/line-reader.js';
import { allowAnyDuration } from '../client-errors.js';
import { type Eventual, when } from '../eventual.js';
import { answerInPieces } from '../pieced-answer.js';
import { type Problem, problemOf } from '../problems.js';
import { RemoteOperations } from '../remote-operations.js';
import { requestValidation } from '../request-validation.js';
import { OF_ANY_BODY, problemReference, tableProblems } from '../route-problems.js';
import { jsonAnswer, rowLine, tableParameters } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';
import { Turns } from '../turns.js';

export const LINES_TYPE = 'application/x-ndjson';

/** Maximum bytes of lines that wait for a slow client; the rest is read from the table afterwards. */
const MAX_UNREAD_BYTES = 256 * 1024;
/** Maximum number of failures that are listed; further ones are only counted. */
const MAX_FAILED = 1000;

interface Failure {
  readonly line: number;
  readonly problem: Problem;
}

interface Loaded {
  written: number;
  readonly failed: Failure[];
  /** Number of lines that failed, if `failed` does not have all of them. */
  failures?: number;
  /** Number of rows that had expired, if there are any. */
  expired?: number;
}

const count = { type: 'integer', minimum: 0 } as const;

const loaded = jsonAnswer<Loaded>(
  'The results of the lines',
  {
    type: 'object',
    required: ['written', 'failed'],
    properties: {
      written: { ...count, description: 'Rows that were written' },
      failed: {
        type: 'array',
        maxItems: MAX_FAILED,
        description: `Lines that failed, at most the first ${MAX_FAILED}`,
        items: {
          type: 'object',
          required: ['line', 'problem'],
          properties: {
            line: { type: 'integer', minimum: 1, description: 'Counted from 1' },
            problem: problemReference,
          },
        },
      },
      failures: { ...count, description: 'Number of lines that failed, if they are not all listed' },
      expired: { ...count, description: 'Rows that were skipped because they had expired, if there are any' },
    },
  },
  { example: { written: 2, failed: [] } },
);

/** `POST /v1/tables/{table}/rows`: rows as newline-delimited JSON, of any number. */
export function rowLinesRoutes(app: RoutesApp, handles: TableHandles, limits: BodyLimits): void {
  app.post(
    '/tables/:table/rows',
    {
      config: { scope: 'write', body: 'lines', endsWithToken: true, stream: true },
      validatorCompiler: linesValidation,
      schema: {
        operationId: 'loadRows',
        tags: ['rows'],
        summary: 'Writes any number of rows, one in each line',
        description:
          'Each line replaces the row with its key, as soon as the line has arrived. One that fails does not stop the ' +
          'others, and if the client disconnects, the rows written so far remain.',
        consumes: [LINES_TYPE],
        params: tableParameters,
        body: rowLine,
        response: { 200: loaded, ...tableProblems(...OF_ANY_BODY) },
      },
    },
    async (request, reply) => {
      const { table } = request.params;
      try {
        const reader = new LineReader(limits.of('lines', table), limits.budget);
        try {
          return await load(handles, table, reader, request);
        } finally {
          reader.close();
        }
      } catch (error) {
        // The unread rest of the body may be of any length.
        reply.header('Connection', 'close');
        throw error;
      }
    },
  );
}

async function load(
  handles: TableHandles,
  table: string,
  reader: LineReader,
  request: FastifyRequest,
): Promise<Loaded> {
  const result: Loaded = { written: 0, failed: [] };
  const turns = new Turns();
  const { body } = request;
  if (!(body instanceof Readable)) return result;
  allowAnyDuration(request);
  request.raw.endBody = (error) => body.emit('error', error);
  const atOnce = await handles.withRows(table, (rows) => rows.writesAtOnce);
  const remote = new RemoteOperations<LineResult>(atOnce, (line) => note(result, line));
  const writeAll = async (lines: Iterable<Line>): Promise<void> => {
    for (const line of lines) {
      // The token was revoked, or the client has disconnected.
      if (request.raw.socket.destroyed) return;
      const bytes = 'bytes' in line ? line.bytes.length : 0;
      const full = remote.add(write(handles, table, line, remote), bytes);
      if (full !== undefined) await full;
      if (turns.isOver) await turns.next();
    }
  };
  try {
    for await (const chunk of arriving(body)) await writeAll(reader.lines(chunk));
    await writeAll(reader.end());
  } finally {
    await remote.rest();
  }
  return result;
}

/** The pieces of a body. If the consumer stops with an error, the connection stays open for the response. */
async function* arriving(body: Readable): AsyncGenerator<Buffer> {
  try {
    yield* body.iterator({ destroyOnReturn: false });
  } catch (error) {
    if (error instanceof ShmTableError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new ShmTableError('ERR_BODY_MALFORMED', `the body did not arrive: ${message}`);
  }
}

type LineResult = 'written' | 'expired' | 'blank' | Failure;

function note(result: Loaded, line: LineResult): void {
  if (line === 'written') result.written++;
  else if (line === 'expired') result.expired = (result.expired ?? 0) + 1;
  else if (line === 'blank') return;
  else if (result.failed.length < MAX_FAILED) result.failed.push(line);
  else result.failures = (result.failures ?? MAX_FAILED) + 1;
}

function write(
  handles: TableHandles,
  table: string,
  line: Line,
  remote: RemoteOperations<LineResult>,
): Eventual<LineResult> {
  const failed = (error: unknown): Failure => {
    if (!(error instanceof ShmTableError)) throw error;
    return { line: line.number, problem: problemOf(error) };
  };
  try {
    if ('error' in line) throw line.error;
    const result = handles.withRows(table, (rows): Eventual<LineResult> => {
      const parsed = parseRowLine(line.bytes, rows.codec);
      if (parsed === undefined) return 'blank';
      const { key, row, expiresAt } = parsed;
      if (expiresAt !== null && expiresAt <= wallTimeMs()) return 'expired';
      return remote.run(rows, key, () => when(rows.load(key, row, expiresAt), () => 'written' as const));
    });
    return result instanceof Promise ? result.catch(failed) : result;
  } catch (error) {
    return failed(error);
  }
}

interface WantedRows {
  readonly table: string;
  readonly prefix: string | undefined;
  readonly columns: readonly string[] | undefined;
}

/** Sends all rows, or all with a prefix, one in each line, as fast as the client reads them. */
export async function sendRowLines(
  reply: FastifyReply,
  handles: TableHandles,
  wanted: WantedRows,
): Promise<FastifyReply> {
  const { table, prefix, columns } = wanted;
  // Of a text Fastify would add the charset itself, but not of a stream.
  reply.type(`${LINES_TYPE}; charset=utf-8`);
  // The rows would be read only to be discarded.
  if (reply.request.method === 'HEAD') return reply.send(Readable.from([]));
  const turns = new Turns();
  return answerInPieces(reply, { maxUnreadBytes: MAX_UNREAD_BYTES }, async (answer) => {
    let next: string | null | undefined;
    do {
      if (turns.isOver) await turns.next();
      await answer.room();
      next = await handles.withRows(table, (rows) => {
        const write = rows.codec.select(columns);
        const request = { limit: Number.MAX_SAFE_INTEGER, roomBytes: Number.MAX_SAFE_INTEGER, prefix, columns };
        return when(rows.page(next ?? undefined, request), ({ entries, cursor }) => {
          for (const entry of entries) answer.add(rows.codec.writeLine(entry, write));
          return cursor;
        });
      });
    } while (next !== null && !answer.isUnwanted);
  });
}

/** Whether a client asks for lines instead of a page: it names their type, and prefers no other that it names. */
export function wantsLines(accept: string | undefined): boolean {
  return accept !== undefined && qualityOf(LINES_TYPE, accept) > qualityOf('application/json', accept);
}

function qualityOf(type: string, accept: string): number {
  for (const range of accept.split(',')) {
    const [name, ...parameters] = range.split(';');
    if (name.trim().toLowerCase() !== type) continue;
    const quality = parameters.find((parameter) => /^\s*q=/i.test(parameter));
    return quality === undefined ? 1 : Number(quality.slice(quality.indexOf('=') + 1));
  }
  return 0;
}

const compiledValidation = requestValidation();

/** The lines are checked while they arrive. */
const linesValidation: FastifySchemaCompiler<TSchema> = (route) =>
  route.httpPart === 'body' ? (value: unknown) => ({ value }) : compiledValidation(route);
