import { Type } from 'typebox';
import { columns, problems } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';

const summary = Type.Object({
  name: Type.String(),
  columns,
  capacity: Type.Integer({ description: 'Rows that fit' }),
  rows: Type.Integer(),
  bytes: Type.Integer({ description: 'Size of the segment' }),
  backend: Type.String(),
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
        response: { 200: Type.Object({ tables: Type.Array(summary) }), ...problems },
      },
    },
    async () => ({ tables: handles.list() }),
  );
}
