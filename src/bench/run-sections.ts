/** Runs sections one after the other, each in a separate process. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ShmTableError } from '../errors.js';
import type { Figure } from './figure.js';
import type { Effort, Section, SectionResult } from './section.js';
import type { SectionOrder } from './section-process.js';

const SECTION_PROCESS = fileURLToPath(new URL('./section-process.js', import.meta.url));

export interface SuiteResult {
  readonly figures: readonly (Figure & { readonly section: string })[];
  readonly leftOut: readonly string[];
}

/**
 * The sections whose names begin with one of the listed prefixes, separated by commas; all for `undefined`.
 * ERR_ARGUMENT.
 */
export function selectSections<S extends Section>(sections: readonly S[], only: string | undefined): S[] {
  if (only === undefined) return [...sections];
  const wanted = only.split(',');
  const unknown = wanted.find((name) => name === '' || !sections.some((section) => section.name.startsWith(name)));
  if (unknown !== undefined) {
    const names = sections.map(({ name }) => name).join(', ');
    throw new ShmTableError('ERR_ARGUMENT', `--only takes sections of the benchmark (${names}), got '${unknown}'`);
  }
  return sections.filter(({ name }) => wanted.some((part) => name.startsWith(part)));
}

/** Runs sections, and calls `begin` before each. A section that fails is left out and reported. */
export async function runSections(
  sections: readonly Section[],
  effort: Effort,
  begin: (section: Section) => void = () => undefined,
): Promise<SuiteResult> {
  const figures: (Figure & { section: string })[] = [];
  const leftOut: string[] = [];
  for (const section of sections) {
    begin(section);
    const result = await runSection({ section, effort });
    if (result === undefined) leftOut.push(`${section.name}: failed, see above`);
    figures.push(...(result?.figures ?? []).map((figure) => ({ section: section.name, ...figure })));
    leftOut.push(...(result?.leftOut ?? []).map((line) => `${section.name}: ${line}`));
  }
  return { figures, leftOut };
}

function runSection(order: SectionOrder): Promise<SectionResult | undefined> {
  const child = fork(SECTION_PROCESS, { execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return new Promise((resolve, reject) => {
    let result: SectionResult | undefined;
    child.once('message', (message: SectionResult) => {
      result = message;
    });
    child.once('error', reject);
    child.once('close', () => resolve(result));
    child.send(order);
  });
}
