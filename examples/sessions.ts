/** Sessions that expire some time after their last use in any process. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Table } from 'shmtable';

const IDLE_MS = 1500;

const sessions = Table.openOrCreate({
  name: 'sessions',
  capacity: 10_000,
  columns: { user: 'string(40)', visits: 'uint32' },
});

function signIn(user: string): string {
  const id = randomUUID();
  sessions.insert(id, { user }, { ttl: IDLE_MS });
  return id;
}

/** Returns the session and extends it; undefined when it has expired. */
function visit(id: string) {
  return sessions.modify(id, (session) => session && { visits: session.visits + 1 }, { ttl: IDLE_MS });
}

const id = signIn('ada');
for (let i = 0; i < 3; i++) {
  await sleep(IDLE_MS * 0.4);
  console.log(visit(id)); // { user: 'ada', visits: 1 }, then 2, then 3
}
await sleep(IDLE_MS * 1.1);
console.log(visit(id)); // undefined

sessions.close();
