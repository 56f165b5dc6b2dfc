import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { scratchName } from './scratch-segment.js';

const LIMIT_BYTES = 512 << 20;

/** A control group, like that of a container, with a memory limit; undefined where none can be created. */
function limitedGroup(t: Test): string | undefined {
  const [root, limit] = existsSync('/sys/fs/cgroup/memory')
    ? ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes']
    : ['/sys/fs/cgroup', 'memory.max'];
  const group = join(root, `shmtable-test-${process.pid}`);
  try {
    mkdirSync(group);
    t.teardown(() => rmdirSync(group));
    writeFileSync(join(group, limit), String(LIMIT_BYTES));
  } catch {
    return undefined;
  }
  return group;
}

t.test("a segment larger than the control group's memory is refused before the kernel kills a process", async (t) => {
  const group = limitedGroup(t);
  if (group === undefined) {
    t.pass('NO CONTROL GROUP CAN BE CREATED HERE: run as root to test its limit', { skip: true });
    return;
  }
  const index = fileURLToPath(new URL('../../src/memory/index.js', import.meta.url));
  const program = `import { Segment } from ${JSON.stringify(index)};
    for (const backend of ['posix', 'anonymous', 'sysv', 'devzero']) {
      const name = '${scratchName()}';
      const attempt = (size) => {
        try {
          const segment = Segment.create({ backend, name, size });
          new Uint8Array(segment.buffer).fill(1);
          segment.unlink();
          segment.close();
          return size + ' bytes';
        } catch (error) { return error.code + ' ' + error.message; }
      };
      console.log(backend, attempt(${LIMIT_BYTES}));
      console.log(backend, attempt(1 << 20));
    }`;
  const run = spawnSync(
    'sh',
    ['-c', 'echo $$ > "$0/cgroup.procs" && exec "$1" --input-type=module -e "$2"', group, process.execPath, program],
    { encoding: 'utf8' },
  );
  t.equal(run.status, 0, run.stderr);
  for (const backend of ['posix', 'anonymous', 'sysv', 'devzero']) {
    const refusal = `${backend} ERR_SEGMENT_NO_SPACE .* of ${LIMIT_BYTES} bytes .* memory control group has \\d+ free: `;
    t.match(run.stdout, new RegExp(refusal), backend);
    t.match(run.stdout, `${backend} ${1 << 20} bytes`);
  }
});
