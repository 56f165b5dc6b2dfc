import { compressAnswer } from '../compression.js';
import { Type } from '../json-schema.js';
import { tableProblems } from '../route-problems.js';
import { jsonAnswer, tableParameters } from '../route-schemas.js';
import type { RoutesApp } from '../service-routes.js';
import type { TableHandles } from '../table-handles.js';
import { Turns } from '../turns.js';

const count = Type.Integer({ minimum: 0 });

const sizeClasses = (description: string) =>
  Type.Array(
    Type.Object({
      upTo: Type.Integer({ minimum: 0, description: 'Bytes: more than those of the previous class and at most these' }),
      count,
    }),
    { description },
  );

const distribution = Type.Object({
  sample: Type.Object(
    { chains: count, ofChains: count, rows: count },
    { description: 'How many chains were looked at, of how many, and how many rows' },
  ),
  chainLengths: Type.Array(Type.Object({ buckets: Type.Integer({ minimum: 1 }), count }), {
    description: 'Chains by their length in buckets of ten entries each',
  }),
  rowBytes: sizeClasses('Rows by the bytes of their key and values'),
  valueBytes: Type.Unsafe<Record<string, { upTo: number; count: number }[]>>({
    type: 'object',
    additionalProperties: sizeClasses('Values by their bytes'),
    description: 'By column, for those whose values differ in length',
  }),
});

const example = {
  sample: { chains: 4096, ofChains: 28_572, rows: 27_903 },
  chainLengths: [
    { buckets: 1, count: 3871 },
    { buckets: 2, count: 225 },
  ],
  rowBytes: [
    { upTo: 32, count: 5120 },
    { upTo: 64, count: 22_783 },
  ],
  valueBytes: {
    name: [
      { upTo: 8, count: 11_902 },
      { upTo: 16, count: 16_001 },
    ],
  },
};

/** `/v1/tables/{table}/distribution`: how full the index is, and how large rows and values are. */
export function distributionRoutes(app: RoutesApp, handles: TableHandles): void {
  app.get(
    '/tables/:table/distribution',
    {
      onSend: compressAnswer,
      config: { scope: 'read' },
      schema: {
        operationId: 'getDistribution',
        tags: ['tables'],
        summary: 'Gets histograms of the chain lengths and value sizes of a table, from a sample',
        params: tableParameters,
        response: {
          200: jsonAnswer('Histograms of up to 4,096 chains at equal distances', distribution, { example }),
          ...tableProblems('ERR_BACKEND_UNSUPPORTED'),
        },
      },
    },
    async (request) => {
      const turns = new Turns();
      const sample = handles.use(request.params.table, ({ engine }) => engine.distribution());
      for (;;) {
        if (turns.isOver) await turns.next();
        if (!sample.advance()) return sample.result;
      }
    },
  );
}
