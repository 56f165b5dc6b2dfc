/** Request bodies: JSON only (PATCH also as merge-patch), in well-formed UTF-8, up to a limit. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ShmTableError } from '../errors.js';
import { errorOf } from './request-hooks.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Replaces the body parsers of this instance and of the routes below it. */
export function acceptJsonBodies(app: FastifyInstance, bodyLimit: number): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'buffer', bodyLimit },
    (request, body, done) => {
      try {
        done(null, parse(request, Buffer.isBuffer(body) ? body : Buffer.from(body)));
      } catch (error) {
        done(errorOf(error));
      }
    },
  );
}

/** Without a body its type says nothing: whatever stands there must not be refused. */
export function forgetTypeOfNoBody(request: FastifyRequest): void {
  const { headers } = request.raw;
  if (headers['transfer-encoding'] !== undefined) return;
  if (headers['content-length'] === undefined || headers['content-length'] === '0') delete headers['content-type'];
}

function parse(request: FastifyRequest, body: Buffer): unknown {
  const type = request.headers['content-type'] ?? '';
  if (request.method !== 'PATCH' && !/^application\/json\b/i.test(type)) {
    throw new ShmTableError('ERR_MEDIA_TYPE', `${request.method} takes application/json, not ${type}`);
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new ShmTableError('ERR_MEDIA_TYPE', `bodies are taken without content encoding, not as ${encoding}`);
  }
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
