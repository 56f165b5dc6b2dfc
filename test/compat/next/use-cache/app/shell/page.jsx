import { cacheLife, cacheTag } from 'next/cache';

export default async function Page() {
  'use cache';
  cacheTag('shell');
  cacheLife('hours');
  return <p>{`shell of ${process.pid} ${Math.random()}`}</p>;
}
