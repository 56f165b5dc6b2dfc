/** The processor time of a server, with the processes that it has started. */
import { readFileSync } from 'node:fs';

/** Linux reports times in hundredths of a second to every program. */
const US_PER_TICK = 10_000;
/** Fields after the name, which is in parentheses and may contain anything: user time and system time. */
const UTIME = 11;
const STIME = 12;

/** User and system time so far, in microseconds. */
export function processorTimeUs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const own = (Number(fields[UTIME]) + Number(fields[STIME])) * US_PER_TICK;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return children.reduce((sum, child) => sum + processorTimeUs(Number(child)), own);
}
