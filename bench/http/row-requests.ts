/** The requests for rows that the service understands. */
import type { RequestKind } from './wrk.js';

export const ROW_OPERATIONS = ['GET a row', 'PUT a row', 'increment'] as const;
export type RowOperation = (typeof ROW_OPERATIONS)[number];

export const ROW_BODY = '{"count":7,"score":2.5,"label":"label-00000000000007"}';

const path = '/v1/tables/rows/rows/{key}';

export const ROW_REQUESTS: Readonly<Record<RowOperation, RequestKind>> = {
  'GET a row': { method: 'GET', path },
  'PUT a row': { method: 'PUT', path, body: ROW_BODY },
  increment: { method: 'POST', path: `${path}/increment`, body: '{"column":"count"}' },
};

export const GETS_IN_BATCH = 100;
/** The load generator expands it to this many gets. */
export const BATCH_REQUEST: RequestKind = { method: 'POST', path: '/v1/tables/rows/batch', body: '[{gets}]' };
