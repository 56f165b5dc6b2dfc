import type { Scope } from '../../cluster/two-hosts.js';
import { checkHosts } from './checked-hosts.js';
import { stormFaults } from './fault-storm.js';
import { killFillers } from './killed-fillers.js';
import { addTogether } from './lost-updates.js';
import { writeToStoppedFeed } from './stopped-feed.js';
import { killFeeds } from './takeovers.js';

export interface ClusterReport {
  readonly summary: string;
  readonly problems: readonly string[];
}

/** How much of each scenario. */
interface Effort {
  readonly seed: number;
  readonly quietMs: number;
  readonly movedSlots: number;
  readonly stormRounds: number;
  readonly feedKills: number;
  readonly heldPlaces: number;
  /** Additions of each kind and process. */
  readonly additions: number;
  readonly unreadWrites: number;
}

const IN_FULL: Omit<Effort, 'seed'> = {
  quietMs: 60_000,
  movedSlots: 1_000,
  stormRounds: 10,
  feedKills: 20,
  heldPlaces: 1_000,
  additions: 10_000,
  unreadWrites: 1_000_000,
};
const SAMPLE: Omit<Effort, 'seed'> = {
  quietMs: 0,
  movedSlots: 0,
  stormRounds: 1,
  feedKills: 4,
  heldPlaces: 40,
  additions: 300,
  unreadWrites: 0,
};

/** Runs the scenarios of tables in a cluster one after the other, on servers of their own. */
export async function runCluster(
  { isSample, seed }: { readonly isSample: boolean; readonly seed: number },
  done: (name: string, report: ClusterReport) => void,
): Promise<void> {
  const effort = isSample ? SAMPLE : IN_FULL;
  const scenarios: Record<string, ((scope: Scope) => Promise<ClusterReport>) | undefined> = {
    'two hosts': effort.quietMs > 0 ? (scope) => checkHosts(scope, effort.quietMs, effort.movedSlots) : undefined,
    'storm of faults': (scope) => stormFaults(scope, effort.stormRounds, seed),
    'killed feeds': (scope) => killFeeds(scope, effort.feedKills),
    'killed readers': (scope) => killFillers(scope, effort.heldPlaces),
    additions: (scope) => addTogether(scope, effort.additions),
    'stopped feed': effort.unreadWrites > 0 ? (scope) => writeToStoppedFeed(scope, effort.unreadWrites) : undefined,
  };
  for (const [name, scenario] of Object.entries(scenarios)) if (scenario) done(name, await inScope(scenario));
}

/** Runs one and ends what it has started, last first. Rejects with its error. */
async function inScope(scenario: (scope: Scope) => Promise<ClusterReport>): Promise<ClusterReport> {
  const ends: (() => unknown)[] = [];
  const scope: Scope = {
    teardown: (end) => {
      ends.push(end as () => unknown);
    },
  };
  try {
    return await scenario(scope);
  } catch (error) {
    return {
      summary: 'ended early',
      problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
    };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
