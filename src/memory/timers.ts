import * as nodeTimers from 'node:timers';

/**
 * Node's timers when this file is loaded. If a test framework has replaced them before that, sweeping and operations
 * that yield to other work wait for the framework. The results of table operations do not depend on timers.
 */
export const timers = {
  setTimeout: nodeTimers.setTimeout,
  clearTimeout: nodeTimers.clearTimeout,
  setInterval: nodeTimers.setInterval,
  clearInterval: nodeTimers.clearInterval,
  setImmediate: nodeTimers.setImmediate,
} as const;
