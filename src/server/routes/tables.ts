import type { Static } from 'typebox';
import { engineOf } from '../../table/engine.js';
import type { Table } from '../../table/table.js';
import type { Columns } from '../../table/types.js';
import { visibleTo } from '../access/token-tables.js';
import { compressAnswer } from '../compression.js';
import { nullable, Type } from '../json-schema.js';
import { answerInPieces } from '../pieced-answer.js';
import { serviceProblems } from '../route-problems.js';
import { columns, jsonAnswer } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';

/** Maximum bytes of the list that wait for a slow client. */
const MAX_UNREAD_BYTES = 256 * 1024;

const listed = Type.Object({
  name: Type.String(),
  columns,
  capacity: nullable<number>(Type.Integer({ minimum: 1, description: 'Maximum number of rows' })),
  rows: nullable<number>(
    Type.Integer({ minimum: 0, description: 'Of a large table it may include rows that have expired' }),
  ),
  bytes: nullable<number>(Type.Integer({ minimum: 0, description: 'Size of the shared memory segment in bytes' })),
  backend: Type.String({ description: 'The kind of memory, or `cluster`; then capacity, rows and bytes are null' }),
});

const list = Type.Object({ tables: Type.Array(listed) });

/** `/v1/tables`: the tables of the namespace. */
export function tablesRoutes(app: RoutesApp, handles: TableHandles): void {
  app.get(
    '/tables',
    {
      onSend: compressAnswer,
      config: { scope: 'read' },
      schema: {
        operationId: 'listTables',
        tags: ['tables'],
        summary: 'Lists the tables that the token is valid for',
        response: {
          200: jsonAnswer<string>('The tables of the namespace', list),
          ...serviceProblems('ERR_TABLE_CORRUPT', 'ERR_LAYOUT_VERSION'),
        },
      },
    },
    async ({ token }, reply) => {
      const isVisible = visibleTo(token);
      const tables = await handles.survey(describe, isVisible);
      for (const { name, columns } of handles.inCluster?.list() ?? []) {
        if (isVisible(name))
          tables.push({ name, columns, capacity: null, rows: null, bytes: null, backend: 'cluster' });
      }
      tables.sort((a, b) => (a.name < b.name ? -1 : 1));
      reply.type('application/json');
      return answerInPieces(reply, { maxUnreadBytes: MAX_UNREAD_BYTES }, async (answer) => {
        answer.add('{"tables":[');
        for (const [i, table] of tables.entries()) {
          await answer.room();
          answer.add(`${i === 0 ? '' : ','}${JSON.stringify(table)}`);
        }
        answer.add(']}');
      });
    },
  );
}

function describe(table: Table<Columns>): Static<typeof listed> {
  const { name, columns, capacity, backend } = table;
  const engine = engineOf(table);
  const { rows, bytes } = engine.counts();
  return { name, columns, capacity, rows: engine.quickSize ?? rows, bytes, backend };
}
