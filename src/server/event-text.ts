/** Events in words, and how serious they are. */
import type { ServiceEvent } from './event-log.js';

export function describeEvent(event: ServiceEvent): string {
  switch (event.type) {
    case 'slow request':
      return `slow request: ${event.method} ${event.url} ${event.status} took ${event.durationMs} ms in worker ${event.worker} (${event.requestId})`;
    case 'alteration':
      return `table ${event.table} was altered: ${event.rows} rows copied, writers held for ${event.heldMs.toFixed(1)} ms`;
    case 'recovery':
      return `recovery: ${event.settled} of dead worker ${event.worker} settled in table ${event.table}`;
    case 'worker died':
      return `worker ${event.worker} died (${event.signal ?? `exit code ${event.code}`})`;
    case 'worker started':
      return `worker ${event.worker} is serving`;
    case 'worker ended':
      return `worker ${event.worker} has ended`;
    case 'snapshot':
      return `snapshot of table ${event.table}: ${event.rows} rows, ${event.bytes} bytes`;
    case 'snapshot failed':
      return `snapshot of table ${event.table} failed: ${event.reason}`;
  }
}

type EventLevel = 'info' | 'warn' | 'error';

const LEVELS: Readonly<Record<ServiceEvent['type'], EventLevel>> = {
  'slow request': 'warn',
  'worker started': 'info',
  'worker ended': 'info',
  'worker died': 'error',
  alteration: 'info',
  recovery: 'warn',
  snapshot: 'info',
  'snapshot failed': 'error',
};

export function levelOf({ type }: ServiceEvent): EventLevel {
  return LEVELS[type];
}
