import { cacheLife, cacheTag, updateTag } from 'next/cache';
import { connection } from 'next/server';
import { Suspense } from 'react';

async function read() {
  'use cache';
  cacheTag('data');
  cacheLife('hours');
  const answer = await fetch(`${process.env.ORIGIN}/data`);
  return `value of ${process.pid}: ${await answer.text()}`;
}

async function update() {
  'use server';
  updateTag('data');
}

async function Value() {
  await connection();
  return <p>{await read()}</p>;
}

export default function Page() {
  return (
    <form action={update}>
      <Suspense>
        <Value />
      </Suspense>
    </form>
  );
}
