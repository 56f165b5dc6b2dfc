/** Workers pass frames to the primary without copying: they fill a slice of shared memory and send only its offset. */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { FixedPool, Segment } from 'shmtable/pools';

const NAME = `frames-${cluster.isPrimary ? process.pid : process.ppid}`;
const FRAME_BYTES = 640 * 480;
const FRAMES = 8; // how many can be in transit at once
const FRAMES_OF_EACH = 100;
const WORKERS = 3;

const segment = cluster.isPrimary
  ? Segment.create({ name: NAME, size: FixedPool.bytesFor(FRAMES, FRAME_BYTES) })
  : Segment.open({ name: NAME });
const pool = cluster.isPrimary
  ? FixedPool.create(segment, { slices: FRAMES, sliceBytes: FRAME_BYTES })
  : FixedPool.open(segment);
const memory = Buffer.from(segment.buffer);

async function receiveFrames(): Promise<void> {
  let [frames, torn] = [0, 0];
  const ended = Array.from({ length: WORKERS }, async () => {
    const worker = cluster.fork();
    const { pid = 0 } = worker.process;
    worker.on('message', ({ offset, shade }: { offset: number; shade: number }) => {
      const frame = memory.subarray(offset, offset + FRAME_BYTES);
      if (frame[0] !== shade || frame[FRAME_BYTES - 1] !== shade) torn++;
      frames++;
      pool.free(offset);
    });
    // The worker is dead, and all of its messages have arrived.
    await Promise.all([once(worker, 'exit'), once(worker, 'disconnect')]);
    pool.settle(pid); // frees the slices that it had allocated
  });
  await Promise.all(ended);
  console.log(`${frames} frames, ${torn} torn, ${pool.stats().used} slices lost`);
  pool.destroy();
  segment.unlink();
}

/** Sends one frame; while all slices are in use, waits for one. */
function sendFrame(shade: number, sent: () => void): void {
  const offset = pool.alloc();
  if (offset === 0) {
    setTimeout(sendFrame, 1, shade, sent);
    return;
  }
  memory.fill(shade, offset, offset + FRAME_BYTES);
  pool.link(offset); // from here on it belongs to the receiver of the message
  process.send?.({ offset, shade }, sent);
}

function sendFrames(left: number): void {
  if (left > 0) {
    sendFrame((left + process.pid) % 256, () => sendFrames(left - 1));
    return;
  }
  pool.alloc(); // dies with an allocated slice, which the primary frees
  process.kill(process.pid, 'SIGKILL');
}

if (cluster.isPrimary) await receiveFrames();
else sendFrames(FRAMES_OF_EACH);
