/** The soft limit of open files in the text of `/proc/PID/limits`; Infinity if there is none. */
export function descriptorLimit(limits: string): number {
  const [, soft] = /^Max open files\s+(\S+)/m.exec(limits) ?? [];
  const limit = Number(soft);
  return Number.isFinite(limit) ? limit : Number.POSITIVE_INFINITY;
}
