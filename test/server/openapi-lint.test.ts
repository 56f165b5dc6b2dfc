import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const manifest = createRequire(import.meta.url).resolve('@redocly/cli/package.json');
const LINTER = join(dirname(manifest), 'bin/cli.js');

interface Report {
  readonly totals: { readonly errors: number; readonly warnings: number };
  readonly problems: readonly { readonly ruleId: string; readonly message: string; readonly location: unknown }[];
}

for (const name of ['openapi.json', 'openapi.yaml']) {
  t.test(`${name} follows the recommended rules of the Redocly linter`, async (t) => {
    const printed = execFileSync(process.execPath, [LINTER, 'lint', `openapi/${name}`, '--format=json'], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const report: Report = JSON.parse(printed.slice(printed.indexOf('{')));
    t.same(
      report.problems.map(({ ruleId, message }) => `${ruleId}: ${message}`),
      [],
    );
    t.match(report.totals, { errors: 0, warnings: 0 });
  });
}
