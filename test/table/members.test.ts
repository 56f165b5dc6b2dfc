/** `Table` has exactly the members of the reference; everything else that the service needs is in `engine.ts`. */
import t from 'tap';
import { Table } from '../../src/index.js';

/** The members that a TypeScript program sees, and those at run time. */
const METHODS = [
  'capacity',
  'changes',
  'clear',
  'close',
  'columns',
  'compareAndDelete',
  'compareAndSet',
  'decrement',
  'delete',
  'deleteMany',
  'deletePrefix',
  'destroy',
  'entries',
  'entry',
  'evict',
  'expire',
  'forEach',
  'get',
  'getMany',
  'has',
  'increment',
  'insert',
  'isOpen',
  'keys',
  'maxKeyBytes',
  'maxParticipants',
  'modify',
  'options',
  'put',
  'scan',
  'schemaVersion',
  'set',
  'setMany',
  'size',
  'snapshot',
  'stats',
  'take',
  'ttl',
  'update',
  'values',
  'verify',
  'watch',
] as const;
const PROPERTIES = ['backend', 'name', 'namespace', 'readOnly'] as const;

type Listed = (typeof METHODS)[number] | (typeof PROPERTIES)[number];
type Declared = Extract<keyof Table, string>;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;

t.test('the declared members are those of the reference', (t) => {
  const same: Same<Listed, Declared> = true;
  t.ok(same, 'the compiler has compared them');
  t.end();
});

t.test('the members at run time are those of the reference', (t) => {
  const names = Object.getOwnPropertyNames(Table.prototype).filter((name) => name !== 'constructor');
  t.same(names.sort(), [...METHODS]);
  const table = Table.create({ name: `members-${process.pid}`, capacity: 1, columns: { n: 'int32' } });
  t.same(Object.getOwnPropertyNames(table).sort(), [...PROPERTIES]);
  table.destroy();
  t.end();
});

t.test('the static members are those of the reference', (t) => {
  const own = Object.getOwnPropertyNames(Table).filter((name) => !['length', 'name', 'prototype'].includes(name));
  t.same(own.sort(), ['alter', 'bytesFor', 'create', 'destroy', 'list', 'open', 'openOrCreate', 'restore']);
  t.end();
});
