/** A sample as text for a terminal. */
import type { LoggedEvent } from '../server/event-log.js';
import { describeEvent } from '../server/event-text.js';
import type { LiveSample, ServiceSample, TableSample } from './live-reader.js';
import { alignedLines } from './output.js';

const TABLE_HEADS = [
  'TABLE',
  'ROWS',
  'FULL',
  'BYTES',
  'HEAP',
  'HANDLES',
  'INS/S',
  'UPD/S',
  'DEL/S',
  'EXP/S',
  'EVI/S',
  'WAIT/S',
  'RECOVERIES',
];
const SERVICE_HEADS = ['SERVICE', 'WORKERS', 'REQ/S', '5XX/S', 'P50', 'P99', 'DEATHS'];

/** The cursor takes a line below the text. */
const CURSOR_LINES = 1;

/** For a terminal with this many lines: the oldest events are left out if they do not fit. */
export function screenOf({ namespace, at, tables, services }: LiveSample, maxLines: number): string {
  const head = `shmtable top - namespace ${namespace} - ${new Date(at).toISOString()}`;
  const lines = [head, '', ...alignedLines([TABLE_HEADS, ...tables.map(tableCells)])];
  if (services.length > 0) lines.push('', ...alignedLines([SERVICE_HEADS, ...services.map(serviceCells)]));
  const events = services.flatMap((service) => service.events).sort((a, b) => a.at - b.at);
  const shown = maxLines - CURSOR_LINES;
  const room = Math.max(0, shown - lines.length - 1);
  if (events.length > 0 && room > 0) lines.push('', ...events.slice(-Math.min(room, events.length)).map(eventLine));
  return lines.slice(0, shown).join('\n');
}

function tableCells(table: TableSample): string[] {
  return [
    table.name,
    String(table.rows),
    `${Math.round((100 * table.rows) / table.capacity)}%`,
    String(table.bytes),
    table.heapShare === null ? '-' : `${Math.round(100 * table.heapShare)}%`,
    String(table.participants),
    String(table.insertsPerSecond),
    String(table.updatesPerSecond),
    String(table.deletesPerSecond),
    String(table.expirationsPerSecond),
    String(table.evictionsPerSecond),
    String(table.lockWaitsPerSecond),
    String(table.recoveries),
  ];
}

function serviceCells(service: ServiceSample): string[] {
  return [
    String(service.pid),
    String(service.workers),
    String(service.requestsPerSecond),
    String(service.failuresPerSecond),
    duration(service.p50Ms),
    duration(service.p99Ms),
    String(service.deaths),
  ];
}

function duration(ms: number | null): string {
  return ms === null ? '-' : `<${ms}ms`;
}

/** Text without control characters, which a terminal would interpret. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, '?');
}

function eventLine(event: LoggedEvent): string {
  return `${new Date(event.at).toISOString()}  ${printable(describeEvent(event))}`;
}
