/** One worker of the service, started by the primary. It ends with the primary, or on its request. */
import { accessTokens } from './app.js';
import { inheritedSockets } from './listeners.js';
import { Serving } from './serving.js';
import { checkSettings } from './settings/check-settings.js';
import { withDefaults } from './settings/settings-schema.js';
import { isPrimaryMessage, type PrimaryMessage, type WorkerMessage, type WorkerTask } from './worker-messages.js';

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
  const { settings: given, listeners: count, memory } = await task();
  const settings = withDefaults(checkSettings('settings from the primary', given));
  const tokens = accessTokens(settings);
  acceptTold = () => {
    if (told === undefined) return;
    tokens?.replace(checkSettings('tokens from the primary', { tokens: told.tokens }).tokens ?? []);
    tellPrimary({ type: 'tokens replaced', round: told.round });
  };
  acceptTold();
  const serving = await Serving.prepare(settings, { memory, tokens, places: inheritedSockets(count) });
  stop = (idleMs) => void serving.stop(idleMs).then(() => process.exit(0));
  await serving.listen();
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
