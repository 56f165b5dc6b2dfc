/** A failed system call is an error of this package, and leaves nothing behind. */
import '../fixtures/in-own-shm.js';
import '../fixtures/under-refused-calls.js';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ERROR_CODES, ShmTableError } from '../../src/errors.js';
import { type BackendName, Table } from '../../src/index.js';
import { Segment } from '../../src/memory/index.js';
import { ServiceMemory } from '../../src/server/service-memory.js';
import { type Refusals, refusing } from '../fixtures/refused-calls.js';
import { scratchName } from './scratch-segment.js';

const directory = '/dev/shm';

const BACKENDS = ['posix', 'file', 'sysv', 'anonymous', 'devzero'] as const;
const columns = { n: 'int32' } as const;
const namespace = `test-${process.pid}`;

interface Place {
  readonly name: string;
  readonly namespace: string;
  readonly backend: BackendName;
  readonly path?: string;
}

function placeOf(backend: BackendName, name: string): Place {
  const place = { name, namespace, backend };
  return backend === 'file' ? { ...place, path: join(directory, `${name}.table`) } : place;
}

/** System V segments that this process created. */
function countOfSegments(): number {
  const lines = readFileSync('/proc/sysvipc/shm', 'latin1').trim().split('\n').slice(1);
  return lines.filter((line) => Number(line.trim().split(/\s+/)[4]) === process.pid).length;
}

/** Every trace of a segment that this process could leave. */
function traces(): unknown {
  const anonymous = Segment.list().filter(({ name, backend }) => backend === 'anonymous' && name.includes(namespace));
  return { files: readdirSync(directory), systemV: countOfSegments(), anonymous };
}

/** Returns the result of an attempt, or its error, which must be a ShmTableError. */
function outcome(t: Test, what: string, run: () => unknown): ShmTableError['code'] | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof ShmTableError && ERROR_CODES.includes(error.code)) return error.code;
    t.fail(`${what}: not a ShmTableError`, { error });
    return undefined;
  }
}

/** System calls of a creation that are made to fail, by backend. */
const CALLS: Readonly<Record<string, readonly BackendName[]>> = {
  lock: BACKENDS,
  fallocate: ['posix', 'file', 'anonymous'],
  link: ['posix', 'file', 'sysv'],
  chmod: ['posix', 'file', 'anonymous', 'devzero'],
  write: ['file', 'sysv'],
  mmap: ['posix', 'file', 'anonymous', 'devzero'],
  memfd: ['anonymous', 'devzero'],
  shmget: ['sysv'],
};

for (const [call, backends] of Object.entries(CALLS)) {
  t.test(`a creation whose ${call} fails leaves nothing behind`, async (t) => {
    const before = traces();
    for (const backend of backends) {
      for (const refusals of [{ [call]: 'EIO' }, { [call]: 'EIO', tmpfile: 'ENOTSUP' }] as Refusals[]) {
        const place = placeOf(backend, scratchName());
        const create = () => refusing(refusals, () => Table.create({ ...place, capacity: 10, columns }));
        t.ok(outcome(t, `${backend}, ${call}`, create), `${backend}: refused`);
        t.ok(
          outcome(t, `${backend}, ${call}`, () =>
            refusing(refusals, () => Table.openOrCreate({ ...place, capacity: 10, columns })),
          ),
        );
        t.same(traces(), before, `${backend}: nothing is left behind`);
        const table = Table.create({ ...place, capacity: 10, columns });
        table.destroy();
      }
    }
    t.same(traces(), before);
  });
}

