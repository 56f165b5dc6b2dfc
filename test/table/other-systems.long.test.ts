/** Everything but the service as on systems without shared memory: see the fixture `other-system.ts`. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { fixturePath } from './child.js';

interface Report {
  readonly refused: readonly string[];
  readonly exists: string;
  readonly auto: string;
  readonly segments: readonly string[];
}

interface Run {
  readonly report: Record<string, unknown>;
  readonly code: number;
  readonly stderr: string;
}

async function run(t: Test, system: string): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-process-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const child = fork(fixturePath('process-backend'), [folder], {
    execArgv: ['--import', fixturePath('other-system')],
    env: { ...process.env, TEST_SYSTEM: system },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let report: Record<string, unknown> = {};
  let stderr = '';
  child.on('message', (message) => {
    report = message as Record<string, unknown>;
  });
  child.stderr?.on('data', (bytes) => {
    stderr += bytes;
  });
  const [code] = await once(child, 'close');
  return { report, code, stderr };
}

for (const system of ['darwin', 'win32']) {
  t.test(`on ${system} everything works in the memory of the process, and other backends are refused`, async (t) => {
    const { report, code, stderr } = await run(t, system);
    const { refused, exists, auto, segments, ...rest } = report as unknown as Report;
    t.match(
      stderr,
      /^shmtable: tables with backend process are private to process \d+,[^\n]*\n$/,
      'one line says so, and no file of Linux was used',
    );
    t.equal(code, 0, 'neither open handles nor watches keep it running');
    t.same(rest, {
      platform: system,
      change: 'insert',
      row: { n: 2, note: 'long '.repeat(500) },
      ttl: true,
      backends: ['process', ['a process', 'b process', 'c process', 'c.loads process']],
      problems: [[], []],
      loads: 1,
      values: 1,
      pools: [true, 100],
      missing: 'ERR_SEGMENT_NOT_FOUND',
      left: ['a.snapshot'],
      remaining: [],
    });
    t.match(segments, ['pools 1', /^shmtable-cache:default:c 1$/]);
    t.equal(auto, 'done');
    t.match(exists, /^ERR_TABLE_EXISTS /);
    for (const message of refused) {
      t.match(
        message,
        new RegExp(`^ERR_BACKEND_UNSUPPORTED the backend must be process or auto here, got .*${system}`),
      );
    }
  });
}
