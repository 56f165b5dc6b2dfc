/** Links in the documents are valid; error codes, routes and settings in the documents are those of the code. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ERROR_CODES } from '../../src/errors.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const files = [
  ...['README.md', 'CONTRIBUTING.md'].map((name) => join(root, name)),
  ...['docs', 'docs/recipes'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(root, folder, name)),
  ),
];
const texts = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));

/** The text of a document, by its path from the root. */
function textOf(path: string): string {
  return texts.get(join(root, path)) ?? '';
}

/** The anchors of headings in rendered Markdown: lower case, no punctuation, hyphens for spaces. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map((match) => match[1]);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** The address of the repository. Links to files that are not in the package start with it. */
const PUBLISHED = /^https:\/\/github\.com\/shmtable\/shmtable\/(blob|tree)\/main\//;

/** The target of a link in a document, as a path in this checkout. */
function targetOf(file: string, path: string): string {
  if (PUBLISHED.test(path)) return join(root, path.replace(PUBLISHED, ''));
  return path === '' ? file : join(dirname(file), path);
}

function brokenLinks(file: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1])
    .filter((link) => PUBLISHED.test(link) || !link.includes('://'));
  return links.filter((link) => {
    const [path, anchor] = link.split('#');
    const target = targetOf(file, path);
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).has(anchor);
  });
}

t.test('every link leads to a file or a heading', async (t) => {
  for (const [file, text] of texts) t.same(brokenLinks(file, text), [], relative(root, file));
});

t.test('every file named in the documents for contributors exists', async (t) => {
  for (const name of ['CONTRIBUTING.md', 'docs/extending.md']) {
    const paths = [...textOf(name).matchAll(/`((?:src|test|bench|scripts|docs|openapi|native)\/[\w./-]*)`/g)];
    t.same(
      paths.map(([, path]) => path).filter((path) => path !== 'docs/reference/' && !existsSync(join(root, path))),
      [],
      name,
    );
  }
});

t.test('every error code in the documents exists', async (t) => {
  const codes = new Set<string>(ERROR_CODES);
  for (const [file, text] of texts) {
    const named = [...text.matchAll(/\bERR_[A-Z_]+\b/g)].map(([code]) => code);
    t.same(
      named.filter((code) => !codes.has(code)),
      [],
      relative(root, file),
    );
  }
});

t.test('every error code is described', async (t) => {
  const all = [...texts.values()].join('\n');
  t.same(
    ERROR_CODES.filter((code) => !all.includes(`\`${code}\``)),
    [],
  );
});

t.test('every route is described', async (t) => {
  const { paths }: { paths: Record<string, object> } = JSON.parse(
    readFileSync(join(root, 'openapi/openapi.json'), 'utf8'),
  );
  const http = textOf('docs/http.md');
  for (const path of Object.keys(paths)) t.ok(http.includes(path), path);
});

t.test('every setting is described', async (t) => {
  const schema: { properties: Record<string, { properties?: object }> } = JSON.parse(
    readFileSync(join(root, 'openapi/config.schema.json'), 'utf8'),
  );
  const configuration = textOf('docs/configuration.md');
  for (const [name, { properties }] of Object.entries(schema.properties)) {
    if (name === '$schema') continue;
    const settings = properties === undefined ? [name] : Object.keys(properties).map((inner) => `${name}.${inner}`);
    for (const setting of settings) t.match(configuration, `\`${setting}\``, setting);
  }
});
