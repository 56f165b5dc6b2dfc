/** A log that all workers write to and any process can follow. The newest events are kept; the oldest are dropped. */
import cluster from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { RingBuffer, Segment } from 'shmtable/pools';

const NAME = `event-log-${cluster.isPrimary ? process.pid : process.ppid}`;
const LOG_BYTES = 256 * 1024; // some 3,500 of these events

const segment = cluster.isPrimary
  ? Segment.create({ name: NAME, size: RingBuffer.bytesFor(LOG_BYTES) })
  : Segment.open({ name: NAME });
const ring = cluster.isPrimary ? RingBuffer.create(segment, { bytes: LOG_BYTES }) : RingBuffer.open(segment);
const memory = Buffer.from(segment.buffer);

/** Allocates space for an event, which becomes visible with `commit`. */
function allocate(bytes: number): number {
  for (;;) {
    const offset = ring.alloc(bytes);
    if (offset !== 0) return offset;
    const oldest = ring.read();
    try {
      if (oldest) ring.free(oldest.offset);
    } catch {
      // Another worker has freed it.
    }
  }
}

function log(event: object): void {
  const text = JSON.stringify(event);
  const offset = allocate(Buffer.byteLength(text));
  memory.write(text, offset);
  ring.commit(offset);
}

/** The next event, copied; the copy is intact if the record still exists afterwards. */
function next(after: number): { sequence: number; text: string } | undefined {
  for (;;) {
    const record = ring.read(after);
    if (!record) return undefined;
    const text = memory.toString('utf8', record.offset, record.offset + record.bytes);
    if (ring.read(after)?.sequence === record.sequence) return { sequence: record.sequence, text };
  }
}

if (cluster.isPrimary) {
  let running = 3;
  for (let i = 0; i < running; i++) cluster.fork().on('exit', () => running--);
  const seen = [0, 0, 0];
  for (let after = 0; running > 0 || ring.read(after); ) {
    const event = next(after);
    if (!event) {
      await sleep(5);
      continue;
    }
    after = event.sequence;
    seen[JSON.parse(event.text).worker - 1]++;
  }
  console.log(seen); // [ 1000, 1000, 1000 ]
  ring.destroy();
  segment.unlink();
} else {
  const worker = cluster.worker?.id ?? 0;
  for (let number = 1; number <= 1_000; number++) log({ worker, number, at: Date.now() });
  if (worker === 3) {
    allocate(100); // dies while it writes an event: no process waits for it
    process.kill(process.pid, 'SIGKILL');
  }
  process.exit();
}
