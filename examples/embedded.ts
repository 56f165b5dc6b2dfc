import { Table } from 'shmtable';

const cities = Table.openOrCreate({
  name: 'cities',
  capacity: 200_000, // rows
  columns: { population: 'int32', city: 'string(80)' },
});
cities.set('5128581', { population: 8_175_133, city: 'New York City' });
console.log(cities.increment('5128581', 'population')); // 8175134, in every process at once
for (const [key, { city }] of cities) console.log(key, city); // 5128581 New York City