t.test('every errno becomes an error code', async (t) => {
  const place = placeOf('posix', scratchName());
  const table = Table.create({ ...place, capacity: 10, columns });
  const snapshot = join(t.testdir(), 'snapshot');
  await table.snapshot(snapshot);
  const expected: Readonly<Record<string, string>> = {
    EACCES: 'ERR_PERMISSION',
    EPERM: 'ERR_PERMISSION',
    EROFS: 'ERR_PERMISSION',
    EMFILE: 'ERR_SEGMENT_NO_SPACE',
    ENFILE: 'ERR_SEGMENT_NO_SPACE',
    ENOSPC: 'ERR_SEGMENT_NO_SPACE',
    EDQUOT: 'ERR_SEGMENT_NO_SPACE',
    ENOMEM: 'ERR_SEGMENT_NO_SPACE',
    EFBIG: 'ERR_SEGMENT_TOO_LARGE',
    EIO: 'ERR_BACKEND_UNSUPPORTED',
    EINVAL: 'ERR_BACKEND_UNSUPPORTED',
    ENOSYS: 'ERR_BACKEND_UNSUPPORTED',
  };
  const { errno } = constants;
  for (const name of Object.keys(errno).filter((name) => name !== 'EINTR')) {
    const open = outcome(t, `open, ${name}`, () =>
      refusing({ open: `${name}@${place.name}` }, () => Table.open(place.name, place)),
    );
    t.ok(open, name);
    if (expected[name] !== undefined) t.equal(open, expected[name], name);
    const create = () => Table.create({ ...place, name: `${place.name}-b`, capacity: 10, columns });
    t.ok(
      outcome(t, `reserve, ${name}`, () =>
        refusing({ fallocate: name, tmpfile: name, open: `${name}@temporary` }, create),
      ),
    );
  }
  for (const name of ['EMFILE', 'EACCES', 'EIO', 'ENOSPC', 'EDQUOT', 'ENOENT', 'EISDIR']) {
    const code = expected[name] ?? 'ERR_SEGMENT_NOT_FOUND';
    process.env.REFUSED_CALLS = `open=${(errno as Record<string, number>)[name]}@snapshot`;
    await t.rejects(table.snapshot(snapshot), { name: 'ShmTableError', code }, name);
    await t.rejects(Table.restore(snapshot, { name: 'restored', namespace }), { name: 'ShmTableError', code }, name);
    delete process.env.REFUSED_CALLS;
  }
  table.destroy();
});

t.test('creation fails cleanly without enough file descriptors', async (t) => {
  const before = traces();
  for (const backend of BACKENDS) {
    const place = placeOf(backend, scratchName());
    const attempts: Record<string, () => unknown> = {
      create: () => Table.create({ ...place, capacity: 10, columns }).destroy(),
      openOrCreate: () => Table.openOrCreate({ ...place, capacity: 10, columns }).destroy(),
    };
    for (const [what, attempt] of Object.entries(attempts)) {
      const fewest = withFewDescriptors((left) => outcome(t, `${backend}, ${what}, ${left} descriptors`, attempt), t);
      t.ok(fewest > 0, `${backend}: ${what} takes ${fewest} descriptors`);
      t.same(traces(), before, `${backend}: nothing is left behind with fewer`);
    }
    if (backend === 'devzero') continue;
    const table = Table.create({ ...place, capacity: 10, columns });
    table.set('a', { n: 1 });
    const open = () => Table.open(place.name, place).close();
    t.ok(withFewDescriptors((left) => outcome(t, `${backend}, open, ${left} descriptors`, open), t) > 0);
    withFewDescriptors((left) => outcome(t, `${backend}, list, ${left}`, () => Table.list({ namespace })), t);
    t.equal(table.get('a', 'n'), 1);
    const { name, ...where } = place;
    const destroy = () => Table.destroy(name, where);
    t.ok(withFewDescriptors((left) => outcome(t, `${backend}, destroy, ${left} descriptors`, destroy), t) > 0);
    table.close();
  }
  withFewDescriptors((left) => outcome(t, `service, ${left}`, () => ServiceMemory.create(namespace, 1).remove()), t);
  t.same(traces(), before);
});

/**
 * Tries with no free descriptor, with one, and so on; each attempt must fail for lack of them until one succeeds.
 * Returns how many it takes.
 */
function withFewDescriptors(attempt: (left: number) => ShmTableError['code'] | undefined, t: Test): number {
  for (let left = 0; left < 40; left++) {
    const taken: number[] = [];
    try {
      for (;;) taken.push(openSync('/dev/null', 'r'));
    } catch {
      // As many as this process may open.
    }
    for (const descriptor of taken.splice(0, left)) closeSync(descriptor);
    const failure = attempt(left);
    for (const descriptor of taken) closeSync(descriptor);
    if (failure === undefined) return left;
    if (failure !== 'ERR_SEGMENT_NO_SPACE') t.fail(`${failure} with ${left} descriptors`);
  }
  t.fail('it never succeeded');
  return 0;
}

t.test('a table can be created if the memory limits cannot be read, but not without the boot id', async (t) => {
  for (const part of ['meminfo', 'cgroup']) {
    for (const backend of BACKENDS) {
      const place = placeOf(backend, scratchName());
      refusing({ open: `EACCES@/proc/${part === 'cgroup' ? 'self/cgroup' : part}` }, () =>
        Table.create({ ...place, capacity: 10, columns }).destroy(),
      );
    }
  }
  const boot = { open: 'ENOENT@/proc/sys/kernel' };
  const place = placeOf('posix', scratchName());
  t.throws(() => refusing(boot, () => Table.create({ ...place, capacity: 10, columns })), {
    code: 'ERR_BACKEND_UNSUPPORTED',
    message: /boot_id/,
  });
});
