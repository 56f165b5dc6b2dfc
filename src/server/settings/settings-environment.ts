/**
 * Reads settings from the environment. A variable's name is `SHMTABLE_` and the setting's path in capitals, with
 * underscores between words: `limits.bodyBytes` is `SHMTABLE_LIMITS_BODY_BYTES`. Objects and lists (`tables`, `tokens`)
 * are JSON.
 */
import { ShmTableError, show } from '../../errors.js';
import { checkSettings } from './check-settings.js';
import type { GivenSettings } from './settings-schema.js';

type Kind = 'text' | 'integer' | 'flag' | 'json';

const VARIABLES: Readonly<Record<string, { readonly path: readonly string[]; readonly kind: Kind }>> = {
  SHMTABLE_HOST: { path: ['host'], kind: 'text' },
  SHMTABLE_PORT: { path: ['port'], kind: 'integer' },
  SHMTABLE_SOCKET: { path: ['socket'], kind: 'text' },
  SHMTABLE_WORKERS: { path: ['workers'], kind: 'integer' },
  SHMTABLE_NAMESPACE: { path: ['namespace'], kind: 'text' },
  SHMTABLE_TABLES: { path: ['tables'], kind: 'json' },
  SHMTABLE_ON_MISMATCH: { path: ['onMismatch'], kind: 'text' },
  SHMTABLE_TOKENS: { path: ['tokens'], kind: 'json' },
  SHMTABLE_TOKENS_FILE: { path: ['tokensFile'], kind: 'text' },
  SHMTABLE_TLS_CERT: { path: ['tls', 'cert'], kind: 'text' },
  SHMTABLE_TLS_KEY: { path: ['tls', 'key'], kind: 'text' },
  SHMTABLE_CORS: { path: ['cors'], kind: 'json' },
  SHMTABLE_RATE_LIMIT_MAX: { path: ['rateLimit', 'max'], kind: 'integer' },
  SHMTABLE_RATE_LIMIT_WINDOW_MS: { path: ['rateLimit', 'windowMs'], kind: 'integer' },
  SHMTABLE_LIMITS_BODY_BYTES: { path: ['limits', 'bodyBytes'], kind: 'integer' },
  SHMTABLE_LIMITS_ANSWER_BYTES: { path: ['limits', 'answerBytes'], kind: 'integer' },
  SHMTABLE_LIMITS_CONNECTIONS: { path: ['limits', 'connections'], kind: 'integer' },
  SHMTABLE_LIMITS_REQUEST_TIMEOUT_MS: { path: ['limits', 'requestTimeoutMs'], kind: 'integer' },
  SHMTABLE_LIMITS_DRAIN_TIMEOUT_MS: { path: ['limits', 'drainTimeoutMs'], kind: 'integer' },
  SHMTABLE_SNAPSHOTS_DIR: { path: ['snapshots', 'dir'], kind: 'text' },
  SHMTABLE_SNAPSHOTS_EVERY_MS: { path: ['snapshots', 'everyMs'], kind: 'integer' },
  SHMTABLE_SNAPSHOTS_KEEP: { path: ['snapshots', 'keep'], kind: 'integer' },
  SHMTABLE_SNAPSHOTS_AT_SHUTDOWN: { path: ['snapshots', 'atShutdown'], kind: 'flag' },
  SHMTABLE_SNAPSHOTS_RESTORE_AT_START: { path: ['snapshots', 'restoreAtStart'], kind: 'flag' },
  SHMTABLE_DOCS: { path: ['docs'], kind: 'flag' },
  SHMTABLE_UI: { path: ['ui'], kind: 'flag' },
  SHMTABLE_PUBLIC_URL: { path: ['publicUrl'], kind: 'text' },
  SHMTABLE_TRUSTED_PROXIES: { path: ['trustedProxies'], kind: 'json' },
  SHMTABLE_ACCESS_LOG: { path: ['accessLog'], kind: 'flag' },
  SHMTABLE_WORKER_HEADER: { path: ['workerHeader'], kind: 'flag' },
  SHMTABLE_LOG_LEVEL: { path: ['logLevel'], kind: 'text' },
};

/** Known variables that are not settings; read elsewhere. */
const OTHER_VARIABLES = new Set(['SHMTABLE_ADDON', 'SHMTABLE_PRINT_CODE']);

interface EnvironmentSettings {
  readonly settings: GivenSettings;
  readonly warnings: readonly string[];
}

/**
 * Returns the settings in the environment. An unknown name only causes a warning, as does a port that an orchestrator
 * injects for a service called `shmtable` (`tcp://10.0.0.1:7070`).
 *
 * @throws {ShmTableError} ERR_ARGUMENT when a value is invalid
 */
export function readEnvironment(environment: NodeJS.ProcessEnv): EnvironmentSettings {
  const warnings: string[] = [];
  const settings: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith('SHMTABLE_') || OTHER_VARIABLES.has(name) || text === undefined || text === '') continue;
    const variable = VARIABLES[name];
    if (variable === undefined) {
      warnings.push(`unknown environment variable ${name}`);
    } else if (name === 'SHMTABLE_PORT' && text.startsWith('tcp://')) {
      warnings.push(`${name}=${text} was set by an orchestrator and is not a port; ignored`);
    } else {
      place(settings, variable.path, parseVariable(name, text, variable.kind));
    }
  }
  return { settings: checkSettings('environment', settings), warnings };
}

function parseVariable(name: string, text: string, kind: Kind): unknown {
  if (kind === 'text') return text;
  if (kind === 'integer') return integerOf(name, text);
  if (kind === 'flag') return flagOf(name, text);
  try {
    return JSON.parse(text);
  } catch {
    // Those may have secrets in them.
    const got = name === 'SHMTABLE_TOKENS' || name === 'SHMTABLE_TABLES' ? '' : `: ${show(text)}`;
    throw new ShmTableError('ERR_ARGUMENT', `environment: ${name} is not JSON${got}`);
  }
}

/**
 * Returns the integer in a variable or flag.
 *
 * @throws {ShmTableError} ERR_ARGUMENT when it is not an integer
 */
export function integerOf(name: string, text: string): number {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) {
    throw new ShmTableError('ERR_ARGUMENT', `${name} must be an integer, got ${show(text)}`);
  }
  return Number(text);
}

function flagOf(name: string, text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new ShmTableError('ERR_ARGUMENT', `${name} must be true or false, got ${show(text)}`);
}

function place(settings: Record<string, unknown>, [first, second]: readonly string[], value: unknown): void {
  if (second === undefined) settings[first] = value;
  else settings[first] = { ...Object(settings[first]), [second]: value };
}
