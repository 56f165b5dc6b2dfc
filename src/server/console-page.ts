/** Serves the console, the page at `/ui`, from the files that the build has put beside the code. */
import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONSOLE_POLICY, protectPages } from './access/protective-headers.js';
import { compressAnswer } from './compression.js';
import { CONSOLE } from './console-address.js';
import { NoRouteError } from './known-paths.js';
import { knownTag } from './preconditions.js';
import { hook } from './request-hooks.js';
import type { RoutesApp } from './service-routes.js';

const PAGE = 'index.html';

const TYPES: ReadonlyMap<string, string> = new Map([
  [PAGE, 'text/html; charset=utf-8'],
  ['app.js', 'text/javascript; charset=utf-8'],
  ['app.css', 'text/css; charset=utf-8'],
  ['icon.svg', 'image/svg+xml'],
]);

/** The folder of the files: for the bundle, and for compiled modules. */
const FOLDERS = ['./console/', '../../lib/console/'].map((path) => new URL(path, import.meta.url));

interface PageFile {
  readonly content: Buffer;
  /** What the entity tag contains. */
  readonly digest: string;
}

export async function serveConsole(app: RoutesApp): Promise<void> {
  await app.register(async (page) => {
    protectPages(page);
    page.addHook(
      'onRequest',
      hook((_request, reply) => {
        reply.header('Content-Security-Policy', CONSOLE_POLICY);
      }),
    );
    const files = new Map<string, Promise<PageFile>>();
    /** A file is read at its first request, and kept. */
    const fileOf = (name: string): Promise<PageFile> => {
      const known = files.get(name) ?? readPageFile(name);
      files.set(name, known);
      known.catch(() => files.delete(name));
      return known;
    };
    const options = { onSend: compressAnswer, config: { scope: 'none' }, schema: { hide: true } } as const;
    page.get(CONSOLE, options, async (request, reply) => {
      const { content } = await fileOf(PAGE);
      // Without a slash at the end of the path, links of the page are relative to the folder above it.
      const text = content.toString().replaceAll(/ (href|src)="(?=[\w-]+\.\w+")/g, ` $1=".${CONSOLE}/`);
      return answer(request, reply, PAGE, fileWith(Buffer.from(text)));
    });
    page.get(`${CONSOLE}/`, options, async (request, reply) => answer(request, reply, PAGE, await fileOf(PAGE)));
    page.get(`${CONSOLE}/:file`, options, async (request, reply) => {
      const { file } = request.params as { file: string };
      if (!TYPES.has(file)) throw new NoRouteError(request.method, `${CONSOLE}/${file}`, []);
      return answer(request, reply, file, await fileOf(file));
    });
  });
}

function answer(request: FastifyRequest, reply: FastifyReply, name: string, { content, digest }: PageFile): unknown {
  const { 'if-none-match': noneMatch } = request.headers;
  const tag = knownTag(noneMatch, `"${digest}"`);
  reply.header('Cache-Control', 'no-cache').header('ETag', tag);
  if (noneMatch?.includes(tag)) return reply.code(304).send();
  return reply.type(TYPES.get(name) ?? '').send(content);
}

async function readPageFile(name: string): Promise<PageFile> {
  const folder = FOLDERS.find((each) => existsSync(new URL(PAGE, each)));
  return fileWith(await readFile(new URL(name, folder)));
}

function fileWith(content: Buffer): PageFile {
  return { content, digest: hash('sha256', content, 'base64url').slice(0, 16) };
}
