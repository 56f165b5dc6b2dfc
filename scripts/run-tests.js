/**
 * Runs the compiled tests: each test/**\/*.test.ts in a plain `node` process, a few at a time, and parses their TAP.
 * tap's own command would preload a module loader into every descendant of a test: 100 ms of processor time and another
 * thread for each of the hundreds of processes that these tests start and kill.
 *
 *   node scripts/run-tests.js [--long] [--node PATH ...] [--backend NAME ...] [--jobs N] [--except PART ...]
 *                             [--spread [--everywhere PART ...] [--seed N]] [--time-limit SECONDS] [PART ...]
 *
 * PART is a part of a file's name, or the path of another compiled file; without any, all files but
 * test/**\/*.long.test.ts run, and with `--long` only those. `--backend` runs the tests of tables over that backend
 * instead of posix, and over each if there are several (`test/fixtures/placed-table.ts`). `--spread`: each file runs on
 * only one of the given Nodes, or over only one of the given backends, chosen by the seed (SHMTABLE_SEED, or a new one
 * each time; it is printed); files with an `--everywhere` PART in their names run on all. A file that has not ended
 * within the time limit (240 s) is killed with every process it started: the subtest, the state and the stack of each
 * of these processes are printed, and the segments that they left are removed. The same happens to running files on
 * SIGINT or SIGTERM. A file fails, too, if it or one that ran beside it has left a segment. Prints failures, then `N
 * skipped` if any test was skipped, and on the last line `N passed, N failed`, where N counts assertions. Exits with 1
 * if anything failed. With SHMTABLE_FORBID_SKIPS=1 a skip is a failure.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Parser } from 'tap-parser';
import { describeAndKill, processesOf, removeSegments, segmentFiles, segmentsOfEndedTests } from './stuck-processes.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    long: { type: 'boolean', default: false },
    node: { type: 'string', multiple: true, default: [process.execPath] },
    backend: { type: 'string', multiple: true, default: ['posix'] },
    except: { type: 'string', multiple: true, default: [] },
    spread: { type: 'boolean', default: false },
    everywhere: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string', default: process.env.SHMTABLE_SEED ?? String(Date.now() % 1_000_000) },
    'time-limit': { type: 'string', default: '240' },
    // One more than there are processors: many tests wait for processes and timers.
    jobs: { type: 'string', default: String(Math.min(availableParallelism() + 1, 4)) },
  },
});
/** A test file that takes longer is considered stuck. */
const timeLimitMs = Number(values['time-limit']) * 1000;
const forbidSkips = process.env.SHMTABLE_FORBID_SKIPS === '1';

// Listed by source, so that compiled files of deleted tests do not run.
const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => join('dist', 'test', name.replace(/\.ts$/, '.js')))
  .filter((file) =>
    positionals.length === 0
      ? file.endsWith('.long.test.js') === values.long
      : positionals.some((part) => file.includes(part)),
  )
  .filter((file) => !values.except.some((part) => file.includes(part)))
  .concat(positionals.filter((part) => part.endsWith('.js') && !part.endsWith('.test.js')))
  .sort();

/**
 * User and system seconds of all children that this process has waited for, including those that they waited for:
 * fields 16 and 17 of proc_pid_stat(5), in ticks of 10 ms. The growth from one child's end to the next is the cost of
 * that child.
 */
