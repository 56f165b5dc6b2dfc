import type { IncomingHttpHeaders } from 'node:http';
import { ShmTableError, show } from '../../errors.js';
import { allows, type RevisionCondition } from '../../table/revision-condition.js';
import { PLAIN_BYTES, sendLong } from '../compression.js';
import { when } from '../eventual.js';
import { Type } from '../json-schema.js';
import { decodeKey } from '../key-encoding.js';
import { entityTag, knownTag, preconditionsOf, writeCondition } from '../preconditions.js';
import { OF_ANY_BODY, OF_ANY_ROW_WRITE, tableProblems } from '../route-problems.js';
import {
  cacheControlHeader,
  conditionHeaders,
  entityTagHeader,
  envelopeAnswer,
  keyEncoding,
  lifetime,
  lifetimeHeader,
  locationHeader,
  mergeBody,
  namesIn,
  nothing,
  rowBody,
  rowParameters,
  selectedColumns,
  sourceHeader,
} from '../route-schemas.js';
import { lifetimeOf } from '../row-lifetime.js';
import { deleteRow, mergeRow, readRow, upsertRow } from '../row-operations.js';
import { JSON_TYPE, type RoutesApp, routeByKey } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';
import { varyBy } from '../vary.js';

const url = '/tables/:table/rows/:key';
const writeQuery = Type.Object({ ttl: lifetime, keyEncoding });
const writeHeaders = Type.Object({ ...conditionHeaders, ...lifetimeHeader });

/** `/v1/tables/{table}/rows/{key}`: one row. */
export function rowRoutes(app: RoutesApp, handles: TableHandles, publicUrl: string): void {
  getRow(app, handles);
  putRow(app, handles, publicUrl);
  patchRow(app, handles);
  removeRow(app, handles);
}

function getRow(app: RoutesApp, handles: TableHandles): void {
  routeByKey(app, {
    method: 'GET',
    url,
    exposeHeadRoute: true,
    config: { scope: 'read' },
    schema: {
      operationId: 'getRow',
      tags: ['rows'],
      summary: 'Reads a row',
      params: rowParameters,
      querystring: Type.Object({ columns: selectedColumns, keyEncoding }),
      headers: Type.Object({ ...conditionHeaders, ...cacheControlHeader }),
      response: {
        200: envelopeAnswer('The row', { ...entityTagHeader, ...sourceHeader }),
        304: nothing('The row has not changed: If-None-Match names its revision', {
          ...entityTagHeader,
          ...sourceHeader,
        }),
        ...tableProblems('ERR_ROW_NOT_FOUND', 'ERR_COLUMN_UNKNOWN', 'ERR_PRECONDITION_FAILED', 'ERR_ANSWER_TOO_LARGE'),
      },
    },
    handler: (request, reply) => {
      const { columns, keyEncoding } = request.query;
      const key = decodeKey(request.params.key, keyEncoding);
      const preconditions = preconditionsOf(request.headers);
      return handles.withRows(request.params.table, (rows) => {
        const names = namesIn(columns);
        const write = rows.codec.select(names);
        return when(readRow(rows, key, names, request.headers['cache-control']), (entry) => {
          const { revision, source } = entry;
          if (source !== undefined) reply.header('Shm-Source', source);
          if (preconditions !== undefined && !allows(preconditions.ifMatch, revision)) {
            throw new ShmTableError(
              'ERR_PRECONDITION_FAILED',
              `row ${show(key)} has revision ${revision}, which If-Match excludes`,
            );
          }
          reply.header('etag', entityTag(revision));
          if (preconditions !== undefined && !allows(preconditions.ifNoneMatch, revision)) {
            varyBy(reply, 'Accept-Encoding');
            reply.header('etag', knownTag(request.headers['if-none-match'], entityTag(revision)));
            reply.code(304).send(undefined);
            return;
          }
          const text = rows.codec.writeEnvelope(entry, write);
          reply.type(JSON_TYPE);
          if (text.length <= PLAIN_BYTES) reply.send(text);
          else sendLong(reply, text);
        });
      });
    },
  });
}

