/** Operations of requests on rows of a cluster: how many are under way at a time, in one request and in all together. */
import t from 'tap';
import { RemoteOperations } from '../../src/server/remote-operations.js';

const MIB = 1024 * 1024;

/** Operations that end when they are told to. */
class Work {
  begun = 0;
  readonly #ends: (() => void)[] = [];

  begin(): Promise<number> {
    const number = this.begun++;
    return new Promise((resolve) => {
      this.#ends.push(() => resolve(number));
    });
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

/** Begins operations until the request has to wait; returns how many it has begun, and what it waits for. */
function fill(request: RemoteOperations<number>, work: Work, bytes?: number): [number, Promise<void>] {
  for (let begun = 1; ; begun++) {
    const full = request.add(work.begin(), bytes);
    if (full !== undefined) return [begun, full];
  }
}

t.test('a request has as many operations under way as it may', async (t) => {
  const work = new Work();
  const taken: number[] = [];
  const request = new RemoteOperations<number>(100, (result) => taken.push(result));
  const [begun, full] = fill(request, work);
  t.equal(begun, 100);
  work.end();
  await full;
  await request.rest();
  t.same(
    taken,
    Array.from({ length: 100 }, (_, i) => i),
    'results in order',
  );
});

t.test('fewer that keep many bytes', async (t) => {
  const work = new Work();
  const request = new RemoteOperations<number>(1024, () => undefined);
  const [few, full] = fill(request, work, MIB);
  t.equal(few, 4);
  work.end();
  await full;
  await request.rest();
  const [one, fullAgain] = fill(request, work, 64 * MIB);
  t.equal(one, 1);
  work.end();
  await fullAgain;
  t.equal(request.add(work.begin()), undefined, 'room again');
  work.end();
  await request.rest();
});

t.test('a thousand requests share what is under way together, and each has some', async (t) => {
  const work = new Work();
  const requests = Array.from({ length: 1000 }, () => new RemoteOperations<number>(1024, () => undefined));
  const waits: Promise<void>[] = [];
  const counts = requests.map((request) => {
    const [begun, full] = fill(request, work);
    waits.push(full);
    return begun;
  });
  t.comment(`${work.begun} operations`);
  t.ok(work.begun < 10_000, `${work.begun} operations`);
  t.ok(
    counts.every((count) => count > 0),
    'every request has some',
  );
  work.end();
  await Promise.all(waits);
  await Promise.all(requests.map((request) => request.rest()));
  const later = new RemoteOperations<number>(1024, () => undefined);
  const [begun, full] = fill(later, work);
  t.equal(begun, 1024, 'all of it is free again');
  work.end();
  await full;
  await later.rest();
});
