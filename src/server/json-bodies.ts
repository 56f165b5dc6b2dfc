/** Request bodies: JSON only (for PATCH also merge-patch), in well-formed UTF-8, up to a limit. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ShmTableError } from '../errors.js';
import { errorOf } from './request-hooks.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Replaces the body parsers of this instance and its child instances. */
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

/** Without a body the content type has no meaning and must not cause an error. */
export function forgetTypeOfNoBody(request: FastifyRequest): void {
  const { headers } = request.raw;
  if (headers['transfer-encoding'] !== undefined) return;
  if (headers['content-length'] === undefined || headers['content-length'] === '0') delete headers['content-type'];
}

function parse(request: FastifyRequest, body: Buffer): unknown {
  const type = request.headers['content-type'] ?? '';
  if (request.method !== 'PATCH' && !/^application\/json\b/i.test(type)) {
    throw new ShmTableError(
      'ERR_MEDIA_TYPE',
      `the content type of ${request.method} must be application/json, got ${type}`,
    );
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new ShmTableError('ERR_MEDIA_TYPE', `bodies must have no content encoding, got ${encoding}`);
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
