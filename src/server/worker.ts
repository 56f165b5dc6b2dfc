/** One worker of the cluster: the program that the primary forks. It ends with the primary, or when told to. */
import cluster from 'node:cluster';
import { once } from 'node:events';
import { buildApp } from './app.js';
import { checkSettings } from './settings/check-settings.js';
import { withDefaults } from './settings/settings-schema.js';
import { SETTINGS_VARIABLE, STOP, type WorkerMessage } from './worker-messages.js';

async function serve(): Promise<void> {
  const text = process.env[SETTINGS_VARIABLE] ?? '{}';
  delete process.env[SETTINGS_VARIABLE];
  const settings = withDefaults(checkSettings(SETTINGS_VARIABLE, JSON.parse(text)));
  const app = await buildApp(settings);
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await app.close();
    await leaveCluster();
    process.exit(0);
  };
  process.on('message', (message) => {
    if (message === STOP) void stop();
  });
  process.on('SIGTERM', () => void stop());
  const { socket, host, port } = settings;
  const address = await app.listen(socket === undefined ? { host, port } : { path: socket });
  tellPrimary({ type: 'ready', address });
}

/**
 * Resolves once the primary knows that this worker takes no connections: what it had sent before is here by then, and
 * goes back to it for another worker. Whoever ended without that would take connections along that nobody answers.
 */
async function leaveCluster(): Promise<void> {
  if (cluster.worker === undefined || !process.connected) return;
  const left = once(process, 'disconnect');
  cluster.worker.disconnect();
  await left;
}

function tellPrimary(message: WorkerMessage, sent?: () => void): void {
  process.send?.(message, undefined, {}, sent);
}

// A terminal sends these to every process of its group; the primary decides what they mean.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);

serve().catch((error: unknown) => {
  const reason = error instanceof Error ? error.message : String(error);
  tellPrimary({ type: 'failed', reason }, () => process.exit(1));
});
