/** One worker of the service: the program that the primary starts. It ends with the primary, or when told to. */
import { setTimeout as pause } from 'node:timers/promises';
import { buildApp } from './app.js';
import { ConnectionDrain } from './connection-drain.js';
import { InheritedListeners } from './inherited-listeners.js';
import { checkSettings } from './settings/check-settings.js';
import { withDefaults } from './settings/settings-schema.js';
import { isPrimaryMessage, LISTENERS_VARIABLE, SETTINGS_VARIABLE, type WorkerMessage } from './worker-messages.js';

/** Long enough to accept what had arrived when the end was announced: at a shutdown nobody else does. */
const LAST_ARRIVALS_MS = 100;

async function serve(): Promise<void> {
  const { [SETTINGS_VARIABLE]: text = '{}', [LISTENERS_VARIABLE]: count } = process.env;
  delete process.env[SETTINGS_VARIABLE];
  delete process.env[LISTENERS_VARIABLE];
  const settings = withDefaults(checkSettings(SETTINGS_VARIABLE, JSON.parse(text)));
  const drain = new ConnectionDrain();
  const app = await buildApp(settings, drain);
  await app.ready();
  const listeners = new InheritedListeners(app.server, Number(count));
  let stopping = false;
  const stop = async (idleMs: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    drain.idleMs = idleMs;
    drain.announce();
    await pause(LAST_ARRIVALS_MS);
    const closed = app.close();
    listeners.close();
    await closed;
    process.exit(0);
  };
  process.on('message', (message) => {
    if (isPrimaryMessage(message)) void stop(message.idleMs);
  });
  process.on('SIGTERM', () => void stop(0));
  await listeners.listen();
  tellPrimary({ type: 'ready' });
}

function tellPrimary(message: WorkerMessage, sent?: () => void): void {
  process.send?.(message, undefined, {}, sent);
}

// A terminal sends these to every process of its group; the primary decides what they mean.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
// Without the primary there is nobody to replace this worker, and a new service wants its address.
process.on('disconnect', () => process.exit(1));

serve().catch((error: unknown) => {
  const reason = error instanceof Error ? error.message : String(error);
  tellPrimary({ type: 'failed', reason }, () => process.exit(1));
});
