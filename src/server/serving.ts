/** An app that accepts connections, and how it ends: in a worker, or in the only process of a service. */
import { pause } from '../memory/index.js';
import type { AccessTokens } from './access/access-tokens.js';
import { buildApp } from './app.js';
import { ConnectionDrain } from './connection-drain.js';
import { Listeners, type ListeningPlace } from './listeners.js';
import { ServiceMemory } from './service-memory.js';
import type { RoutesApp } from './service-routes.js';
import type { ServiceSettings } from './settings/settings-schema.js';

/** Long enough to accept connections that arrived before the shutdown, which no other worker would accept. */
const LAST_ARRIVALS_MS = 100;

interface ServingOptions {
  /** The name of the service's memory. */
  readonly memory: string;
  readonly tokens: AccessTokens | undefined;
  readonly places: readonly ListeningPlace[];
}

export class Serving {
  readonly #app: RoutesApp;
  readonly #drain: ConnectionDrain;
  readonly #listeners: Listeners;
  #finished: Promise<void> | undefined;

  private constructor(app: RoutesApp, drain: ConnectionDrain, listeners: Listeners) {
    this.#app = app;
    this.#drain = drain;
    this.#listeners = listeners;
  }

  /** Creates the app; it accepts connections after `listen`. */
  static async prepare(settings: ServiceSettings, { memory, tokens, places }: ServingOptions): Promise<Serving> {
    const drain = new ConnectionDrain();
    const app = await buildApp(settings, { drain, memory: ServiceMemory.open(memory), tokens });
    await app.ready();
    return new Serving(app, drain, new Listeners(app.server, places));
  }

  /** Resolves when every socket accepts connections. */
  listen(): Promise<void> {
    return this.#listeners.listen();
  }

  /** Resolves when the current requests are complete; idle connections are kept for `idleMs`, which may be shortened. */
  stop(idleMs: number): Promise<void> {
    this.#drain.endIdleAfter(idleMs);
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  /** Ends the connections that remain. */
  endConnections(): void {
    this.#app.server.closeAllConnections();
  }

  async #finish(): Promise<void> {
    this.#drain.announce();
    await pause(LAST_ARRIVALS_MS);
    const closed = this.#app.close();
    this.#listeners.close();
    await closed;
  }
}
