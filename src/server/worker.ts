/** One worker of the service, started by the primary. It ends with the primary, or on its request. */
import { pause } from '../memory/index.js';
import { accessTokens, buildApp } from './app.js';
import { ConnectionDrain } from './connection-drain.js';
import { InheritedListeners } from './inherited-listeners.js';
import { ServiceMemory } from './service-memory.js';
import { checkSettings } from './settings/check-settings.js';
import { withDefaults } from './settings/settings-schema.js';
import { isPrimaryMessage, type PrimaryMessage, type WorkerMessage, type WorkerTask } from './worker-messages.js';

/** Long enough to accept connections that arrived before the shutdown, which no other worker would accept. */
const LAST_ARRIVALS_MS = 100;

/** Resolves with the first message of the primary: what to serve. */
function task(): Promise<WorkerTask> {
  return new Promise((resolve) => {
    process.on('message', (message) => {
      if (isPrimaryMessage(message) && message.type === 'serve') resolve(message);
    });
  });
}

async function serve(): Promise<void> {
  // Before anything is awaited, because the primary may tell it to stop immediately.
  let stop = (_idleMs: number): void => process.exit(0);
  process.on('message', (message) => {
    if (isPrimaryMessage(message) && message.type === 'stop') stop(message.idleMs);
  });
  process.on('SIGTERM', () => stop(0));
  let told: Extract<PrimaryMessage, { type: 'tokens' }> | undefined;
  let acceptTold = (): void => undefined;
  process.on('message', (message) => {
    if (!isPrimaryMessage(message) || message.type !== 'tokens') return;
    told = message;
    acceptTold();
  });
  const { settings: given, listeners: count, memory: memoryName } = await task();
  const settings = withDefaults(checkSettings('settings from the primary', given));
  const tokens = accessTokens(settings);
  acceptTold = () => {
    if (told === undefined) return;
    tokens?.replace(checkSettings('tokens from the primary', { tokens: told.tokens }).tokens ?? []);
    tellPrimary({ type: 'tokens replaced', round: told.round });
  };
  acceptTold();
  const drain = new ConnectionDrain();
  const memory = ServiceMemory.open(memoryName);
  const app = await buildApp(settings, { drain, memory, tokens });
  await app.ready();
  const listeners = new InheritedListeners(app.server, count);
  const finish = async (): Promise<void> => {
    drain.announce();
    await pause(LAST_ARRIVALS_MS);
    const closed = app.close();
    listeners.close();
    await closed;
    process.exit(0);
  };
  stop = (idleMs) => {
    drain.endIdleAfter(idleMs);
    if (!drain.begun) void finish();
  };
  await listeners.listen();
  tellPrimary({ type: 'ready' });
}

function tellPrimary(message: WorkerMessage, sent?: () => void): void {
  process.send?.(message, undefined, {}, sent);
}

// A terminal sends these to every process of its group; the primary handles them.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
// Without the primary nothing would replace this worker, and a new service needs its address.
process.on('disconnect', () => process.exit(1));

serve().catch((error: unknown) => {
  const reason = error instanceof Error ? error.message : String(error);
  tellPrimary({ type: 'failed', reason }, () => process.exit(1));
});
