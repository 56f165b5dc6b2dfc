import { Table } from 'shmtable';

const cities = Table.openOrCreate({
  name: 'cities',
  capacity: 200_000, // rows; exactly this many fit
  columns: { population: 'int32', lat: 'float64', lon: 'float64', country: 'string(2)', city: 'string(80)' },
});

cities.set('5128581', { population: 8_175_133, lat: 40.714, lon: -74.006, country: 'US', city: 'New York City' });

console.log(cities.get('5128581')?.city); // New York City
console.log(cities.get('5128581', 'population')); // 8175133
console.log(cities.increment('5128581', 'population')); // 8175134, in every process at once
for (const [key, { city, country }] of cities) console.log(key, city, country); // 5128581 New York City US

cities.close(); // the rows stay, for whoever opens the table next
