/** Where the console is. */
import type { ServiceSettings } from './settings/settings-schema.js';

/** Its path. */
export const CONSOLE = '/ui';

/** An address that stands for every address of the machine, with a port. */
const EVERY_ADDRESS = /^(0\.0\.0\.0|\[::\])(?=:\d+$)/;

/**
 * The address to open in a browser on this machine, or `publicUrl`; undefined without a console or a port.
 *
 * @param address - Where the service listens: `127.0.0.1:7070`, `[::1]:7070`, or the path of a Unix socket
 */
export function consoleAddress(
  { ui, publicUrl, tls, socket }: Pick<ServiceSettings, 'ui' | 'publicUrl' | 'tls' | 'socket'>,
  address: string,
): string | undefined {
  if (!ui) return undefined;
  if (publicUrl !== undefined) return publicUrl + CONSOLE;
  if (socket !== undefined) return undefined;
  return `${tls === undefined ? 'http' : 'https'}://${address.replace(EVERY_ADDRESS, 'localhost')}${CONSOLE}`;
}
