import { TABLE_DEFAULTS } from '../../table/defaults.js';

/** Default settings of the service, also used by its JSON Schema and the command's help. */
export const SERVICE_DEFAULTS = {
  host: '127.0.0.1',
  port: 7070,
  namespace: TABLE_DEFAULTS.namespace,
  limits: {
    bodyBytes: 0,
    answerBytes: 8 * 1024 * 1024,
    connections: 10_000,
    requestTimeoutMs: 30_000,
    drainTimeoutMs: 600_000,
  },
  rateLimit: { windowMs: 60_000 },
  snapshots: { everyMs: 0, keep: 3, atShutdown: true, restoreAtStart: true },
  onMismatch: 'throw',
  workerHeader: true,
  docs: true,
  ui: true,
  accessLog: false,
  logLevel: 'info',
} as const;

/** Default options of the plugin; the service uses them where it has no setting. */
export const PLUGIN_DEFAULTS = {
  lockTimeoutMs: 250,
  bodyLimit: SERVICE_DEFAULTS.limits.bodyBytes,
  answerBytes: SERVICE_DEFAULTS.limits.answerBytes,
  heartbeatMs: 15_000,
} as const;

/** The settings file that is read if it exists and no other is named. */
export const SETTINGS_FILE = 'shmtable.config.json';
