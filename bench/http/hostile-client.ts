/** A hostile client: each attack is something that a single client can send, repeated for a while. */
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

export const ATTACKS = [
  '3 batches of 8,000 gets of 64 KB',
  '100 rows of 4 MB',
  '300 pages at once, none of them read',
  'batch of 8,000,000 numbers',
  'row of 1,300,000 members',
  'operation of 1,000,000 members',
  'arrays 8,000,000 deep',
  'If-Match of 31,000 spaces',
  'list of tables and metrics',
  '20 prefix scans without a match',
  'batch of 10,000 puts',
  'clearing a table',
  'creating a table of 256 MB',
] as const;

export type Attack = (typeof ATTACKS)[number];

interface HostileTask {
  readonly attack: Attack;
  readonly port: number;
  readonly forMs: number;
}

const JSON_TYPE = 'Content-Type: application/json\r\n';

/** Sends a request over a connection of its own; resolves with the status when the response ends, or at a reset. */
function send(port: number, method: string, path: string, body = '', headers = ''): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let head = '';
    socket.on('data', (chunk) => {
      if (head === '') head = chunk.toString('latin1', 0, 40);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(head));
    const length = body === '' ? '' : `${JSON_TYPE}Content-Length: ${Buffer.byteLength(body)}\r\n`;
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}${length}\r\n`);
    socket.write(body);
  });
}

/** Sends requests and does not read the responses. */
function flood(port: number, bytes: string, forMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.pause().write(bytes);
    setTimeout(() => {
      socket.destroy();
      resolve();
    }, forMs);
  });
}

function members(count: number): string {
  return Array.from({ length: count }, (_, i) => `"m${i}":0`).join(',');
}

function runOnce({ attack, port, forMs }: HostileTask): Promise<unknown> {
  const post = (table: string, body: string): Promise<string> => send(port, 'POST', `/v1/tables/${table}/batch`, body);
  switch (attack) {
    case '3 batches of 8,000 gets of 64 KB': {
      const body = JSON.stringify(Array.from({ length: 8000 }, () => ({ op: 'get', key: 'k0' })));
      return Promise.all([1, 2, 3].map(() => post('wide', body)));
    }
    case '100 rows of 4 MB':
      return send(port, 'GET', '/v1/tables/large/rows');
    case '300 pages at once, none of them read':
      return flood(port, 'GET /v1/tables/wide/rows?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(300), forMs);
    case 'batch of 8,000,000 numbers':
      return post('wide', `[${'0,'.repeat(7_999_999)}0]`);
    case 'row of 1,300,000 members':
      return send(port, 'PUT', '/v1/tables/wide/rows/k0', `{${members(1_300_000)}}`);
    case 'operation of 1,000,000 members':
      return post('wide', `[{"op":"get","key":"k0",${members(1_000_000)}}]`);
    case 'arrays 8,000,000 deep':
      return send(port, 'PUT', '/v1/tables/wide/rows/k0', `${'['.repeat(8_000_000)}${']'.repeat(8_000_000)}`);
    case 'If-Match of 31,000 spaces':
      return send(port, 'GET', '/v1/tables/wide/rows/none', '', `If-Match: ,${' '.repeat(31_000)}x\r\n`);
    case 'list of tables and metrics':
      return Promise.all([send(port, 'GET', '/v1/tables'), send(port, 'GET', '/metrics')]);
    case '20 prefix scans without a match':
      return Promise.all(Array.from({ length: 20 }, () => send(port, 'GET', '/v1/tables/rows/rows?prefix=none')));
    case 'batch of 10,000 puts':
      return post(
        'rows',
        JSON.stringify(Array.from({ length: 10_000 }, (_, i) => ({ op: 'put', key: `${i}`, row: { n: i } }))),
      );
    case 'clearing a table':
      return send(port, 'DELETE', '/v1/tables/rows/rows');
    case 'creating a table of 256 MB': {
      const made = JSON.stringify({ capacity: 1000, columns: { data: 'bytes(250000)' } });
      return send(port, 'PUT', '/v1/tables/made', made).then(() => send(port, 'DELETE', '/v1/tables/made'));
    }
  }
}

async function attack(task: HostileTask): Promise<void> {
  const end = Date.now() + task.forMs;
  do await runOnce(task);
  while (Date.now() < end);
}

if (parentPort !== null) {
  const port = parentPort;
  void attack(workerData).then(() => port.postMessage('done'));
}
