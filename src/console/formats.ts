/** Numbers and times as text, the same on every page. */

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
/** Shown where there is no number. */
export const NONE = '–';

/** `1,234,567`. */
export function formatCount(count: number): string {
  return WHOLE.format(count);
}

/** `1.23M`: a count where there is little room. */
export function formatShort(count: number): string {
  return Math.abs(count) < 10_000 ? WHOLE.format(count) : SHORT.format(count);
}

/** `1.5 MiB`: bytes in binary units, with three significant digits. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 1,023.5 and more would be shown as 1,024 of the smaller unit.
  while (Math.abs(value) >= 1023.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? WHOLE.format(value) : threeDigits(value)} ${BYTE_UNITS[unit]}`;
}

/** `12.3/s`; 0 is `0`, so that what happens stands out. Undefined is not known yet. */
export function formatRate(perSecond: number | undefined): string {
  if (perSecond === undefined) return NONE;
  if (perSecond === 0) return '0';
  return perSecond < 0.1 ? '< 0.1/s' : `${perSecond < 10_000 ? threeDigits(perSecond) : SHORT.format(perSecond)}/s`;
}

/** `12 %`, of a part in 0 .. 1: never 0 for something, never 100 for less than all. */
export function formatPercent(part: number | undefined): string {
  if (part === undefined || Number.isNaN(part)) return NONE;
  const percent = part * 100;
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  if (percent < 100 && percent > 99.9) return '> 99.9 %';
  return `${percent < 10 || percent > 99 ? Number(percent.toFixed(1)) : WHOLE.format(percent)} %`;
}

/** `1.25 ms`, `3.2 s`: a duration from milliseconds. */
export function formatMs(ms: number | undefined | null): string {
  if (ms === undefined || ms === null || Number.isNaN(ms)) return NONE;
  if (ms < 1000) return `${ms < 0.01 && ms > 0 ? '< 0.01' : threeDigits(ms)} ms`;
  return ms < 60_000 ? `${threeDigits(ms / 1000)} s` : formatDuration(ms / 1000);
}

/** `2 d 3 h`, `5 min 12 s`, `42 s`: the two largest units of a duration in seconds. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const units: [string, number][] = [
    ['d', Math.floor(whole / 86_400)],
    ['h', Math.floor(whole / 3600) % 24],
    ['min', Math.floor(whole / 60) % 60],
    ['s', whole % 60],
  ];
  const first = units.findIndex(([, count]) => count > 0);
  if (first === -1) return '0 s';
  return units
    .slice(first, first + 2)
    .filter(([, count]) => count > 0)
    .map(([unit, count]) => `${count} ${unit}`)
    .join(' ');
}

/** `14:03:59`: the local time of day of epoch milliseconds. */
export function formatTime(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB');
}

/** `2026-11-30 14:03:59`: local date and time of epoch milliseconds. */
export function formatDateTime(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${formatTime(ms)}`;
}

/** `1 row`, `2 rows`. */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  return Number(value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2)).toLocaleString('en');
}