function childrenCpuSeconds() {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

let cpuSecondsBefore = 0;

/** The signal that ended the run, and functions that end the running files. */
let endedBy;
const endings = new Set();
for (const signal of ['SIGINT', 'SIGTERM']) {
  // Only once: the second signal kills this process.
  process.once(signal, async () => {
    endedBy = signal;
    for (const end of endings) await end(`on ${signal}`);
  });
}

/** Runs one file on one Node over one backend and resolves to its result. */
function runFile(node, backend, file) {
  const result = { file, passed: 0, failed: 0, skipped: [], ms: 0, cpuSeconds: 0, output: '' };
  const started = performance.now();
  const segmentsBefore = segmentFiles();
  // Detached: a separate process group, which can be killed as a whole.
  const child = spawn(node, ['--enable-source-maps', file], {
    cwd: root,
    detached: true,
    env: { ...process.env, TAP_TIMEOUT: values['time-limit'], TEST_BACKEND: backend },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killGroup = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The whole group has ended.
    }
  };
  let left;
  const end = (when) => {
    left ??= endStuck(when);
    return left;
  };
  endings.add(end);
  const timer = setTimeout(end, timeLimitMs, `after ${timeLimitMs} ms`);
  // The processes are examined while they are stuck, and their segments after they have ended.
  const endStuck = async (when) => {
    const phase = subtests.length === 0 ? 'outside of any subtest' : `in "${subtests.join('" > "')}"`;
    const pids = processesOf(child.pid);
    const stacks = await describeAndKill(pids);
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    killGroup();
    await ended;
    const removed = await removeSegments(pids, segmentsBefore);
    result.output += `\nkilled ${when} ${phase}\n${stacks}\n`;
    for (const path of removed) result.output += `removed ${path}\n`;
  };

  const parser = new Parser();
  /** Names of the subtests that have begun and not ended, outermost first. */
  const subtests = [];
  const watch = (level) => {
    level.on('child', (subtest) => {
      subtests.push(subtest.name);
      subtest.on('complete', () => subtests.splice(subtests.lastIndexOf(subtest.name), 1));
      watch(subtest);
    });
    level.on('assert', (assertion) => {
      // The last point of a subtest repeats its assertions; it counts only if it alone failed.
      if (assertion.closingTestPoint && (assertion.ok || result.failed > 0)) return;
      if (assertion.skip || assertion.todo) result.skipped.push(`${assertion.fullname}: ${assertion.skip || 'to do'}`);
      else if (assertion.ok) result.passed++;
      else result.failed++;
    });
  };
  watch(parser);

  return new Promise((resolve) => {
    const parsed = new Promise((done) => parser.on('complete', done));
    child.stdout.on('data', (bytes) => {
      result.output += bytes;
      parser.write(bytes);
    });
    child.stderr.on('data', (bytes) => {
      result.output += bytes;
    });
    // A descendant that outlives its test would keep the pipes open forever.
    child.on('exit', () => {
      const cpuSeconds = childrenCpuSeconds();
      result.cpuSeconds = cpuSeconds - cpuSecondsBefore;
      cpuSecondsBefore = cpuSeconds;
      killGroup();
    });
    child.on('error', (error) => {
      result.output += String(error);
    });
    child.on('close', async (code, signal) => {
      clearTimeout(timer);
      endings.delete(end);
      await left;
      parser.end();
      const tap = await parsed;
      if ((code !== 0 || !tap.ok) && result.failed === 0) {
        result.failed++;
        result.output += `\nexit code ${code}, signal ${signal}\n`;
      }
      const orphans = segmentsOfEndedTests(segmentsBefore);
      if (orphans.length > 0) {
        result.failed++;
        result.output += `\nleft behind: ${orphans.join(', ')}\n`;
      }
      result.ms = performance.now() - started;
      resolve(result);
    });
  });
}

function report(result) {
  const seconds = (result.ms / 1000).toFixed(1);
  const mark = result.failed > 0 ? 'FAIL' : 'ok  ';
  console.log(`${mark} ${result.file} ${result.passed} passed, ${seconds} s, CPU ${result.cpuSeconds.toFixed(1)} s`);
  for (const name of result.skipped) console.log(`     SKIPPED ${name}`);
  if (result.failed === 0) return;
  const telling = result.output.split('\n').filter((line) => !/^\s*ok \d/.test(line));
  console.log(telling.map((line) => `     ${line}`).join('\n'));
}

const totals = { passed: 0, failed: 0, skipped: 0 };

async function runQueue(node, backend, queue) {
  for (const file of queue) {
    if (endedBy !== undefined) return;
    const result = await runFile(node, backend, file);
    if (forbidSkips) result.failed += result.skipped.length;
    report(result);
    totals.passed += result.passed;
    totals.failed += result.failed;
    totals.skipped += result.skipped.length;
  }
}

const places = values.node.flatMap((node) => values.backend.map((backend) => ({ node, backend })));
const isSpread = (file) => values.spread && !values.everywhere.some((part) => file.includes(part));
if (values.spread) console.log(`seed ${values.seed}`);
for (const [place, { node, backend }] of places.entries()) {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  console.log(`Node ${version}${backend === 'posix' ? '' : `, backend ${backend}`}`);
  const chosen = files.filter((file, i) => !isSpread(file) || (i + Number(values.seed)) % places.length === place);
  const queue = chosen.values();
  await Promise.all(Array.from({ length: Number(values.jobs) }, () => runQueue(node, backend, queue)));
}
if (totals.skipped > 0) console.log(`${totals.skipped} skipped`);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed > 0 || totals.passed === 0 || endedBy !== undefined ? 1 : 0;
