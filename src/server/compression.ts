/**
 * Compresses responses of more than 1 KB for clients that accept it. Routes opt in: a hook on all of them would slow
 * down those with short responses, and a stream of events would wait for the compressor.
 *
 * A compressed response has a different entity tag from the plain one (RFC 9110 section 8.8.3.3); preconditions accept
 * both.
 */

import { pipeline, Readable, type Transform } from 'node:stream';
import { promisify } from 'node:util';
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib';
import { negotiate } from '@fastify/accept-negotiator';
import type { FastifyReply, FastifyRequest, onSendHookHandler } from 'fastify';
import { errorOf } from './request-hooks.js';
import { varyBy } from './vary.js';

type Encoding = 'br' | 'gzip';

/** In the order of preference. */
const ENCODINGS = ['br', 'gzip', 'identity'];
/** A response up to this size fits into one packet anyway. */
export const PLAIN_BYTES = 1024;
/** Other types, such as images, are already compressed. */
const COMPRESSIBLE = /json|text|javascript|svg/;

const BROTLI = {
  params: {
    // The default, 11, takes a hundred times as long.
    [constants.BROTLI_PARAM_QUALITY]: 4,
    // A window of 256 KiB: each compressor that waits for a slow client keeps its own.
    [constants.BROTLI_PARAM_LGWIN]: 18,
  },
};

const wholes: Readonly<Record<Encoding, (text: string | Buffer) => Promise<Buffer>>> = {
  br: (text) => promisify(brotliCompress)(text, BROTLI),
  gzip: promisify(gzip),
};

const streams: Readonly<Record<Encoding, () => Transform>> = {
  br: () => createBrotliCompress(BROTLI),
  gzip: createGzip,
};

/** An `onSend` hook of routes whose responses may be long. */
export const compressAnswer: onSendHookHandler<unknown> = (request, reply, payload, done) => {
  if (!isLong(payload) || !COMPRESSIBLE.test(String(reply.getHeader('Content-Type') ?? ''))) {
    done(null, payload);
    return;
  }
  const encoding = chooseEncoding(request, reply);
  if (encoding === undefined) done(null, payload);
  else if (payload instanceof Readable) {
    const compressed = streams[encoding]();
    // If either end fails, the other is ended too.
    pipeline(payload, compressed, () => undefined);
    done(null, compressed);
  } else {
    wholes[encoding](payload).then(
      (compressed) => done(null, compressed),
      (error: unknown) => done(errorOf(error)),
    );
  }
};

/** Sends JSON text of more than `PLAIN_BYTES`, now or when it is compressed. */
export function sendLong(reply: FastifyReply, text: string): void {
  const encoding = chooseEncoding(reply.request, reply);
  if (encoding === undefined) {
    reply.send(text);
    return;
  }
  wholes[encoding](text).then(
    // For a string Fastify adds the charset itself.
    (compressed) => reply.type('application/json; charset=utf-8').send(compressed),
    (error: unknown) => reply.send(errorOf(error)),
  );
}

function isLong(payload: unknown): payload is string | Buffer | Readable {
  if (typeof payload === 'string' || Buffer.isBuffer(payload)) return payload.length > PLAIN_BYTES;
  return payload instanceof Readable;
}

/** Chooses the encoding, undefined for none, and sets its headers. */
function chooseEncoding({ headers }: FastifyRequest, reply: FastifyReply): Encoding | undefined {
  varyBy(reply, 'Accept-Encoding');
  const accepted = headers['accept-encoding'];
  const encoding = typeof accepted === 'string' ? negotiate(accepted.toLowerCase(), ENCODINGS) : null;
  if (encoding !== 'br' && encoding !== 'gzip') return undefined;
  reply.header('Content-Encoding', encoding).removeHeader('Content-Length');
  const tag = reply.getHeader('ETag');
  if (typeof tag === 'string' && !tag.startsWith('W/')) reply.header('ETag', `${tag.slice(0, -1)}-${encoding}"`);
  return encoding;
}
