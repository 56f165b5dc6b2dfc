import type { Static } from 'typebox';
import { Type } from '../json-schema.js';
import { serviceProblems } from '../route-problems.js';
import { columns, jsonAnswer } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';

const list = Type.Object({
  tables: Type.Array(
    Type.Object({
      name: Type.String(),
      columns,
      capacity: Type.Integer({ minimum: 1, description: 'Maximum number of rows' }),
      rows: Type.Integer({ minimum: 0 }),
      bytes: Type.Integer({ minimum: 0, description: 'Size of the shared memory segment in bytes' }),
      backend: Type.String(),
    }),
  ),
});

/** `/v1/tables`: the tables of the namespace. */
export function tablesRoutes(app: RoutesApp, handles: TableHandles): void {
  app.get(
    '/tables',
    {
      config: { scope: 'read' },
      schema: {
        operationId: 'listTables',
        tags: ['tables'],
        summary: 'Lists the tables',
        response: {
          200: jsonAnswer<Static<typeof list>>('The tables of the namespace', list),
          ...serviceProblems('ERR_TABLE_CORRUPT', 'ERR_LAYOUT_VERSION'),
        },
      },
    },
    async () => ({ tables: handles.list() }),
  );
}
