/** The package as created by `npm pack`, and programs that use it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

export const manifest: {
  exports: Record<string, string | Record<'types' | 'import' | 'default', string>>;
  bin: Record<string, string>;
} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/**
 * The first program of the README that imports shmtable; its table is renamed so that no table of the user is touched.
 */
const tableName = `readme-${process.pid}`;
const readmeProgram = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```[jt]s\n(.*?)```/gs)]
  .map((match) => String(match[1]))
  .find((program) => program.includes("from 'shmtable'"));
export const example = `${readmeProgram?.replace(/name: '[\w-]+'/, `name: '${tableName}'`)}\nTable.destroy('${tableName}');\n`;
const asModule = `${example}\nconsole.log('ran to its end');\n`;
const asScript = asModule.replaceAll(/import \{([^}]*)\} from '([^']*)'/g, "const {$1} = require('$2')");

export class PackedPackage {
  /** Outside the repository, so that no module is found in its node_modules. */
  readonly folder = mkdtempSync(join(tmpdir(), 'shmtable-pack-'));
  readonly archive: string;
  /** Paths of the files in the package. */
  readonly paths: readonly string[];

  constructor(t: Test) {
    t.teardown(() => rmSync(this.folder, { recursive: true, force: true }));
    // No lifecycle script may touch the build, because other tests are using it.
    const packed = this.run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', this.folder], root);
    const [{ filename, files }]: [{ filename: string; files: { path: string }[] }] = JSON.parse(packed);
    this.archive = join(this.folder, filename);
    this.paths = files.map(({ path }) => path);
    this.write('package.json', '{ "private": true }\n');
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }

  run(command: string, args: readonly string[], cwd = this.folder): string {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** The error, with what the program printed; undefined when it exited with code 0. */
  problemOf(command: string, args: readonly string[]): string | undefined {
    try {
      this.run(command, args);
      return undefined;
    } catch (error) {
      return error instanceof Error && 'stdout' in error ? `${error.message}\n${error.stdout}` : String(error);
    }
  }

  /** The example of the README works with import and require. */
  testExample(t: Test, node: string): void {
    const version = this.run(node, ['--version']).trim();
    t.match(example, "from 'shmtable'", 'the README has an example');
    this.write('example.mjs', asModule);
    this.write('example.cjs', asScript);
    for (const file of ['example.mjs', 'example.cjs']) {
      t.match(this.run(node, [file]), 'ran to its end', `${file} on ${version}`);
    }
  }

  /** Every entry point can be imported and required, which gives the same objects under their own names. */
  testEntries(t: Test, node: string): void {
    const version = this.run(node, ['--version']).trim();
    const names = Object.keys(manifest.exports).map((path) => path.replace(/^\./, 'shmtable'));
    const modules = names.filter((name) => !name.endsWith('.json'));
    this.write('entries.mjs', modules.map((name) => `import '${name}';\n`).join(''));
    this.write('entries.cjs', names.map((name) => `require('${name}');\n`).join(''));
    this.write(
      'same.mjs',
      `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
for (const name of ${JSON.stringify(modules)}) {
  const required = require(name);
  for (const [key, value] of Object.entries(await import(name))) {
    if (value !== required[key]) throw new Error(name + ' exports another ' + key);
    if (typeof value === 'function' && key !== 'default' && value.name !== key) throw new Error(key + ' is named ' + value.name);
  }
}
`,
    );
    for (const file of ['entries.mjs', 'entries.cjs', 'same.mjs']) {
      t.equal(this.problemOf(node, [file]), undefined, `${file} on ${version}`);
    }
  }
}
