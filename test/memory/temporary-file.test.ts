/** Temporary files of unfinished segments, and files that look like them for a moment. */
import { constants, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type Descriptor, native } from '../../src/memory/native.js';
import { createTemporary, removeRemains, removeTemporary } from '../../src/memory/temporary-file.js';

let directory = '';
const discarded: number[] = [];
const kind = { prefix: '.temporary-', discard: ({ number }: Descriptor): void => void discarded.push(number) };

t.beforeEach((t) => {
  const folder = mkdtempSync(join(tmpdir(), 'shmtable-temporary-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  directory = folder;
  discarded.length = 0;
});

t.test('the file of a live creator remains', (t) => {
  const maker = new native.Descriptor();
  const path = make(maker);
  const sweeper = openAgain(path);
  removeRemains(path, sweeper, kind);
  t.same([discarded.length, existsSync(path)], [0, true]);
  sweeper.close();
  maker.close();
  t.end();
});

t.test('the file of a dead creator is removed when the next one is created', (t) => {
  const maker = new native.Descriptor();
  const path = make(maker);
  maker.close();
  const next = new native.Descriptor();
  make(next);
  t.same([discarded.length, existsSync(path)], [1, false]);
  next.close();
  t.end();
});

t.test('a file that is published after another process has opened it to remove it is not removed', (t) => {
  const maker = new native.Descriptor();
  const path = make(maker);
  const final = join(directory, 'final');
  const sweeper = openAgain(path);
  t.equal(maker.link(final), 0);
  removeTemporary(path, maker);
  removeRemains(path, sweeper, kind);
  t.same([discarded.length, readdirSync(directory)], [0, ['final']]);
  sweeper.close();
  maker.close();
  t.end();
});

t.test('another file that has taken its name is not removed', (t) => {
  const maker = new native.Descriptor();
  const path = make(maker);
  const sweeper = openAgain(path);
  removeTemporary(path, maker);
  const other = new native.Descriptor();
  t.equal(other.open(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600), 0);
  removeRemains(path, sweeper, kind);
  t.same([discarded.length, existsSync(path)], [0, true]);
  for (const descriptor of [maker, sweeper, other]) descriptor.close();
  t.end();
});

function make(descriptor: Descriptor): string {
  return createTemporary(directory, kind, descriptor, () => 'create a temporary file');
}

function openAgain(path: string): Descriptor {
  const descriptor = new native.Descriptor();
  t.equal(descriptor.open(path, constants.O_RDWR, 0), 0);
  return descriptor;
}
