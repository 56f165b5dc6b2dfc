/** The defaults and limits of the options of a table in a cluster, also for the JSON Schema of the settings. */
export const CLUSTER_LIMITS = {
  timeoutMs: { least: 10, most: 600_000, default: 2_000 },
  maxStaleMs: { least: 50, most: 60_000, default: 1_000 },
  maxAgeMs: { least: 1, most: Number.MAX_SAFE_INTEGER, default: 60_000 },
} as const;
