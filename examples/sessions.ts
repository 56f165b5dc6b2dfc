/** Sessions of any content that expire some time after their last use in any process. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cache } from 'shmtable/cache';

interface Session {
  user: string;
  visits: number;
  cart: { sku: string; count: number }[];
}

const IDLE_MS = 1500;

const sessions = Cache.open<Session>({ name: 'sessions', bytes: 16 * 2 ** 20, entries: 10_000, ttl: IDLE_MS });

function signIn(user: string): string {
  const id = randomUUID();
  sessions.set(id, { user, visits: 0, cart: [] }, { tags: [`user:${user}`] });
  return id;
}

/** Returns the session and extends it; undefined when it has expired. */
function visit(id: string): Session | undefined {
  const session = sessions.get(id);
  if (session === undefined) return undefined;
  session.visits++;
  sessions.set(id, session, { tags: [`user:${session.user}`] });
  return session;
}

const id = signIn('ada');
for (let i = 0; i < 3; i++) {
  await sleep(IDLE_MS * 0.4);
  console.log(visit(id)?.visits); // 1, then 2, then 3
}
await sleep(IDLE_MS * 1.1);
console.log(visit(id)); // undefined

const phone = signIn('ada');
const laptop = signIn('ada');
sessions.invalidateTag('user:ada'); // signs her out everywhere
console.log(visit(phone), visit(laptop)); // undefined undefined

sessions.close();
