/**
 * The thread that runs the feed of a host, or waits to: one thread is the feed, and one in another process stands by, so
 * that it takes milliseconds to replace a killed feed and not the start of a thread. It is not on anybody's event loop: one
 * that is busy for a second would end all trust. The kernel releases its locks however it ends.
 */
import { workerData } from 'node:worker_threads';
import { pause } from '../memory/index.js';
import { ClusterNodes } from './cluster-nodes.js';
import { Feed, type FeedIdentity } from './feed.js';
import { FEED_BYTE, STANDBY_BYTE } from './feed-layout.js';
import { FeedMemory, feedName } from './feed-memory.js';
import { loadRedis } from './redis-client.js';

const LOOK_MS = 20;

void run(workerData);

async function run(identity: FeedIdentity): Promise<void> {
  const memory = FeedMemory.openIfThere(feedName(identity.namespace, identity.cluster));
  if (memory === undefined) return;
  const locks = memory.openByteLocks();
  if (locks.tryLock(STANDBY_BYTE)) {
    const module = await loadRedis();
    // To be connected saves most of the time that the servers are not followed.
    const connecting = ClusterNodes.connect(identity.connection).catch(() => undefined);
    while (!memory.isDestroyed && !locks.tryLock(FEED_BYTE)) await pause(LOOK_MS);
    if (memory.isDestroyed) {
      (await connecting)?.close();
    } else {
      memory.voidAll();
      locks.unlock(STANDBY_BYTE);
      await Feed.run(identity, memory, module, await connecting);
    }
  }
  locks.close();
  memory.close();
}
