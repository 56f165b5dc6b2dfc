/**
 * Services that respond to every request with the same row: the upper limit for Node's HTTP server and for Fastify, which
 * also parses the bodies of PUT and POST.
 *
 *   node hello-service.js node|fastify PORT
 */
import { createServer } from 'node:http';
import Fastify from 'fastify';
import { freshKey } from '../../src/bench/fresh-keys.js';
import { rowOf } from '../../src/bench/row-subject.js';

const answer = JSON.stringify({ key: freshKey(0), revision: 2 ** 50, expiresAt: null, row: rowOf(0) });

const [framework, port] = process.argv.slice(2);
if (framework === 'node') {
  createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(answer) });
    response.end(answer);
  }).listen(Number(port), '127.0.0.1');
} else {
  const app = Fastify();
  app.route({
    method: ['GET', 'PUT', 'POST'],
    url: '/*',
    handler: async (_, reply) => reply.type('application/json').send(answer),
  });
  app.listen({ port: Number(port), host: '127.0.0.1' }).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}
