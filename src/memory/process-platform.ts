import { randomUUID } from 'node:crypto';
import { constants } from 'node:os';
import type { Platform, ProcessEndSleeper } from './platform.js';
import { processClocks } from './process-clocks.js';
import { ProcessWatch, waitInVain, wakeWatches } from './process-waits.js';

/** No other process has any of this memory, so there is no end to wait for. */
class NoProcessEnds implements ProcessEndSleeper {
  start(): number {
    return 0;
  }

  add(): number {
    return -constants.errno.ENOSYS;
  }

  remove(): number {
    return 0;
  }

  stop(): void {}
}

/**
 * The platform without the addon: memory belongs to one thread of one process. It uses nothing that a system may lack,
 * neither /proc nor signals.
 */
export function processPlatform(): Platform {
  const boot = randomUUID();
  // Not one of those that optimised code calls without the engine's frame, like `performance.now`: after these the engine
  // does not check for a termination.
  const { cpuUsage } = process;
  return {
    ...processClocks(),
    isShared: false,
    callNative: () => void cpuUsage(),
    WordWatch: ProcessWatch,
    ProcessEnds: NoProcessEnds,
    futexWait: waitInVain,
    futexWake: wakeWatches,
    bootId: () => boot,
    pidNamespace: () => 0,
  };
}