function putRow(app: RoutesApp, handles: TableHandles, publicUrl: string): void {
  routeByKey(app, {
    method: 'PUT',
    url,
    config: { scope: 'write', body: 'row' },
    schema: {
      operationId: 'putRow',
      tags: ['rows'],
      summary: 'Creates or replaces a row and its expiry; columns left out are set to zero',
      params: rowParameters,
      querystring: writeQuery,
      headers: writeHeaders,
      body: rowBody,
      response: {
        200: envelopeAnswer('The row was replaced'),
        201: envelopeAnswer('The row was created', { ...entityTagHeader, ...locationHeader }),
        ...tableProblems(...OF_ANY_BODY, ...OF_ANY_ROW_WRITE, 'ERR_PRECONDITION_FAILED', 'ERR_TABLE_FULL'),
      },
    },
    handler: (request, reply) => {
      const key = decodeKey(request.params.key, request.query.keyEncoding);
      const { condition, ttl = null } = conditionsOf(request);
      return handles.withRows(request.params.table, (rows) => {
        const row = rows.codec.decode(request.body, 'refused');
        return when(upsertRow(rows, 'put', key, row, { ttl, condition }), ({ created, revision, expiresAt }) => {
          reply.header('etag', entityTag(revision)).type(JSON_TYPE);
          if (created) {
            const location = locationOf(request.target.path, request.query.keyEncoding);
            reply.code(201).header('Location', publicUrl + location);
          }
          reply.send(rows.codec.writeEnvelope({ key, revision, expiresAt, row: rows.codec.replaced(row) }));
        });
      });
    },
  });
}

function patchRow(app: RoutesApp, handles: TableHandles): void {
  routeByKey(app, {
    method: 'PATCH',
    url,
    config: { scope: 'write', body: 'row' },
    schema: {
      operationId: 'patchRow',
      tags: ['rows'],
      summary: 'Updates the given columns of an existing row',
      consumes: ['application/json', 'application/merge-patch+json'],
      params: rowParameters,
      querystring: writeQuery,
      headers: writeHeaders,
      body: mergeBody,
      response: {
        200: envelopeAnswer('The updated row'),
        ...tableProblems(
          ...OF_ANY_BODY,
          ...OF_ANY_ROW_WRITE,
          'ERR_ROW_NOT_FOUND',
          'ERR_PRECONDITION_FAILED',
          'ERR_TABLE_FULL',
          'ERR_ANSWER_TOO_LARGE',
        ),
      },
    },
    handler: (request, reply) => {
      const key = decodeKey(request.params.key, request.query.keyEncoding);
      const { condition, ttl } = conditionsOf(request);
      return handles.withRows(request.params.table, (rows) => {
        const row = rows.codec.decode(request.body, 'reset');
        return when(mergeRow(rows, key, row, { ttl, condition }), (entry) => {
          reply.header('etag', entityTag(entry.revision)).type(JSON_TYPE);
          reply.send(rows.codec.writeEnvelope(entry));
        });
      });
    },
  });
}

function removeRow(app: RoutesApp, handles: TableHandles): void {
  routeByKey(app, {
    method: 'DELETE',
    url,
    config: { scope: 'write' },
    schema: {
      operationId: 'deleteRow',
      tags: ['rows'],
      summary: 'Deletes a row',
      params: rowParameters,
      querystring: Type.Object({ keyEncoding }),
      headers: Type.Object(conditionHeaders),
      response: {
        204: nothing('The row was deleted'),
        ...tableProblems(...OF_ANY_BODY, 'ERR_ROW_NOT_FOUND', 'ERR_PRECONDITION_FAILED', 'ERR_OUTCOME_UNKNOWN'),
      },
    },
    handler: (request, reply) => {
      const key = decodeKey(request.params.key, request.query.keyEncoding);
      const condition = writeCondition(request.headers);
      return handles.withRows(request.params.table, (rows) =>
        when(deleteRow(rows, key, condition), () => {
          reply.code(204).send(undefined);
        }),
      );
    },
  });
}

interface WriteRequestParts {
  readonly headers: IncomingHttpHeaders;
  readonly query: { readonly ttl?: number };
}

function conditionsOf({ headers, query }: WriteRequestParts): {
  condition: RevisionCondition | undefined;
  ttl: number | undefined;
} {
  return { condition: writeCondition(headers), ttl: lifetimeOf(headers, query) };
}

function locationOf(path: string, encoding: string | undefined): string {
  return encoding === 'base64url' ? `${path}?keyEncoding=base64url` : path;
}
