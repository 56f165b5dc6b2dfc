/** The examples of a document, as one program. */

/** A block of TypeScript and the heading above it. */
interface Example {
  readonly heading: string;
  readonly code: string;
}

function examplesOf(markdown: string): Example[] {
  const examples: Example[] = [];
  let heading = '';
  for (const [, title, code] of markdown.matchAll(/^#+ ([^\n]*)$|^```ts\n(.*?)^```$/gms)) {
    if (title !== undefined) heading = title;
    else examples.push({ heading, code });
  }
  return examples;
}

/** What is printed according to the comments beside `console.log`, line by line. */
function promisedBy(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\);? \/\/ (.*)$/gm)].map(([, output]) => output);
}

export interface DocumentProgram {
  /** A program that prints the heading of each example before the example's output. */
  readonly code: string;
  /** Everything that the program should print. */
  readonly output: string;
}

/**
 * The first example creates the table that the others use; it is cleared before each of them. Each example has a
 * separate scope, but the imports are those of the program.
 */
export function programOf(markdown: string): DocumentProgram {
  const [scene, ...examples] = examplesOf(markdown);
  const table = /const (\w+) = (?:Table\.openOrCreate|Cache\.open<\w+>)\(/.exec(scene.code)?.[1];
  if (table === undefined) throw new Error('the first example does not create a table');
  const imports = new Set<string>();
  const withoutImports = (code: string): string =>
    code.replace(/^import .*\n+/gm, (line) => {
      for (const statement of separateImports(line.trim())) imports.add(statement);
      return '';
    });
  const blocks = [scene, ...examples].map(({ heading, code }) => ({ heading, code: withoutImports(code) }));
  const [first, ...rest] = blocks.map(({ heading, code }, i) =>
    i === 0 ? code : `${table}.clear();\nconsole.log(${JSON.stringify(`# ${heading}`)});\n{\n${code}}\n`,
  );
  const output = examples.flatMap(({ heading, code }) => [`# ${heading}`, ...promisedBy(code)]);
  return { code: [...imports, first, ...rest].join('\n'), output: `${output.join('\n')}\n` };
}

/** Imports each name separately, because several examples of one program may import the same name. */
function separateImports(statement: string): string[] {
  const named = /^import \{(.*)\} (from .*)$/.exec(statement);
  if (named === null) return [statement];
  return named[1].split(',').map((name) => `import { ${name.trim()} } ${named[2]}`);
}
