import { readFileSync } from 'node:fs';
import type { Origin } from '../memory/index.js';

/** The text of the function in a file of `hot/`, and its place for stack traces, profiles and source maps. */
interface HotText {
  readonly text: string;
  readonly origin: Origin | string;
}

const texts = new Map<string, HotText>();

/**
 * Reads a file of `hot/`, once. The published package has no such files: `scripts/bundle-package.js` replaces this
 * module by one that contains the texts as strings, which no bundler of its users changes.
 */
export function hotText(file: string): HotText {
  const known = texts.get(file);
  if (known !== undefined) return known;
  const url = new URL(`./hot/${file}`, import.meta.url);
  const source = readFileSync(url, 'utf8');
  const start = source.search(/^(export )?function /m);
  // The only function of the file, which ends at the next line that begins with a brace: `scripts/check-hot-code.js`.
  const text = source.slice(start, source.indexOf('\n}', start) + 2).replace(/^export /, '');
  const read = { text, origin: { url: url.href, line: source.slice(0, start).split('\n').length } };
  texts.set(file, read);
  return read;
}
